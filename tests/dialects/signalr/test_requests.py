"""Which requests are for a hub, and what they want."""

import json

import pytest

from everywire import messages as m
from everywire.dialects.base import Carry, Deliver, Hear, Heartbeat, Leave, Open, OpenLine, Preflight, Reply
from everywire.dialects.signalr import Redirect, SignalRDialect
from everywire.dialects.signalr.bodies import POLL, STREAM, denied, left, plain, polled, sent
from everywire.dialects.signalr.handshake import HANDSHAKE
from everywire.http.request import Headers, Request

LINE = "node.secret"
EVENTS = ("Accept", "text/event-stream")
UPGRADE = ("Upgrade", "websocket")
KEY = "0123456789abcdef"


def ask(method, target, *fields, body=b"", dialect=None):
    request = Request(method, target, Headers(fields), body=body)
    return (dialect or SignalRDialect()).accept(request, lambda: "anew")


def connect(intent):
    """How the client of a decoder connects."""
    _, command = intent.decoder.decode('{"protocol":"json","version":1}\x1e')
    return command


def numbered(intent):
    """Whether both sides count, where the client can."""
    agreed, _ = intent.decoder.decode('{"protocol":"json","version":2}\x1e')
    return agreed.numbering is not None


# Negotiation


def test_a_line_is_opened_whose_client_may_connect():
    intent = ask("POST", "/hub/negotiate?negotiateVersion=1&access_token=t", ("X-Requested-With", "XMLHttpRequest"))
    assert isinstance(intent, OpenLine)
    assert (intent.codec, intent.denial, intent.agrees) == (HANDSHAKE, denied, True)
    assert intent.heartbeat == Heartbeat(15.0, 15.0, "both")
    assert intent.asks == m.Connect("connect", "t", space="/hub", name="anew", lasting=False) == connect(intent)
    told = json.loads(intent.answer(LINE).body)
    assert told == {
        "negotiateVersion": 1,
        "connectionId": "anew",
        "connectionToken": LINE,
        "availableTransports": [
            {"transport": "WebSockets", "transferFormats": ["Text", "Binary"]},
            {"transport": "ServerSentEvents", "transferFormats": ["Text"]},
            {"transport": "LongPolling", "transferFormats": ["Text", "Binary"]},
        ],
    }


def test_version_0_knows_one_id_which_others_are_not_told():
    intent = ask("POST", "/hub/negotiate")
    assert json.loads(intent.answer(LINE).body)["connectionId"] == LINE
    assert connect(intent).name is None


@pytest.mark.parametrize(
    ("query", "stateful", "counts"),
    [
        ("useStatefulReconnect=true", True, True),
        ("USESTATEFULRECONNECT=True", True, True),
        ("useStatefulReconnect=true", False, False),
        ("useStatefulReconnect=false", True, False),
        ("useStatefulReconnect=1", True, False),
        ("", True, False),
    ],
)
def test_only_who_asks_for_it_is_told_that_both_sides_count(query, stateful, counts):
    intent = ask("POST", f"/hub/negotiate?negotiateVersion=1&{query}", dialect=SignalRDialect(stateful=stateful))
    told = json.loads(intent.answer(LINE).body)
    assert told.get("useStatefulReconnect") is (True if counts else None)
    assert numbered(intent) is counts


def test_a_key_opens_the_same_session_each_time():
    intent = ask("POST", f"/hub/negotiate?negotiateVersion=1&session={KEY}")
    assert intent.asks.keyed
    assert intent.asks == connect(intent) == connect(ask("GET", f"/hub?session={KEY}", UPGRADE))
    assert json.loads(intent.answer(LINE).body)["connectionId"] == intent.asks.name


def test_where_there_is_recovery_it_is_told_what_it_missed():
    target = f"/hub/negotiate?negotiateVersion=1&useStatefulReconnect=true&session={KEY}"
    recovering, other = SignalRDialect(recovery=True), SignalRDialect()
    assert ask("POST", target, dialect=recovering).asks.caught_up == ""
    assert ask("POST", target, dialect=other).asks.caught_up is None
    assert ask("POST", "/hub/negotiate?negotiateVersion=1", dialect=recovering).asks.caught_up is None
    assert connect(ask("POST", target, dialect=recovering)).caught_up is None  # by version 1 nobody counts


def test_what_is_not_negotiated():
    for query, error in (
        ("negotiateVersion=x", "The client requested an invalid protocol version 'x'"),
        ("session=short", "session is a key of 16 to 128 characters, each a letter, a digit, - or _"),
    ):
        reply = ask("POST", f"/hub/negotiate?{query}")
        assert (reply.status, json.loads(reply.body)) == (200, {"error": error})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_negotiation_is_a_post(method):
    assert ask(method, "/hub/negotiate?negotiateVersion=1") == plain(405)


def test_a_client_may_be_sent_elsewhere():
    def redirect(request):
        if "no" in request.params:
            return None
        return Redirect("https://other/hub?a=b", "secret" if "token" in request.params else None)

    dialect = SignalRDialect(redirect=redirect)
    reply = ask("POST", "/hub/negotiate?negotiateVersion=1", dialect=dialect)
    assert (reply.status, json.loads(reply.body)) == (200, {"url": "https://other/hub?a=b"})
    reply = ask("POST", "/hub/negotiate?token", dialect=dialect)
    assert json.loads(reply.body) == {"url": "https://other/hub?a=b", "accessToken": "secret"}
    assert isinstance(ask("POST", "/hub/negotiate?no", dialect=dialect), OpenLine)


