"""What HTTP transports may do."""

import pytest

from everywire.gateway.settings import HttpSettings, address
from everywire.http.origin import Only
from everywire.http.request import Headers, Request


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("2001:db8::1", 1), "2001:db8::1"),
        (("127.0.0.1", 1), None),
        (("::1", 1), None),
        ("/run/socket", None),
        (None, None),
        (("nonsense", 1), "nonsense"),
    ],
)
def test_the_address_that_counts(peer, counted):
    class Facts:
        def extra(self, name):
            return peer

    request = Request("GET", "/", Headers())
    request.facts = Facts()
    assert address(request) == counted


def test_defaults():
    settings = HttpSettings()
    assert (settings.origins, settings.max_lines, settings.patience, settings.max_early) == (None, 1_000, 2.0, 4)
    assert settings.only_listed is False
    assert (settings.limits.write_high, settings.limits.write_limit) == (1 << 16, 1 << 20)


def test_who_may_ask():
    assert HttpSettings(origins=["https://a"]).pages == ["https://a"]
    assert HttpSettings(origins=["https://a"], only_listed=True).pages == Only(["https://a"])
    assert HttpSettings(only_listed=True).pages == Only(())  # nobody, rather than what was to be shut out
