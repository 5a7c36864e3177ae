"""`connect`: opening, sockets and TLS."""

import asyncio
import socket
import ssl

import pytest
from tests.certificates import client_context, server_context
from tests.client.relays import answering, fields, listening, staying
from tests.client.servers import echo, hello, uri
from tests.engine.peer import until

from everywire import Deflate, connect, serve
from everywire.client import reaching, websocket
from everywire.client.backoff import Backoff
from everywire.errors import ConnectionClosed, ConnectionClosedOK, HandshakeError, InvalidURI


async def silent(reader, writer):
    """Accept, and say nothing."""
    await reader.read()


# Opening


async def test_three_ways_to_open(engine, server):
    ws = await connect(uri(server), engine=engine)
    await hello(ws)
    await ws.close()
    async with connect(uri(server), engine=engine) as ws:
        await hello(ws)
    assert ws.closed
    assert ws.close_code == 1000
    async for ws in connect(uri(server), engine=engine):
        await hello(ws)
        break


@pytest.mark.parametrize("message", ["", "ä€𝄞", "x" * 1_000_000, b"", b"\xff\0", bytes(300_000)])
@pytest.mark.parametrize("compression", ["deflate", None, Deflate(server_takeover=True, client_takeover=True)])
async def test_messages_of_all_kinds(engine, message, compression):
    async with serve(echo, "127.0.0.1", engine=engine, compression=compression) as server:
        async with connect(uri(server), engine=engine, compression=compression) as ws:
            for _ in range(2):
                await hello(ws, message)


async def test_iterables_and_pings_from_a_client(engine, server):
    async with connect(uri(server), engine=engine) as ws:
        await ws.send(["a", "b", "c"])
        assert await ws.recv() == "abc"
        assert await ws.ping() > 0


@pytest.mark.parametrize(
    "window", [{"client_window": 9}, {"server_window": 9}, {"client_takeover": True, "client_window": 10}]
)
async def test_small_windows(engine, window):
    text = "".join(chr(ord("a") + i * i % 26) for i in range(50_000))
    async with serve(echo, "127.0.0.1", engine=engine, compression=Deflate(client_takeover=True)) as server:
        async with connect(uri(server), engine=engine, compression=Deflate(**window)) as ws:
            assert "permessage-deflate" in ws.response.headers["sec-websocket-extensions"]
            for _ in range(3):
                await hello(ws, text)


async def test_what_a_client_asks(engine):
    async with answering("HTTP/1.1 404 Nothing\r\nContent-Length: 4\r\n\r\ngone") as (port, asked):
        with pytest.raises(HandshakeError) as caught:
            await connect(
                f"ws://ada:secret@localhost:{port}/x?y=z",
                subprotocols=["a", "b"],
                headers={"X-One": "1"},
                origin="https://example.com",
                engine=engine,
                compression=None,
            )
        assert caught.value.status == 404
    assert asked[0].startswith("GET /x?y=z HTTP/1.1\r\n")
    found = fields(asked[0])
    assert len(found.pop("sec-websocket-key")) == 24
    assert found == {
        "host": f"localhost:{port}",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "a, b",
        "user-agent": "everywire",
        "origin": "https://example.com",
        "authorization": "Basic YWRhOnNlY3JldA==",
        "x-one": "1",
    }


async def test_facts_about_a_client(engine):
    async with serve(echo, "127.0.0.1", engine=engine, subprotocols=["b"]) as server:
        async with connect(uri(server, "/x"), engine=engine, subprotocols=["a", "b"]) as ws:
            assert ws.subprotocol == "b"
            assert ws.request.target == "/x"
            assert ws.response.status == 101
            assert ws.response.headers["server"] == "everywire"
            assert ws.remote_address == ("127.0.0.1", server.port)
            assert repr(ws) == "<WebSocket client open>"


async def test_each_handshake_has_a_key_of_its_own(engine):
    async with answering("HTTP/1.1 404 Nothing\r\nContent-Length: 0\r\n\r\n") as (port, asked):
        for _ in range(3):
            with pytest.raises(HandshakeError):
                await connect(f"ws://localhost:{port}/", engine=engine)
    assert len({fields(request)["sec-websocket-key"] for request in asked}) == 3


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X\r\nY": "a"}, [("X", "a\n")]])
async def test_headers_cannot_bring_others(engine, server, headers):
    with pytest.raises(ValueError, match="CR"):
        await connect(uri(server), engine=engine, headers=headers)