@pytest.mark.parametrize("path", ["/hub/negotiate", "/hub", "/hub?id=x"])
def test_pages_of_other_origins_ask_first(path):
    assert ask("OPTIONS", path) == Preflight(denied, any_header=True)


# Transports


@pytest.mark.parametrize("method", ["GET", "CONNECT"])
def test_a_websocket_carries_the_line_that_was_negotiated(method):
    assert ask(method, f"/hub?id={LINE}&access_token=t", UPGRADE) == Carry(LINE, denied, "t", patient=True)
    assert ask(method, f"/hub?ID={LINE}", UPGRADE, ("Authorization", "Bearer t")) == Carry(
        LINE, denied, "t", patient=True
    )


@pytest.mark.parametrize("query", ["", "?id=", "?access_token=t"])
def test_without_one_it_begins(query):
    intent = ask("GET", f"/hub{query}", UPGRADE)
    assert isinstance(intent, Open)
    assert (intent.codec, intent.agrees, intent.patient) == (HANDSHAKE, True, True)
    assert intent.heartbeat == Heartbeat(15.0, 15.0, "both")
    token = "t" if "token" in query else None
    assert connect(intent) == m.Connect("connect", token, space="/hub", lasting=False)
    assert not numbered(ask("GET", "/hub", UPGRADE))


def test_without_one_a_key_has_to_be_good_too():
    reply = ask("GET", "/hub?session=short", UPGRADE)
    assert reply == plain(400, "session is a key of 16 to 128 characters, each a letter, a digit, - or _")


@pytest.mark.parametrize("accept", ["text/event-stream", "text/html, Text/Event-Stream;q=0.9"])
def test_events(accept):
    intent = ask("GET", f"/hub?id={LINE}", ("Accept", accept), ("Authorization", "Bearer t"))
    assert intent == Hear(LINE, STREAM, None, denial=denied, occupied=plain(409), token="t")


def test_polls():
    intent = ask("GET", f"/hub?id={LINE}&_=1700", ("Accept", "*/*"))
    assert intent == Hear(LINE, POLL, None, 30.0, polled, at_first=True, displaced=Reply(204))


def test_messages_come_by_posts():
    intent = ask("POST", f"/hub?id={LINE}&access_token=t", body=b"a\x1eb")
    assert intent == Deliver(LINE, None, (b"a\x1eb",), plain(200), sent, "t")


def test_the_end_of_polls():
    assert ask("DELETE", f"/hub?id={LINE}") == Leave(LINE, plain(202), left)


WAYS = [("GET", [EVENTS]), ("GET", []), ("POST", []), ("DELETE", [])]


@pytest.mark.parametrize(("method", "fields"), WAYS)
@pytest.mark.parametrize("query", ["", "?id=", "?i=x"])
def test_a_line_has_to_be_named(method, fields, query):
    assert ask(method, f"/hub{query}", *fields) == plain(400, "Connection ID required")


@pytest.mark.parametrize(("method", "fields"), [*WAYS, ("GET", [UPGRADE])])
@pytest.mark.parametrize("line", ["x", "a.b.c", "a.b%0A", "../a.b", "a.%C3%BC", "a.b&id=a.b"])
def test_what_is_no_line(method, fields, line):
    assert ask(method, f"/hub?id={line}", *fields) == plain(404, "No Connection with that ID")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "TRACE", "CONNECT"])
def test_other_methods(method):
    assert ask(method, f"/hub?id={LINE}") == plain(405)


@pytest.mark.parametrize(
    ("transport", "fields"), [("WebSockets", [UPGRADE]), ("ServerSentEvents", [EVENTS]), ("LongPolling", [])]
)
def test_transports_that_are_not_offered(transport, fields):
    others = [each for each in ("WebSockets", "ServerSentEvents", "LongPolling") if each != transport]
    dialect = SignalRDialect(transports=others)
    reply = ask("GET", f"/hub?id={LINE}", *fields, dialect=dialect)
    assert reply == plain(404, f"{transport} transport not supported by this end point type")
    told = json.loads(ask("POST", "/hub/negotiate", dialect=dialect).answer(LINE).body)
    assert [each["transport"] for each in told["availableTransports"]] == others


def test_how_many_streams_a_call_may_have_is_the_hubs():
    dialect = SignalRDialect()
    dialect.max_streams = 1
    call = '{"type":1,"invocationId":"1","target":"f","arguments":[],"streamIds":["2","3"]}\x1e'
    for intent in (
        ask("POST", "/hub/negotiate", dialect=dialect),
        ask("GET", "/hub", UPGRADE, dialect=dialect),
    ):
        connect(intent)
        assert list(intent.decoder.decode(call)) == [m.Malformed("i1", "bad request: more than 1 streams of one call")]


def test_a_redirect_does_not_show_its_token_where_it_may_be_logged():
    assert repr(Redirect("https://other/hub", "secret")) == "Redirect(url='https://other/hub')"
