"""The token's sources, and which goes first."""

from base64 import urlsafe_b64encode

import pytest

from everywire.http.request import Headers, Request
from everywire.hub.access.credentials import token


def offered(text):
    return "everywire.token." + urlsafe_b64encode(text.encode()).decode().rstrip("=")


def asked(*fields, target="/everywire"):
    return Request("GET", target, Headers(fields))


BEARER = ("Authorization", "Bearer from-header")
OFFER = ("Sec-WebSocket-Protocol", f"everywire.v1.json, {offered('from-Offer')}")
QUERY = "/everywire?token=from-query"


@pytest.mark.parametrize(
    ("said", "request_", "found"),
    [
        ("said", asked(BEARER, OFFER, target=QUERY), "said"),
        (None, asked(BEARER, OFFER, target=QUERY), "from-header"),
        (None, asked(OFFER, target=QUERY), "from-Offer"),
        (None, asked(target=QUERY), "from-query"),
        (None, asked(), None),
        (None, None, None),
        ("", asked(BEARER), ""),
        (None, asked(("Authorization", "Basic YTpi")), None),
        (None, asked(("Authorization", "bearer")), None),
        (None, asked(BEARER, BEARER), None),
        (None, asked(("Sec-WebSocket-Protocol", "everywire.token.!")), None),
        (None, asked(("Sec-WebSocket-Protocol", "everywire.token._w")), None),
        (None, asked(("Sec-WebSocket-Protocol", "everywire.token.")), None),
    ],
)
def test_where_a_token_comes_from(said, request_, found):
    assert token(said, request_, "token") == found


def test_the_query_is_read_only_where_that_is_configured():
    assert token(None, asked(target=QUERY)) is None
    assert token(None, asked(target=QUERY), "ticket") is None
