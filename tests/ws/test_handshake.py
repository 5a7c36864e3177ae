"""The opening handshake of both roles, as values."""

import re

import pytest

from everywire.errors import AbortHandshake, HandshakeError
from everywire.http.request import Headers, Request, Response
from everywire.ws import handshake
from everywire.ws.deflate import Deflate, Parameters
from everywire.ws.handshake import Upgrade

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 1.3
GOOD = {
    "Host": "x",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def asked(method="GET", version="1.1", more=(), **changes):
    """A good request with `changes` (None: without it; `_` stands for `-`) and `more` fields."""
    fields = GOOD | {name.replace("_", "-"): value for name, value in changes.items()}
    given = [(name, value) for name, value in fields.items() if value is not None]
    return Request(method, "/", Headers([*given, *more]), version=version)


def answered(status=101, more=(), **changes):
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": handshake.accept_key(KEY)}
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}
    given = [(name, value) for name, value in fields.items() if value is not None]
    return Response(status, headers=[*given, *more])


def test_the_accept_key_of_the_standard():
    assert handshake.accept_key(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    "request_",
    [
        asked(),
        asked(Connection="keep-alive, Upgrade"),
        asked(Connection="keep-alive", more=[("connection", "UPGRADE")]),
        asked(Upgrade="WebSocket"),
        asked(Upgrade="h2c, websocket"),
        asked(more=[("Content-Length", "0")]),
    ],
)
def test_good_requests(request_):
    assert handshake.check_request(request_) == KEY
    assert handshake.is_upgrade(request_)


