"""Which pages may connect to a site."""

import pytest
from django.test import override_settings
from tests.django.people import connecting

from everywire.django.origins import check
from everywire.errors import Refused
from everywire.hub.hooks import Connecting

HOSTS = {"ALLOWED_HOSTS": ["example.com", ".example.org", "[::1]"], "CSRF_TRUSTED_ORIGINS": ["https://*.friends.net"]}


def let_in(host: str, origin: str | None, **fields: str) -> bool:
    try:
        check(connecting(Host=host, **({"Origin": origin} if origin else {}), **fields))
    except Refused:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "origin", "may"),
    [
        ("example.com", "https://example.com", True),
        ("example.com", "http://EXAMPLE.com:8000", True),
        ("example.com", "https://a.b.example.org", True),
        ("example.com", "https://example.org", True),
        ("[::1]:8000", "http://[::1]:8000", True),
        ("example.com", "https://shop.friends.net", True),
        ("example.com", None, True),
        ("example.com", "https://friends.net", False),
        ("example.com", "http://shop.friends.net", False),
        ("example.com", "https://shop.friends.net:444", False),
        ("example.com", "https://sub.example.com", False),
        ("example.com", "https://evilexample.org", False),
        ("example.com", "https://example.com.evil.net", False),
        ("example.com", "https://example.com@evil.net", False),
        ("example.com", "https://evil.net", False),
        ("example.com", "null", False),
        ("example.com", "", True),
        ("evil.net", "https://evil.net", False),
        ("evil.net", None, False),
        ("", "https://example.com", False),
    ],
)
def test_pages_of_the_site_alone(host, origin, may):
    with override_settings(**HOSTS):
        assert let_in(host, origin) == may


def test_every_host_is_not_every_page():
    with override_settings(ALLOWED_HOSTS=["*"], CSRF_TRUSTED_ORIGINS=[]):
        assert let_in("any.net", "https://any.net")
        assert not let_in("any.net", "https://evil.net")


def test_at_home():
    with override_settings(ALLOWED_HOSTS=[], DEBUG=True, CSRF_TRUSTED_ORIGINS=[]):
        assert let_in("localhost:8000", "http://localhost:3000")
        assert let_in("127.0.0.1:8000", "http://app.localhost")
        assert not let_in("localhost:8000", "http://evil.net")
    with override_settings(ALLOWED_HOSTS=[], DEBUG=False, CSRF_TRUSTED_ORIGINS=[]):
        assert not let_in("localhost:8000", "http://localhost:8000")


def test_behind_a_proxy_that_says_which_host_was_asked_for():
    given = {"X_Forwarded_Host": "example.com"}
    with override_settings(**HOSTS, USE_X_FORWARDED_HOST=True):
        assert let_in("backend:8000", "https://example.com", **given)
        assert not let_in("backend:8000", "https://evil.net", **given)
    with override_settings(**HOSTS):
        assert not let_in("backend:8000", "https://example.com", **given)


def test_who_comes_by_no_request():
    check(Connecting(None, None, None))
