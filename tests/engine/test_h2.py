"""The server's end of HTTP/2: requests, WebSockets, the connection's life."""

import asyncio
import logging
import ssl

import pytest
import trustme
from h2 import events
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from tests.engine.h2_peer import GET, SOCKET, Engine, Peer, Site, of
from tests.ws.raw import FIN, PING, TEXT, close, masked, plain, read

import everywire
from everywire import engine as engines
from everywire.engine.answers import Accepted
from everywire.engine.h2 import H2Link
from everywire.engine.websocket import WebSocket
from everywire.errors import AbortHandshake
from everywire.http.h2 import connection
from everywire.http.head import HeadLimits
from everywire.http.request import Response
from everywire.ws.connection import Manner
from everywire.ws.frames import Limits


def linked(answer=None, **limits):
    """A peer of a site that answers by `answer(request)`."""
    site = Site(answer, **limits)
    return Peer(H2Link(site, Engine())), site


def accepting(opened=lambda websocket: None, on_message=None, user=None):
    """An answer that accepts every WebSocket, which echoes."""
    websockets = []

    def answer(request):
        request.user = user
        engine = Engine()
        websocket = WebSocket(False, Manner(Limits(1 << 20, 1024), engine.clock), None, None, engine)
        websocket.on_message = on_message or (lambda ws, message: ws.send(message))
        websockets.append(websocket)
        return Accepted(Response(200, headers=[("Server", "here")]), websocket, opened)

    return answer, websockets


# Requests


def test_a_request_is_answered():
    peer, site = linked(lambda request: Response(200, b"hello", [("X-A", "b")]))
    assert peer.ask() == (200, {"x-a": "b", "content-length": "5"}, b"hello")
    (request,) = site.requests
    assert (request.method, request.target, request.version, request.headers["host"]) == ("GET", "/", "2", "here")
    assert request.remote == ("peer", 1)
    assert peer.link.streams == {}


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_answers_without_a_body(method):
    body = b"hello" if method == "HEAD" else b""
    peer, _ = linked(lambda request: Response(200, body))
    assert peer.ask([(":method", method), *GET[1:]]) == (200, {"content-length": str(len(body))}, b"")
    assert peer.link.streams == {}


def test_a_body_is_waited_for():
    peer, _ = linked(lambda request: Response(200, request.body[::-1]))
    number = peer.request(end=False)
    peer.conn.send_data(number, b"ab")
    assert of(events.ResponseReceived, peer.turn()) == []
    peer.conn.send_data(number, b"c", end_stream=True)
    peer.turn()
    assert peer.bodies == {number: b"cba"}


def test_a_big_answer_goes_out_as_the_windows_allow():
    peer, _ = linked(lambda request: Response(200, bytes(200_000)))
    number = peer.request()
    peer.turn()
    while len(peer.bodies[number]) < 200_000:
        peer.conn.increment_flow_control_window(30_000)
        peer.conn.increment_flow_control_window(30_000, number)
        assert not peer.turn()[1:]


def test_too_big_a_body():
    peer, site = linked(body=10)
    assert peer.ask(body=b"x" * 11)[0] == 413
    assert site.requests == []


def test_too_many_bodies_at_a_time():
    peer, _ = linked(lambda request: Response(200, b"%d" % len(request.body)), body=100)
    for _ in range(5):
        peer.conn.send_data(peer.request(end=False), bytes(90))
    (head,) = of(events.ResponseReceived, peer.turn())
    assert (head.stream_id, dict(head.headers)[":status"]) == (9, "503")
    peer.conn.reset_stream(1)
    for number in (3, 5, 7):
        peer.conn.end_stream(number)
    peer.turn()
    assert [peer.bodies[number] for number in (3, 5, 7)] == [b"90"] * 3
    assert peer.link.kept == 0
    assert peer.ask(body=bytes(90))[0] == 200


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (431, [*GET, ("x", "y" * 20_000)]),
        (431, [*GET, *[("x", "y")] * 65]),
        (400, [*GET, ("x", "y\x01z")]),
        (400, [*GET, ("content-length", "3")]),  # and there is no body
        (501, [("CONNECT", "x")]),
        (501, [SOCKET[0], (":protocol", "connect-udp"), *SOCKET[2:]]),
    ],
)
def test_requests_that_are_refused(status, fields):
    peer, site = linked()
    if fields[0][0] == "CONNECT":
        fields = [(":method", "CONNECT"), (":authority", "elsewhere:443")]
    assert peer.ask(fields)[0] == status
    assert site.requests == []


