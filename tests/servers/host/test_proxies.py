"""Client and scheme behind proxies: from trusted ones alone, as far as trusted ones wrote them."""

from typing import Any

import pytest

from everywire.http.forwarded import networks
from everywire.http.request import Headers, Request
from everywire.servers.host.proxies import behind

PROXIES = networks(["10.0.0.0/8", "unix", "::1"])


class Peer:
    def __init__(self, remote: object) -> None:
        self.remote = remote

    def extra(self, name: str) -> object:
        return self.remote if name == "peername" else None


def written(remote: Any, *fields: tuple[str, str], said: Any = "x-forwarded", kind: str = "http") -> dict[str, Any]:
    request = Request("GET", "/", Headers(fields))
    request.facts = Peer(remote)
    client = remote[:2] if isinstance(remote, tuple) else None
    scope = {"type": kind, "scheme": {"http": "http", "websocket": "ws"}[kind], "client": client}
    behind(PROXIES, said)(request, scope)
    return scope


@pytest.mark.parametrize(
    ("remote", "fields", "client", "scheme"),
    [
        (("10.0.0.1", 5), [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https")], ("1.2.3.4", 0), "https"),
        (("10.0.0.1", 5), [("X-Forwarded-For", "6.6.6.6, 1.2.3.4, 10.9.9.9")], ("1.2.3.4", 0), "http"),
        (("10.0.0.1", 5), [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "1.2.3.4:77")], ("1.2.3.4", 77), "http"),
        (("10.0.0.1", 5), [("X-Forwarded-For", "1.2.3.4, nonsense")], ("10.0.0.1", 5), "http"),
        (("10.0.0.1", 5), [("X-Forwarded-Proto", "gopher")], ("10.0.0.1", 5), "http"),
        (("10.0.0.1", 5), [("X-Forwarded-For", "1.1.1.1, 2.2.2.2"), ("X-Forwarded-Proto", "http,https")],
         ("2.2.2.2", 0), "https"),
        (("9.9.9.9", 5), [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https")], ("9.9.9.9", 5), "http"),
        (("::1", 5), [("X-Forwarded-For", "[2001:db8::7]:443")], ("2001:db8::7", 443), "http"),
        ("", [("X-Forwarded-For", "1.2.3.4")], ("1.2.3.4", 0), "http"),
        (("10.0.0.1", 5), [("Forwarded", "for=1.2.3.4;proto=https")], ("10.0.0.1", 5), "http"),
    ],
)  # fmt: skip
def test_what_x_forwarded_headers_say_is_believed_of_trusted_proxies_alone(remote, fields, client, scheme):
    scope = written(remote, *fields)
    assert (scope["client"], scope["scheme"]) == (client, scheme)


@pytest.mark.parametrize(
    ("value", "client", "scheme"),
    [
        ('for="[2001:db8::7]:443";proto=https', ("2001:db8::7", 443), "https"),
        ("For=6.6.6.6;proto=http, for=1.2.3.4;proto=https;by=10.0.0.1, for=10.3.3.3", ("1.2.3.4", 0), "https"),
        ("for=_hidden;proto=https", ("10.0.0.1", 5), "https"),
        ('for="a\\"b, c"', ("10.0.0.1", 5), "http"),
    ],
)
def test_forwarded_is_read_where_proxies_speak_by_it(value, client, scheme):
    fields = [("Forwarded", value), ("X-Forwarded-For", "7.7.7.7")]
    scope = written(("10.0.0.1", 5), *fields, said="forwarded")
    assert (scope["client"], scope["scheme"]) == (client, scheme)


def test_a_websockets_scheme_is_wss():
    scope = written(("10.0.0.1", 5), ("X-Forwarded-Proto", "https"), kind="websocket")
    assert scope["scheme"] == "wss"


def test_there_are_two_kinds_of_headers():
    with pytest.raises(ValueError, match="'x-forwarded' or 'forwarded'"):
        behind(PROXIES, "via")  # type: ignore[arg-type]
