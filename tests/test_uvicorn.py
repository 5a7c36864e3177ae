"""Our protocol core under uvicorn: its options, its log, its shutdown. Uvicorn's own tests of it are in `tests/conformance`."""

import asyncio
import logging
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn
from tests.certificates import client_context, written
from tests.engine.peer import UPGRADE, Peer, code, until
from tests.servers.host.talking import ACCEPT, CLOSE, app, echo, text
from tests.ws.raw import FIN, PING, PONG, TEXT

from everywire import connect
from everywire.errors import ConnectionClosed, HandshakeError
from everywire.uvicorn import WebSocketProtocol


@pytest.fixture(autouse=True, params=["moved", "borrowed"])
def way(request, monkeypatch):
    """By which way a WebSocket's bytes go: the native engine's, where there is one, or uvicorn's transport."""
    if request.param == "borrowed":
        monkeypatch.setattr(WebSocketProtocol, "_move", lambda protocol, websocket: False)
    return request.param


@pytest.fixture(autouse=True)
def heard(monkeypatch):
    """Whatever another test's configuration made of uvicorn's loggers, these are heard."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        for attribute, value in (("disabled", False), ("propagate", True), ("level", logging.NOTSET)):
            monkeypatch.setattr(logger, attribute, value)
        logger._cache.clear()


@asynccontextmanager
async def under_uvicorn(asked, **options):
    """A uvicorn that serves `asked`, by our class."""
    options = {"ws": WebSocketProtocol, "lifespan": "off", "log_config": None, **options}
    config = uvicorn.Config(asked, **options)
    server = uvicorn.Server(config)
    sock = socket.create_server(("127.0.0.1", 0))
    server.port = sock.getsockname()[1]
    server.config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[sock])
    await server.on_tick(0)  # makes the default headers
    try:
        yield server
    finally:
        await server.shutdown(sockets=[sock])


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_talk(http, caplog):
    caplog.set_level(logging.INFO)
    async with under_uvicorn(echo, http=http, headers=[("X-All", "1")]) as server:
        async with connect(f"ws://127.0.0.1:{server.port}/a%20b?c=d") as ws:
            assert ws.response.headers["server"] == "uvicorn"
            assert ws.response.headers["x-all"] == "1"
            for said in ("hello", b"bytes", "ж" * 1000, b"b" * 300_000):
                await ws.send(said)
                assert await ws.recv() == said
    assert '"WebSocket /a%20b?c=d" [accepted]' in caplog.text


async def test_many_messages_of_one_turn_are_answered_in_order():
    async with under_uvicorn(echo) as server, await Peer.open(server.port) as peer:
        for number in range(50):
            peer.send(FIN | TEXT, b"%d" % number)
        peer.send(FIN | PING, b"?")
        frames = [await peer.frame() for _ in range(51)]
    assert (FIN | PONG, b"?") in frames
    assert [data for first, data in frames if first == FIN | TEXT] == [b"%d" % number for number in range(50)]


@pytest.mark.parametrize("body", ["Content-Length: 5", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_handshake_that_announces_a_body_is_refused_before_that_comes(http, body):
    async with under_uvicorn(echo, http=http) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"GET / HTTP/1.1\r\n{UPGRADE}{body}\r\n\r\n".encode())
        try:
            async with asyncio.timeout(10):
                assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        finally:
            writer.close()


async def test_a_body_of_nothing_is_none():
    async with under_uvicorn(echo) as server:
        async with connect(f"ws://127.0.0.1:{server.port}", headers={"Content-Length": "0"}) as ws:
            await ws.send("hello")
            assert await ws.recv() == "hello"


async def test_uvicorns_options():
    async with under_uvicorn(echo, ws_max_size=10, ws_per_message_deflate=False) as server:
        async with connect(f"ws://127.0.0.1:{server.port}") as ws:
            assert "sec-websocket-extensions" not in ws.response.headers
            await ws.send("a" * 11)
            with pytest.raises(ConnectionClosed) as failure:
                await ws.recv()
            assert failure.value.code == 1009


async def test_over_tls(tmp_path):
    cert, key, _ = written(tmp_path)
    async with under_uvicorn(echo, ssl_certfile=cert, ssl_keyfile=key) as server:
        async with connect(f"wss://localhost:{server.port}", ssl=client_context()) as ws:
            for said in ("hello", b"b" * 300_000):
                await ws.send(said)
                assert await ws.recv() == said


async def test_the_transport_is_let_go_with_the_websocket(way):
    async with under_uvicorn(echo) as server:
        async with connect(f"ws://127.0.0.1:{server.port}"):
            protocol = next(iter(server.server_state.connections))
        await until(lambda: not server.server_state.connections and not server.server_state.tasks)
        await until(lambda: protocol.ground.over)
        assert protocol.transport.is_closing()


async def test_the_scope():
    scopes = []

    async def steps(scope, receive, send):
        scopes.append(scope)
        await echo(scope, receive, send)

    async with under_uvicorn(steps, root_path="/below") as server:
        async with connect(f"ws://127.0.0.1:{server.port}/a%2Fb?c=%20", subprotocols=["one", "two"]) as ws:
            client = ws.local_address
    scope = scopes[0]
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["scheme"], scope["http_version"]) == ("ws", "1.1")
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/below", "/below/a/b", b"/below/a%2Fb")
    assert scope["query_string"] == b"c=%20"
    assert scope["subprotocols"] == ["one", "two"]
    assert (scope["client"], scope["server"]) == (client, ("127.0.0.1", server.port))
    assert scope["state"] == {}
    assert "websocket.http.response" in scope["extensions"]


async def test_an_application_that_raises_ends_its_own_connection(caplog):
    async def steps(scope, receive, send):
        await receive()
        if scope["path"] == "/early":
            raise RuntimeError("early")
        await send(ACCEPT)
        if scope["path"] == "/late":
            raise RuntimeError("late")
        while (event := await receive())["type"] == "websocket.receive":
            await send({**event, "type": "websocket.send"})

    async with under_uvicorn(steps) as server:
        with pytest.raises(HandshakeError, match="500"):
            await connect(f"ws://127.0.0.1:{server.port}/early")
        async with connect(f"ws://127.0.0.1:{server.port}/late") as ws:
            with pytest.raises(ConnectionClosed) as failure:
                await ws.recv()
        assert failure.value.code == 1006  # as under uvicorn's own
        async with connect(f"ws://127.0.0.1:{server.port}/alive") as ws:
            await ws.send("alive?")
            assert await ws.recv() == "alive?"
    assert caplog.text.count("Exception in ASGI application") == 2


async def test_who_does_not_read_makes_the_application_wait():
    sent = 0

    async def steps(receive, send):
        nonlocal sent
        await receive()
        await send(ACCEPT)
        while True:
            await send(text("x" * 10_000))
            sent += 1

    talk = app(steps)
    async with under_uvicorn(talk) as server:
        peer = await Peer.dial(server.port, receive_buffer=4096)
        async with peer:
            peer.writer.write(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
            await until(lambda: sent)
            before = -1
            while sent != before:
                before = sent
                for _ in range(200):
                    await asyncio.sleep(0)
            assert sent < 2000
        await talk.ended.wait()
    assert isinstance(talk.error, OSError)


async def test_an_application_that_does_not_receive_stops_the_reading():
    go_on = asyncio.Event()

    async def steps(receive, send):
        await receive()
        await send(ACCEPT)
        await go_on.wait()
        for _ in range(100):
            await receive()
        await send(CLOSE)

    async with under_uvicorn(app(steps)) as server, await Peer.open(server.port) as peer:
        protocol = next(iter(server.server_state.connections))
        for _ in range(100):
            peer.send(FIN | TEXT, b"x" * 10_000)
        await until(lambda: protocol.guest.inbox.full)
        assert protocol.guest.inbox.size < 1 << 19
        go_on.set()
        assert await peer.frame() == code(1000)


async def test_shutdown_tells_both_sides():
    async def steps(receive, send):
        await receive()
        await send(ACCEPT)
        await receive()

    talk = app(steps)
    async with under_uvicorn(talk) as server, await Peer.open(server.port) as peer:
        for protocol in [*server.server_state.connections]:
            protocol.shutdown()
        assert await peer.frame() == code(1012)
        await talk.ended.wait()
    assert talk.heard[-1] == {"type": "websocket.disconnect", "code": 1012}


async def test_a_closing_handshake_that_is_not_answered_ends():
    class Hasty(WebSocketProtocol):
        close_timeout = 0.05

    async def steps(receive, send):
        await receive()
        await send(ACCEPT)
        await send(CLOSE)

    async with under_uvicorn(app(steps), ws=Hasty) as server, await Peer.open(server.port) as peer:
        assert await peer.frame() == code(1000)
        assert await peer.frame() is None


def test_on_uvloop():
    uvloop = pytest.importorskip("uvloop")

    async def main():
        async with under_uvicorn(echo) as server, connect(f"ws://127.0.0.1:{server.port}") as ws:
            for said in ("hello", b"b" * 300_000):
                await ws.send(said)
                assert await ws.recv() == said

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