@pytest.mark.parametrize("answer", [lambda request: 1 / 0, lambda request: Response(200, headers=[("a", "b\nc")])])
def test_our_own_errors(answer, caplog):
    peer, _ = linked(answer)
    status, _, body = peer.ask()
    assert (status, body) == (500, b"internal error")
    assert "error while answering /\n" in caplog.text
    assert peer.ask()[0] == 500, "the connection lives"


def test_a_refusal():
    def answer(request):
        raise AbortHandshake(403, "not you", (("X-A", "b"),))

    peer, _ = linked(answer)
    status, fields, body = peer.ask(SOCKET)
    assert (status, fields["x-a"], body) == (403, "b", b"not you\n")


async def test_an_answer_that_takes_time():
    gate = asyncio.Event()

    async def answer(request):
        await gate.wait()
        if request.target == "/error":
            raise ValueError
        return Response(200, request.target)

    site = Site(answer)
    peer = Peer(H2Link(site, Engine(asyncio.get_running_loop())))
    first, second, gone = (peer.request([*GET[:2], (":path", path), GET[3]]) for path in ("/a", "/error", "/gone"))
    peer.conn.reset_stream(gone)
    peer.conn.reset_stream(peer.request(), 0)
    heard = peer.turn()
    assert of(events.ResponseReceived, heard) == []
    peer.link.sweep(1000.0)
    peer.link.sweep(2000.0)
    gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(of(events.ResponseReceived, peer.turn())) == 2
    assert peer.bodies == {first: b"/a", second: b"internal error"}


# WebSockets


def test_a_websocket():
    answer, (websockets) = accepting()
    peer, site = linked(answer)
    number = peer.request([*SOCKET, ("origin", "o")], end=False)
    (head,) = of(events.ResponseReceived, peer.turn())
    assert head.headers == [(":status", "200"), ("server", "here")]
    peer.conn.send_data(number, masked(FIN | TEXT, b"hello") + masked(FIN | PING, b"p"))
    peer.turn()
    assert read(peer.bodies.pop(number)) == ([(FIN | TEXT, b"hello"), (0x8A, b"p")], b"")
    (websocket,) = websockets
    request = websocket.request
    assert (request.method, request.target, request.version) == ("GET", "/", "2")
    assert dict(request.headers) == {
        "host": "here",
        "sec-websocket-version": "13",
        "origin": "o",
        "upgrade": "websocket",
        "connection": "Upgrade",
    }
    assert websocket.remote_address == request.remote == ("peer", 1)
    peer.conn.send_data(number, close(1000, role=masked))
    assert of(events.StreamEnded, peer.turn())
    assert peer.bodies[number] == close(1000, role=plain)
    assert not websocket.over
    peer.conn.end_stream(number)
    peer.turn()
    assert (websocket.over, websocket.close_code) == (True, 1000)
    assert site.links == {peer.link}


def test_a_user_found_while_answering_is_kept():
    answer, (websockets) = accepting(user="Ada")
    peer, _ = linked(answer)
    peer.request(SOCKET, end=False)
    peer.turn()
    assert websockets[0].request.user == "Ada"


def test_many_websockets_on_one_connection():
    answer, (websockets) = accepting()
    peer, _ = linked(answer)
    numbers = [peer.request(SOCKET, end=False) for _ in range(5)]
    peer.turn()
    for number in numbers:
        peer.conn.send_data(number, masked(FIN | TEXT, b"%d" % number))
    peer.turn()
    assert peer.bodies == {number: plain(FIN | TEXT, b"%d" % number) for number in numbers}
    everywire.broadcast(websockets, "all")
    peer.bodies.clear()
    peer.turn()
    assert peer.bodies == dict.fromkeys(numbers, plain(FIN | TEXT, b"all"))