async def test_a_client_on_callbacks(engine, server):
    happened = []
    options = {
        "on_message": lambda ws, message: happened.append(message),
        "on_close": lambda ws, *end: happened.append(end),
    }
    async with connect(uri(server), engine=engine, **options) as ws:
        ws.send("hello")
        await until(lambda: happened)
    assert happened == ["hello", (1000, "")]


async def test_messages_that_come_with_the_handshake(engine):
    async def greet(ws):
        ws.send("first")
        ws.send("second")

    async with serve(greet, "127.0.0.1", engine=engine) as server:
        ws = await connect(uri(server), engine=engine)
        assert [message async for message in ws] == ["first", "second"]


@pytest.mark.parametrize("end", ["return", "raise"])
async def test_leaving_the_context_closes(engine, end):
    codes = []

    async def handle(ws):
        try:
            await ws.recv()
        except ConnectionClosed as error:
            codes.append(error.code)

    async with serve(handle, "127.0.0.1", engine=engine) as server:
        try:
            async with connect(uri(server), engine=engine):
                if end == "raise":
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        await until(lambda: codes)
    assert codes == [1000 if end == "return" else 1011]


# What does not open


async def test_a_server_that_is_not_there(engine):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        await connect(f"ws://127.0.0.1:{port}/", engine=engine)


async def test_a_server_that_says_nothing(engine):
    async with listening(silent) as port:
        with pytest.raises(
            TimeoutError, match=rf"^no WebSocket to ws://localhost:{port}/\?token=\.\.\. within 0.05 s$"
        ):
            await connect(f"ws://localhost:{port}/?token=secret", engine=engine, open_timeout=0.05)


async def test_giving_up_while_opening(engine):
    async with listening(silent) as port:
        task = asyncio.ensure_future(connect(f"ws://localhost:{port}/", engine=engine)._open())
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


class Refusing:
    """An engine that takes over no socket."""

    def __init__(self):
        self.loop = asyncio.get_running_loop()

    def watch(self, seconds):
        pass

    async def adopt(self, sock, above, fin_timeout):
        raise OSError("no room for another descriptor")


async def test_a_socket_that_no_engine_takes_is_closed(server, monkeypatch):
    dialled = []
    dial = reaching.dial

    async def remember(*where):
        dialled.append(await dial(*where))
        return dialled[-1]

    monkeypatch.setattr(reaching, "dial", remember)
    monkeypatch.setattr(websocket.engines, "current", lambda kind: Refusing())
    with pytest.raises(OSError, match="no room"):
        await connect(uri(server))
    assert [sock.fileno() for sock in dialled] == [-1]


async def test_nothing_is_dialled_for_what_cannot_be_asked(engine, monkeypatch):
    monkeypatch.setattr(reaching, "dial", None)
    with pytest.raises(AttributeError):
        await connect("wss://localhost/", engine=engine, proxy=None, ssl="no context")


async def test_an_address_that_no_socket_is_made_for_is_passed_over(engine, server, monkeypatch):
    loop = asyncio.get_running_loop()
    known = ("127.0.0.1", server.port)

    async def found(*_, **options):
        return [(socket.AF_INET, 77, 0, "", known), (socket.AF_INET, socket.SOCK_STREAM, 0, "", known)]

    monkeypatch.setattr(loop, "getaddrinfo", found)
    async with connect(uri(server), engine=engine) as ws:
        await hello(ws)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("", None),
        ("HTTP/1.1 101", None),
        ("nonsense\r\n\r\n", None),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200),
        ("HTTP/1.1 403 Forbidden\r\n\r\nno", 403),
        ("HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", 503),
        ("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", 302),
        ("HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n", 101),
    ],
)
async def test_answers_that_open_nothing(engine, answer, status):
    async with answering(answer) as (port, _):
        with pytest.raises(HandshakeError) as caught:
            await connect(f"ws://localhost:{port}/", engine=engine)
        assert caught.value.status == status
        assert (caught.value.response is None) == (status is None)