@pytest.mark.parametrize(
    ("request_", "status", "header"),
    [
        (asked("POST"), 405, ("Allow", "GET")),
        (asked("HEAD"), 405, ("Allow", "GET")),
        (asked(Upgrade=None), 426, ("Upgrade", "websocket")),
        (asked(Upgrade="h2c"), 426, ("Upgrade", "websocket")),
        (asked(Upgrade="websocketx"), 426, ("Upgrade", "websocket")),
        (asked(Connection=None), 426, ("Upgrade", "websocket")),
        (asked(Connection="keep-alive"), 426, ("Upgrade", "websocket")),
        (asked(version="1.0"), 505, None),
        (asked(Sec_WebSocket_Version=None), 426, ("Sec-WebSocket-Version", "13")),
        (asked(Sec_WebSocket_Version="8"), 426, ("Sec-WebSocket-Version", "13")),
        (asked(Sec_WebSocket_Version="13, 8"), 426, ("Sec-WebSocket-Version", "13")),
        (asked(more=[("Sec-WebSocket-Version", "13")]), 426, ("Sec-WebSocket-Version", "13")),
        (asked(Sec_WebSocket_Key=None), 400, None),
        (asked(Sec_WebSocket_Key=""), 400, None),
        (asked(Sec_WebSocket_Key="x" * 24), 400, None),
        (asked(Sec_WebSocket_Key=KEY[:-2]), 400, None),
        (asked(Sec_WebSocket_Key=KEY + "="), 400, None),
        (asked(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ"), 400, None),
        (asked(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZTE="), 400, None),
        (asked(Sec_WebSocket_Key="\xe4" * 24), 400, None),
        (asked(more=[("Sec-WebSocket-Key", KEY)]), 400, None),
        (asked(more=[("Content-Length", "1")]), 400, None),
        (asked(more=[("Transfer-Encoding", "chunked")]), 400, None),
    ],
)
def test_requests_that_are_refused(request_, status, header):
    with pytest.raises(AbortHandshake) as caught:
        handshake.check_request(request_)
    assert caught.value.status == status
    assert header is None or header in caught.value.headers


def test_what_wants_to_upgrade():
    assert handshake.is_upgrade(asked(Sec_WebSocket_Key=None))
    assert not handshake.is_upgrade(asked(Upgrade=None))
    assert not handshake.is_upgrade(asked(version="1.0"))


# Origins


def origin(value, *, cookie=False, host="example.com"):
    fields = [] if value is None else [("Origin", value)]
    return asked(Host=host, more=[*fields, *([("Cookie", "a=b")] if cookie else [])])


def allowed(request_, origins):
    """Say whether the request is let in; who is not is told 403."""
    try:
        handshake.check_origin(request_, origins)
    except AbortHandshake as error:
        return error.status != 403
    return True


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (origin(None), True),
        (origin(None, cookie=True), True),
        (origin("https://evil.com"), True),  # brings nobody's authority
        (origin("https://evil.com", cookie=True), False),
        (origin("null", cookie=True), False),
        (origin("", cookie=True), False),
        (origin("https://example.com", cookie=True), True),
        (origin("HTTPS://EXAMPLE.com", cookie=True), True),
        (origin("http://example.com", cookie=True), True),
        (origin("https://example.com:443", cookie=True), True),
        (origin("http://example.com", cookie=True, host="example.com:80"), True),
        (origin("http://localhost:8000", cookie=True, host="localhost:8000"), True),
        (origin("http://localhost:8000", cookie=True, host="localhost:9000"), False),
        (origin("https://example.com.evil.com", cookie=True), False),
        (origin("https://evilexample.com", cookie=True), False),
        (origin("https://sub.example.com", cookie=True), False),
        (origin("http://[::1]:8000", cookie=True, host="[::1]:8000"), True),
        (origin("example.com", cookie=True), False),
        (origin("://", cookie=True, host=""), False),
        (asked(Host="example.com", more=[("Origin", "https://example.com")] * 2), False),
    ],
)
def test_the_default_rule_for_origins(request_, expected):
    assert allowed(request_, None) is expected


@pytest.mark.parametrize(
    ("origins", "value", "expected"),
    [
        (["https://a.com"], "https://a.com", True),
        (["https://a.com"], "https://b.com", False),
        (["https://a.com"], None, False),
        (["https://a.com"], "https://a.com:444", False),
        (["https://a.com"], "null", False),
        ([None], None, True),
        ([None], "https://a.com", False),
        (["https://a.com", None], None, True),
        ([re.compile(r"https://\w+\.a\.com")], "https://x.a.com", True),
        ([re.compile(r"https://\w+\.a\.com")], "https://x.a.com.evil.com", False),
        ([re.compile(r"https://\w+\.a\.com")], None, False),
        (["*"], "https://anything", True),
        ([], None, False),
        ([], "https://a.com", False),
    ],
)
def test_a_list_of_origins(origins, value, expected):
    assert allowed(origin(value), origins) is expected
    assert allowed(origin(value, cookie=True, host="a.com"), origins) is expected


# Extensions and subprotocols


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        (["a"], [("a", [])]),
        (["a, b;c", "d"], [("a", []), ("b", [("c", None)]), ("d", [])]),
        (['a ; b = 1;c="2" ,, e'], [("a", [("b", "1"), ("c", "2")]), ("e", [])]),
        (["a; b", "a; c"], [("a", [("b", None)]), ("a", [("c", None)])]),
    ],
)
def test_extensions(values, expected):
    assert handshake.parse_extensions(values) == expected


@pytest.mark.parametrize(
    "value", ["a b", "a; b c", "a; b=", "a; =1", 'a; b="c d"', "a;b=c=d", "ä", "a; b=(", ";", ",;"]
)
def test_malformed_extensions(value):
    with pytest.raises(HandshakeError) as caught:
        handshake.parse_extensions([value])
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("values", "expected"), [([], []), (["a, b", "c"], ["a", "b", "c"]), (["v1.chat+json"], ["v1.chat+json"])]
)
def test_subprotocols(values, expected):
    assert handshake.parse_protocols(values) == expected


@pytest.mark.parametrize("value", ["a b", "a/b", "ä", '"a"'])
def test_malformed_subprotocols(value):
    with pytest.raises(HandshakeError) as caught:
        handshake.parse_protocols([value])
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("values", "deflate", "expected"),
    [
        ([], Deflate(), None),
        (["permessage-deflate"], None, None),
        (["permessage-deflate"], Deflate(), Parameters(False, False)),
        (["other; x=1, permessage-deflate"], Deflate(), Parameters(False, False)),
        (["permessage-deflate; x, permessage-deflate"], Deflate(), Parameters(False, False)),
        (
            ["permessage-deflate; server_max_window_bits=10, permessage-deflate"],
            Deflate(),
            Parameters(False, False, 10, 15, True),
        ),
        (["permessage-deflate; x"], Deflate(), None),
        (["x-webkit-deflate-frame"], Deflate(), None),
    ],
)
def test_the_first_offer_that_can_be_met(values, deflate, expected):
    headers = Headers([("Sec-WebSocket-Extensions", value) for value in values])
    assert handshake.choose_deflate(headers, deflate) == expected