def test_a_websocket_s_own_close():
    answer, (websockets) = accepting(opened=lambda websocket: websocket.start_close(4000, "go"))
    peer, _ = linked(answer)
    number = peer.request(SOCKET, end=False)
    peer.turn()
    assert peer.bodies.pop(number) == close(4000, b"go")
    peer.conn.send_data(number, close(4000, role=masked), end_stream=True)
    assert of(events.StreamEnded, peer.turn())
    assert websockets[0].over


@pytest.mark.parametrize("how", ["reset", "end"])
def test_a_websocket_that_just_ends(how):
    answer, (websockets) = accepting()
    peer, _ = linked(answer)
    number = peer.request(SOCKET, end=False)
    peer.turn()
    if how == "reset":
        peer.conn.reset_stream(number, ErrorCodes.CANCEL)
    else:
        peer.conn.end_stream(number)
    peer.turn()
    assert (websockets[0].over, websockets[0].close_code) == (True, 1006)
    assert peer.link.streams == {}


def test_a_slow_reader_is_cut_off():
    answer, (websockets) = accepting()
    peer, _ = linked(answer)
    peer.conn.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 100})
    number = peer.request(SOCKET, end=False)
    peer.turn()
    frame = plain(FIN | TEXT, bytes(1 << 18))
    for _ in range(5):
        websockets[0].write_frame(frame)
        peer.turn()
    assert len(peer.bodies[number]) == 100
    peer.conn.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
    peer.conn.increment_flow_control_window(1 << 20)
    peer.turn()
    frames, _ = read(peer.bodies[number])
    assert [first for first, _ in frames] == [FIN | TEXT, 0x88], "what had begun to leave, then why it ends"


async def test_frames_that_come_before_the_answer_wait():
    answer, _ = accepting()
    gate = asyncio.Event()

    async def later(request):
        await gate.wait()
        return answer(request)

    peer = Peer(H2Link(Site(later), Engine(asyncio.get_running_loop())))
    early, gone = (peer.request(SOCKET, end=False) for _ in range(2))
    peer.conn.send_data(early, masked(FIN | TEXT, b"early"))
    peer.conn.end_stream(gone)
    assert of(events.ResponseReceived, peer.turn()) == []
    gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(of(events.ResponseReceived, peer.turn())) == 1
    assert peer.bodies == {early: plain(FIN | TEXT, b"early")}


@pytest.mark.parametrize("end", ["reset", "gone", "slow"])
async def test_an_answer_that_nobody_waits_for_is_given_up(end):
    cancelled = asyncio.Event()

    async def later(request):
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    peer = Peer(H2Link(Site(later), Engine(asyncio.get_running_loop())))
    number = peer.request(SOCKET, end=False)
    peer.turn()
    await asyncio.sleep(0)
    assert len(peer.link.tasks()) == 1
    if end == "reset":
        peer.conn.reset_stream(number)
        peer.turn()
    elif end == "gone":
        peer.link.lost(None)
    else:
        for now in (100, 109):
            peer.link.sweep(now)
        assert of(events.ResponseReceived, peer.turn()) == []
        peer.link.sweep(110.1)
        (response,) = of(events.ResponseReceived, peer.turn())
        assert dict(response.headers)[":status"] == "503"
    await asyncio.wait_for(cancelled.wait(), 1)
    await asyncio.sleep(0)
    assert peer.link.tasks() == []


async def test_the_time_of_another_answer_is_not_the_clients():
    async def later(request):
        await asyncio.Event().wait()

    peer = Peer(H2Link(Site(later), Engine(asyncio.get_running_loop())))
    peer.request()
    peer.turn()
    for now in (100, 1000):
        peer.link.sweep(now)
    assert of(events.ResponseReceived, peer.turn()) == []
    peer.link.lost(None)


# The connection's life