@pytest.mark.parametrize(
    ("head", "text"),
    [
        ("Transfer-Encoding: chunked", "3\r\nno!\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "3\r\nn"),
        ("Content-Length: 100", "no"),
        ("Connection: keep-alive", "no"),
    ],
)
@pytest.mark.parametrize("before", ["", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"])
async def test_a_refusal_on_a_connection_that_stays_open(engine, head, text, before, monkeypatch):
    monkeypatch.setattr(websocket, "_PATIENCE", 0.01)
    async with staying(f"{before}HTTP/1.1 403 Forbidden\r\n{head}\r\n\r\n{text}") as port:
        with pytest.raises(HandshakeError) as caught:
            await connect(f"ws://localhost:{port}/", engine=engine)
        assert caught.value.status == 403
        assert caught.value.response.body in (b"no!", b"n", b"no")


async def test_a_status_in_time_counts_more_than_the_timeout(engine, monkeypatch):
    limits = []
    timeout = asyncio.timeout
    monkeypatch.setattr(asyncio, "timeout", lambda delay: limits.append(timeout(delay)) or limits[-1])
    monkeypatch.setattr(websocket, "_PATIENCE", 0)
    async with staying("HTTP/1.1 403 Forbidden\r\n\r\n") as port:
        with pytest.raises(HandshakeError):
            await connect(f"ws://127.0.0.1:{port}/", engine=engine)
    assert limits[0].when() is None


@pytest.mark.parametrize("bad", ["http:/", "localhost", "ws://a/#b"])
def test_bad_addresses(bad):
    with pytest.raises(InvalidURI):
        connect(bad)


def test_an_option_that_does_not_exist():
    with pytest.raises(TypeError, match="colour"):
        connect("ws://localhost/", colour="red")


# Sockets and TLS


async def test_a_socket_that_is_given(engine, server):
    sock = socket.create_connection(("127.0.0.1", server.port))
    async with connect("ws://example.com/", engine=engine, sock=sock) as ws:
        assert ws.request.headers["host"] == "example.com"
        await hello(ws)


async def test_a_socket_is_used_once(engine, server):
    sock = socket.create_connection(("127.0.0.1", server.port))
    with pytest.raises(ValueError, match="closed"):
        async for ws in connect("ws://example.com/", engine=engine, sock=sock, backoff=Backoff(lambda: 0.0)):
            await hello(ws)


async def test_tls(engine):
    async with serve(echo, "127.0.0.1", engine=engine, ssl=server_context()) as server:
        async with connect(uri(server, scheme="wss"), engine=engine, ssl=client_context()) as ws:
            for message in ("hello", "x" * 1_000_000):
                await hello(ws, message)
            await asyncio.gather(*(ws.send(str(i)) for i in range(500)))
            assert [await ws.recv() for _ in range(500)] == [str(i) for i in range(500)]
        assert ws.close_code == 1000


async def test_a_server_that_is_not_trusted(engine):
    async with serve(echo, "127.0.0.1", engine=engine, ssl=server_context()) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(uri(server, scheme="wss"), engine=engine)


async def test_the_name_that_is_checked(engine):
    async with serve(echo, "127.0.0.1", engine=engine, ssl=server_context()) as server:
        there = {"engine": engine, "ssl": client_context()}
        sock = socket.create_connection(("127.0.0.1", server.port))
        with pytest.raises(ssl.SSLCertVerificationError, match=r"example\.com"):
            await connect("wss://example.com/", sock=sock, **there)
        sock = socket.create_connection(("127.0.0.1", server.port))
        async with connect("wss://example.com/", sock=sock, server_hostname="localhost", **there) as ws:
            await hello(ws)


async def test_tls_with_who_does_not_speak_it(engine, server):
    with pytest.raises(ssl.SSLError):
        await connect(uri(server, scheme="wss"), engine=engine, ssl=client_context())


async def test_a_server_that_ends_within_the_tls_handshake(engine):
    async def vanish(reader, writer):
        await reader.read(10)
        writer.transport.abort()

    async with listening(vanish) as port:
        with pytest.raises(OSError):
            await connect(f"wss://localhost:{port}/", engine=engine, ssl=client_context())


# Against the server's end


async def test_a_server_that_goes_away(engine, server):
    async with connect(uri(server), engine=engine) as ws:
        server.close(reason="bye")
        with pytest.raises(ConnectionClosedOK) as caught:
            await ws.recv()
        assert (caught.value.code, caught.value.reason) == (1001, "bye")


async def test_a_server_that_breaks_the_protocol(engine):
    async def misbehave(ws):
        ws.write_frame(b"\xff\xff")
        await ws.wait_closed()

    async with serve(misbehave, "127.0.0.1", engine=engine, close_timeout=0.2) as server:
        async with connect(uri(server), engine=engine) as ws:
            with pytest.raises(ConnectionClosed):
                await ws.recv()
