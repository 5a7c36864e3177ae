"""Sessions on WebSocket connections."""

from types import SimpleNamespace

import pytest

from everywire.engine import websocket as engine
from everywire.payloads import Payload
from everywire.transports import websocket
from everywire.transports.websocket import CARRIER, WebSocketTransport


class Socket:
    """What a transport asks of a connection, but for `broadcast` and `post`."""

    closed = None
    below = None

    async def drain(self):
        return "there is room"

    def close(self, code=1000, reason=""):
        self.closed = (code, reason)

    def ended(self):
        self.closed = "without a word"


@pytest.fixture
def written(monkeypatch):
    """The calls of `broadcast` and `post`."""
    calls = []
    monkeypatch.setattr(websocket, "post", lambda wire, data: calls.append((wire, data)))
    monkeypatch.setattr(websocket, "broadcast", lambda wires, data: calls.append(([*wires], data)))
    return calls


def test_each_payload_is_one_message_in_order(written):
    socket = Socket()
    WebSocketTransport(socket).send([Payload("a"), Payload(b"b")])
    assert written == [(socket, "a"), (socket, b"b")]


def test_many_are_written_to_in_one_call(written):
    sockets = [Socket(), Socket()]
    transports = [WebSocketTransport(socket) for socket in sockets]
    assert {transport.carrier for transport in transports} == {CARRIER}
    CARRIER.send_many([transport.wire for transport in transports], Payload("a"))
    assert written == [(sockets, "a")]


def test_closing_is_the_connection_s_own():
    socket = Socket()
    WebSocketTransport(socket).close(4409, "continued")
    assert socket.closed == (4409, "continued")


def test_an_abrupt_end_sends_no_close_frame():
    socket = Socket()
    WebSocketTransport(socket, abrupt=True).close(1012, "restart")
    assert socket.closed == "without a word"


def test_a_code_that_is_never_said_ends_it_without_a_close_frame():
    socket = Socket()
    WebSocketTransport(socket).close(1006, "broken framing")
    assert socket.closed == "without a word"


async def test_there_is_room_when_the_connection_says_so():
    assert await WebSocketTransport(Socket()).drain() == "there is room"


def test_the_calls_are_the_engine_s_own():
    assert (websocket.broadcast, websocket.post) == (engine.broadcast, engine.post)


def test_what_waits_is_counted_below():
    socket = Socket()
    transport = WebSocketTransport(socket)
    assert transport.queued == 0  # it is gone
    socket.below = SimpleNamespace(queued=lambda: 12)
    assert transport.queued == 12