def test_malformed_offers_are_refused_even_where_nothing_is_wanted():
    with pytest.raises(HandshakeError):
        handshake.choose_deflate(Headers([("Sec-WebSocket-Extensions", "a b")]), None)


# Both halves


def test_the_answer():
    upgrade = Upgrade("chat", Parameters(False, False))
    assert handshake.answer(KEY, upgrade, [("Server", "me")]) == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
        b"Server: me\r\n\r\n"
    )
    assert handshake.answer(KEY, Upgrade()).count(b"\r\n") == 5


def test_the_request_passes_the_check():
    request = handshake.make_request("x:1", "/a?b", KEY, protocols=["p", "q"], deflate=Deflate(), headers=[("A", "b")])
    assert handshake.check_request(request) == KEY
    assert request.target == "/a?b"
    assert request.headers["host"] == "x:1"
    assert request.headers["sec-websocket-protocol"] == "p, q"
    assert request.headers["sec-websocket-extensions"] == Deflate().offer()
    assert request.headers["a"] == "b"


def test_a_given_header_replaces_ours():
    request = handshake.make_request("x", "/", KEY, headers=[("HOST", "y")])
    assert request.headers.get_all("host") == ["y"]


@pytest.mark.parametrize(
    ("response", "options", "expected"),
    [
        (answered(), {}, Upgrade()),
        (answered(Connection="keep-alive, upgrade", Upgrade="WebSocket"), {}, Upgrade()),
        (answered(Sec_WebSocket_Protocol="b"), {"protocols": ["a", "b"]}, Upgrade("b")),
        (answered(), {"protocols": ["a", "b"]}, Upgrade()),
        (
            answered(Sec_WebSocket_Extensions="permessage-deflate; server_no_context_takeover"),
            {"deflate": Deflate()},
            Upgrade(None, Parameters(False, False)),
        ),
    ],
)
def test_good_answers(response, options, expected):
    assert handshake.check_response(response, KEY, **options) == expected


@pytest.mark.parametrize(
    ("response", "options", "status"),
    [
        (answered(404), {}, 404),
        (answered(200), {}, 200),
        (answered(Upgrade=None), {}, 101),
        (answered(Upgrade="h2c"), {}, 101),
        (answered(Connection=None), {}, 101),
        (answered(Connection="close"), {}, 101),
        (answered(Sec_WebSocket_Accept=None), {}, 101),
        (answered(Sec_WebSocket_Accept=KEY), {}, 101),
        (answered(more=[("Sec-WebSocket-Accept", handshake.accept_key(KEY))]), {}, 101),
        (answered(Sec_WebSocket_Protocol="a"), {}, 101),
        (answered(Sec_WebSocket_Protocol="c"), {"protocols": ["a", "b"]}, 101),
        (answered(Sec_WebSocket_Protocol="a, b"), {"protocols": ["a", "b"]}, 101),
        (answered(more=[("Sec-WebSocket-Protocol", "a")] * 2), {"protocols": ["a"]}, 101),
        (answered(Sec_WebSocket_Extensions="permessage-deflate; server_no_context_takeover"), {}, 101),
        (answered(Sec_WebSocket_Extensions="other"), {"deflate": Deflate()}, 101),
        (
            answered(more=[("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover")] * 2),
            {"deflate": Deflate()},
            101,
        ),
        (answered(Sec_WebSocket_Extensions="permessage-deflate; x=1"), {"deflate": Deflate()}, 101),
        (answered(Sec_WebSocket_Extensions="a b"), {"deflate": Deflate()}, 400),
    ],
)
def test_answers_that_are_none(response, options, status):
    with pytest.raises(HandshakeError) as caught:
        handshake.check_response(response, KEY, **options)
    assert caught.value.status == status