def test_finishing_lets_streams_end():
    answer, _ = accepting()
    peer, site = linked(answer)
    number = peer.request(SOCKET, end=False)
    peer.turn()
    peer.link.finish()
    peer.link.finish()
    peer.link.settling()
    (end,) = of(events.ConnectionTerminated, peer.conn.receive_data(peer.pipe.written))
    assert (end.error_code, end.last_stream_id) == (ErrorCodes.NO_ERROR, number)
    assert "finish" not in peer.pipe.calls
    peer.link.streams[number].abort()
    peer.link.settling()
    assert "finish" in peer.pipe.calls
    assert site.links == set()


def test_a_stream_that_crosses_our_goaway_is_refused():
    answer, _ = accepting()
    peer, site = linked(answer)
    peer.request(SOCKET, end=False)
    peer.turn()
    peer.link.finish()
    peer.request(GET)
    peer.link.feed(peer.conn.data_to_send())
    peer.pipe.written = b""
    peer.link.settling()
    assert peer.pipe.written == b"\0\0\4\3\0\0\0\0\3" + ErrorCodes.REFUSED_STREAM.to_bytes(4, "big")
    assert len(site.requests) == 1


@pytest.mark.parametrize(("used", "patience"), [(False, 10), (True, 60)])
def test_an_idle_connection_is_closed(used, patience):
    peer, site = linked(lambda request: Response(200))
    if used:
        peer.ask()
    peer.link.sweep(5000.0)
    peer.link.sweep(5000.0 + patience)
    assert peer.pipe.calls.count("finish") == 0
    peer.link.sweep(5000.1 + patience)
    assert peer.pipe.calls.count("finish") == 1
    assert site.links == set()
    peer.link.lost(None)


def test_a_body_that_does_not_come():
    peer, _ = linked()
    number = peer.request(end=False)
    peer.turn()
    peer.link.sweep(5000.0)
    peer.link.sweep(5010.1)
    (head,) = of(events.ResponseReceived, peer.turn())
    assert head.headers[0] == (":status", "408")
    assert peer.bodies[number]


def test_a_connection_that_is_lost_leaves_the_site():
    answer, (websockets) = accepting()
    peer, site = linked(answer)
    peer.request(SOCKET, end=False)
    peer.turn()
    peer.link.lost(ConnectionResetError())
    assert (site.links, websockets[0].over) == (set(), True)


# With TLS and sockets


class Client:
    """An HTTP/2 client over TLS."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.heard = []
        self.conn = connection(HeadLimits(), client=True)  # h2's own takes nothing more after a GOAWAY

    async def until(self, kind):
        """Speak and listen until an event of `kind` comes; what came with it stays."""
        while True:
            self.writer.write(self.conn.data_to_send())
            for place, event in enumerate(self.heard):
                if isinstance(event, kind):
                    del self.heard[: place + 1]
                    return event
            self.heard += self.conn.receive_data(await self.reader.read(65_536))


@pytest.mark.parametrize("engine", engines.available())
async def test_over_tls(engine, caplog):
    caplog.set_level(logging.ERROR)
    authority, told = trustme.CA(), []
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(trusting)
    trusting.set_alpn_protocols(["h2"])

    async def echo(ws):
        async for message in ws:
            await ws.send(message)
        told.append(ws.close_code)

    async with (
        everywire.serve(echo, "127.0.0.1", 0, ssl=context, engine=engine, compression=None) as server,
        asyncio.timeout(10),
    ):
        client = Client(*await asyncio.open_connection("127.0.0.1", server.port, ssl=trusting))
        await client.until(events.RemoteSettingsChanged)
        client.conn.send_headers(1, SOCKET)
        assert (await client.until(events.ResponseReceived)).headers == [
            (b":status", b"200"),
            (b"server", b"everywire"),
        ]
        client.conn.send_data(1, masked(FIN | TEXT, b"hello"))
        assert (await client.until(events.DataReceived)).data == plain(FIN | TEXT, b"hello")
        server.close()
        assert (await client.until(events.ConnectionTerminated)).error_code == ErrorCodes.NO_ERROR
        assert (await client.until(events.DataReceived)).data == close(1001)
        client.conn.send_data(1, close(1001, role=masked), end_stream=True)
        await client.until(events.StreamEnded)
        await server.wait_closed()
        client.writer.close()
    assert told == [1001]
    assert caplog.text == ""
