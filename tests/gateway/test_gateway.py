"""The gateway: requests and connections become intents, attachments and commands."""

import json
from itertools import count
from types import SimpleNamespace

import pytest

from everywire.app import Everywire
from everywire.dialects.base import Open, Reply
from everywire.dialects.native import SUBPROTOCOL
from everywire.gateway import Gateway, HttpSettings
from everywire.http.request import Headers, Request, Response
from everywire.payloads import Payload
from everywire.testing import Net
from everywire.testing.transport import MemoryTransport
from everywire.transports import websocket


class Socket:
    """A WebSocket as a server hands it over."""

    def __init__(self, path="/everywire"):
        fields = [("Upgrade", "websocket"), ("Sec-WebSocket-Protocol", SUBPROTOCOL)]
        self.request = Request("GET", path, Headers(fields))
        self.sent, self.closed = [], None

    async def drain(self):
        pass

    def close(self, code=1000, reason=""):
        self.closed = (code, reason)

    def ended(self):
        self.closed = "without a word"


@pytest.fixture
def net(monkeypatch):
    monkeypatch.setattr(websocket, "post", lambda wire, data: wire.sent.append(json.loads(data)))
    with Net(Everywire()) as net:
        yield net


def test_a_request_is_answered_opened_or_somebody_else_s(net):
    intent = net.gateway.accept(Socket().request)
    assert isinstance(intent, Open)
    assert intent.subprotocol == SUBPROTOCOL
    assert net.gateway.accept(Request("GET", "/", Headers())) is None
    answer = net.gateway.accept(Request("GET", "/everywire", Headers()))
    assert isinstance(answer, Response)
    assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")


@pytest.mark.parametrize(
    ("origins", "fields", "why"),
    [
        (None, {"Cookie": "a=b"}, "a request with a Cookie and without an Origin may not connect"),
        (["*"], {"Cookie": "a=b"}, "a request with a Cookie and without an Origin may not connect"),
        (["https://there"], {"Cookie": "a=b"}, "a request with a Cookie and without an Origin may not connect"),
        (None, {"Origin": "https://evil", "Cookie": "a=b"}, "this Origin may not connect; list it in `origins`"),
    ],
)
def test_what_is_refused_for_where_it_comes_from_is_told_why(origins, fields, why):
    with Net(Everywire(http=HttpSettings(origins=origins))) as net:
        asked = Socket().request.headers
        answer = net.gateway.accept(Request("GET", "/everywire", Headers([*asked, *fields.items()])))
        assert answer.status == 403
        assert answer.body.decode().startswith(why)
        answer = net.gateway.accept(Request("POST", "/everywire/lines", Headers([*fields.items()]), body=b"[]"))
        assert (answer.status, json.loads(answer.body)["reason"].startswith(why.partition(" may")[0])) == (403, True)


def test_who_wants_only_those_that_are_listed_says_so():
    with Net(Everywire(http=HttpSettings(origins=["https://there"], only_listed=True))) as net:
        answer = net.gateway.accept(Socket().request)
        assert (answer.status, answer.body) == (
            403,
            b"a request without an Origin may not connect; list None in `origins`\n",
        )


def test_a_connection_becomes_a_client(net):
    socket = Socket()
    net.gateway.opened(socket)
    net.gateway.received(socket, '{"type":"connect","id":1}')
    assert [event["type"] for event in socket.sent] == ["connected"]
    (session,) = net.app.hub.sessions.values()
    net.gateway.closed(socket, 1000, "")
    net.gateway.received(socket, '{"type":"ping","id":2}')
    assert net.app.hub.sessions == {}
    assert session.attachment is None
    assert net.app.metrics.payloads_received == 1


def test_a_lost_connection_lingers(net):
    socket = Socket()
    net.gateway.opened(socket)
    net.gateway.received(socket, '{"type":"connect","id":1}')
    net.gateway.closed(socket, 1006)
    assert len(net.app.hub.sessions) == 1


def test_what_is_no_message_closes(net):
    socket = Socket()
    net.gateway.opened(socket)
    net.gateway.received(socket, '[{"type":"connect","id":1},{"type":"ping","id":2},7]')
    assert [event["type"] for event in socket.sent] == ["connected", "pong"]
    assert socket.closed == (4400, "bad message: no known type")
    net.gateway.closed(socket, 4400)
    assert net.gateway._connections == {}


def test_a_connection_that_nothing_wants_is_closed(net):
    socket = Socket("/elsewhere")
    net.gateway.opened(socket)
    net.gateway.received(socket, "x")
    net.gateway.closed(socket, 1011)
    assert socket.closed[0] == 1011


class Greeting:
    """A dialect that says hello, with nothing to say otherwise."""

    name = "greeting"

    def __init__(self, intent):
        self.intent = intent

    def accept(self, request, new_id):
        return self.intent


MUTE = SimpleNamespace(encode=lambda event: ()), SimpleNamespace(decode=lambda data: iter(()))


def test_dialects_are_asked_in_turn(net):
    dialects = [Greeting(None), Greeting(Open(*MUTE, greeting=(Payload("hello"),))), Greeting(Reply(500))]
    transport = MemoryTransport()
    assert Gateway(net.app.hub, dialects).open(transport, Socket().request) is not None
    assert [*transport.outbox] == ["hello"]


@pytest.mark.parametrize("abrupt", [True, False])
def test_who_hears_no_close_frame_is_closed_with_the_lines(net, abrupt):
    gateway = Gateway(net.app.hub, [Greeting(Open(*MUTE, abrupt=abrupt))])
    sockets = [Socket(), Socket()]
    for socket in sockets:
        gateway.opened(socket)
    gateway.closed(sockets[0], 1006)
    gateway.close()
    assert [socket.closed for socket in sockets] == [None, "without a word" if abrupt else None]


def test_nothing_is_opened_for_a_request_that_was_answered(net):
    assert Gateway(net.app.hub, [Greeting(Reply(404))]).open(MemoryTransport(), Socket().request) is None


def test_ids_are_minted_by_the_world(net):
    minted = count()
    net.app.hub.world.new_id = lambda: str(next(minted))
    dialect = Greeting(None)
    dialect.accept = lambda request, new_id: Reply(200, new_id().encode())
    assert Gateway(net.app.hub, [dialect]).accept(Socket().request).body == b"0"


@pytest.mark.parametrize(
    ("origin", "readable"),
    [("https://ours.example", "https://ours.example"), ("https://theirs.example", None), (None, None)],
)
def test_an_answer_can_be_read_by_the_pages_that_may_ask(net, origin, readable):
    settings = HttpSettings(origins=("https://ours.example", None))
    gateway = Gateway(net.app.hub, [Greeting(Reply(404, b"not here"))], settings)
    fields = [("Host", "server.example"), *([("Origin", origin)] if origin else [])]
    answer = gateway.accept(Request("GET", "/everywire", Headers(fields)))
    assert (answer.status, answer.headers.get("access-control-allow-origin")) == (404, readable)
    assert answer.headers.get("vary") == "Origin"
