"""`serve`: where it listens, whom it lets in, what it answers over HTTP, and how it ends."""

import asyncio
import gc
import os
import re
import socket

import pytest
from tests.certificates import client_context, server_context
from tests.engine.peer import KEY, UPGRADE, Peer, code, loud, until
from tests.ws.raw import FIN, TEXT

from everywire import Deflate, Response, connect, serve
from everywire.errors import AbortHandshake, ConnectionClosed


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def request(path="/", headers=UPGRADE, method="GET"):
    return f"{method} {path} HTTP/1.1\r\n{headers}\r\n"


async def hello(ws):
    """Say hello over `ws` and hear it."""
    await ws.send("hello")
    assert await ws.recv() == "hello"


# Where


async def test_a_free_port(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        assert server.port == server.sockets[0].getsockname()[1] > 0
        async with connect(f"ws://127.0.0.1:{server.port}") as ws:
            await hello(ws)
            assert len(server.connections) == 1


async def test_it_may_be_awaited_instead(engine):
    server = await serve(echo, "127.0.0.1", engine=engine)
    async with connect(f"ws://127.0.0.1:{server.port}") as ws:
        await hello(ws)
    server.close()
    await server.wait_closed()


async def test_localhost_in_both_versions(engine):
    async with serve(echo, ["127.0.0.1", "::1"], engine=engine) as server:
        for host in ("127.0.0.1", "[::1]"):
            async with connect(f"ws://{host}:{server.port}") as ws:
                await hello(ws)


async def test_a_unix_socket(engine, tmp_path):
    path = str(tmp_path / "s")
    async with serve(echo, path=path, engine=engine):
        async with connect("ws://localhost/", path=path) as ws:
            await hello(ws)
    assert not os.path.exists(path)
    async with serve(echo, path=path, engine=engine):
        async with connect("ws://localhost/", path=path) as ws:
            await hello(ws)


async def test_a_unix_socket_with_tls(engine, tmp_path):
    path = str(tmp_path / "s")
    async with serve(echo, path=path, engine=engine, ssl=server_context()):
        async with connect("wss://localhost/", path=path, ssl=client_context()) as ws:
            await hello(ws)


async def test_sockets_that_are_given(engine):
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [sock.getsockname()[1] for sock in socks]
    async with serve(echo, sock=socks, engine=engine) as server:
        assert server.port == ports[0]
        for port in ports:
            async with connect(f"ws://127.0.0.1:{port}") as ws:
                await hello(ws)


async def test_two_servers_share_a_port(engine):
    def named(name):
        async def handle(ws):
            await ws.send(name)

        return handle

    async with serve(named("one"), "127.0.0.1", engine=engine, reuse_port=True) as one:
        async with serve(named("two"), "127.0.0.1", one.port, engine=engine, reuse_port=True):
            seen = set()
            for _ in range(200):
                async with connect(f"ws://127.0.0.1:{one.port}") as ws:
                    seen.add(await ws.recv())
                if len(seen) == 2:
                    break
    assert seen == {"one", "two"}


async def test_a_port_in_use(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        with pytest.raises(OSError, match="cannot listen"):
            await serve(echo, "127.0.0.1", server.port, engine=engine)


async def test_all_sockets_or_none(engine):
    good, bad = socket.create_server(("127.0.0.1", 0)), socket.socket()
    port = good.getsockname()[1]
    bad.close()
    with pytest.raises((OSError, ValueError)):
        await serve(echo, sock=[good, bad], engine=engine)
    assert good.fileno() == -1
    with pytest.raises(ConnectionRefusedError):
        await connect(f"ws://127.0.0.1:{port}", engine=engine)


@pytest.mark.parametrize("wrong", [{"engine": "steam"}, {"ssl": "no context"}])
async def test_nothing_listens_after_an_error(engine, wrong):
    sock = socket.create_server(("127.0.0.1", 0))
    with pytest.raises((RuntimeError, AttributeError)):
        await serve(echo, sock=sock, **{"engine": engine, **wrong})
    assert sock.fileno() == -1


def test_an_option_that_does_not_exist():
    with pytest.raises(TypeError, match="colour"):
        serve(echo, "127.0.0.1", colour="red")


# The handshake


async def answered(engine, headers="", path="/", **options):
    """The status and headers of the answer to one handshake."""
    async with serve(echo, "127.0.0.1", engine=engine, **options) as server:
        async with await Peer.dial(server.port) as peer:
            return await peer.ask(request(path, UPGRADE + headers))


async def test_the_answer(engine):
    status, headers = await answered(engine)
    assert status == 101
    assert headers == {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "server": "everywire",
    }
    assert "server" not in (await answered(engine, server_header=None))[1]
    assert (await answered(engine, server_header="mine"))[1]["server"] == "mine"


@pytest.mark.parametrize(
    ("headers", "status", "header"),
    [
        ("Host: x\r\n", 426, ("upgrade", "websocket")),
        (UPGRADE.replace("13", "12"), 426, ("sec-websocket-version", "13")),
        (UPGRADE.replace(KEY, "short"), 400, None),
        (UPGRADE + "Content-Length: 4\r\n\r\nbody", 400, None),
        (UPGRADE + "Host: y\r\n", 400, None),
        (UPGRADE + "Sec-WebSocket-Protocol: a b\r\n", 400, None),
        (UPGRADE + "Sec-WebSocket-Extensions: a b\r\n", 400, None),
    ],
)
async def test_handshakes_that_are_refused(engine, headers, status, header):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        async with await Peer.dial(server.port) as peer:
            found, fields = await peer.ask(request(headers=headers))
            assert found == status
            assert header is None or fields[header[0]] == header[1]
            assert fields["connection"] == "close"
            await peer.body(fields)
            assert await peer.ended() == b""


@pytest.mark.parametrize(
    ("options", "origin", "cookie", "status"),
    [
        ({}, None, True, 101),
        ({}, "https://evil.com", False, 101),
        ({}, "https://evil.com", True, 403),
        ({}, "http://x", True, 101),
        ({"origins": ["https://good.com"]}, "https://good.com", True, 101),
        ({"origins": ["https://good.com"]}, "https://evil.com", False, 403),
        ({"origins": ["https://good.com"]}, None, False, 403),
        ({"origins": [None, re.compile("https://.*[.]good[.]com")]}, "https://a.good.com", False, 101),
        ({"origins": [None]}, None, False, 101),
    ],
)
async def test_origins(engine, options, origin, cookie, status):
    headers = (f"Origin: {origin}\r\n" if origin else "") + ("Cookie: a=b\r\n" if cookie else "")
    assert (await answered(engine, headers, **options))[0] == status


@pytest.mark.parametrize(
    ("options", "offered", "chosen"),
    [
        ({}, "a, b", None),
        ({"subprotocols": ["b", "a"]}, "a, b", "b"),
        ({"subprotocols": ["c"]}, "a, b", None),
        ({"subprotocols": ["a"]}, None, None),
        ({"select_subprotocol": lambda names: names[-1]}, "a, b", "b"),
        ({"select_subprotocol": lambda names: None}, "a, b", None),
    ],
)
async def test_subprotocols(engine, options, offered, chosen):
    headers = f"Sec-WebSocket-Protocol: {offered}\r\n" if offered else ""
    _, fields = await answered(engine, headers, **options)
    assert fields.get("sec-websocket-protocol") == chosen


async def test_the_subprotocol_may_be_insisted_on(engine):
    def insist(names):
        raise AbortHandshake(400, "speak v2")

    status, _ = await answered(engine, "Sec-WebSocket-Protocol: v1\r\n", select_subprotocol=insist)
    assert status == 400


@pytest.mark.parametrize(
    ("compression", "offered", "answer"),
    [
        ("deflate", "permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        (None, "permessage-deflate", None),
        ("deflate", None, None),
        (Deflate(server_takeover=True, client_takeover=True), "permessage-deflate", "permessage-deflate"),
    ],
)
async def test_compression(engine, compression, offered, answer):
    headers = f"Sec-WebSocket-Extensions: {offered}\r\n" if offered else ""
    _, fields = await answered(engine, headers, compression=compression)
    assert fields.get("sec-websocket-extensions") == answer


# Answers over HTTP


def sync_page(request):
    if request.path == "/ws":
        return None
    if request.path == "/secret":
        raise AbortHandshake(401, "who are you?", (("WWW-Authenticate", "Basic"),))
    if request.path == "/fail":
        raise ZeroDivisionError
    return Response(200, f"{request.method} {request.path} {request.params}", [("X", "y")])


async def async_page(request):
    await asyncio.sleep(0)
    return sync_page(request)


pages = pytest.mark.parametrize("page", [sync_page, async_page], ids=["sync", "async"])


@pages
async def test_pages_and_a_websocket_on_one_connection(engine, page):
    async with serve(echo, "127.0.0.1", engine=engine, process_request=page) as server:
        async with await Peer.dial(server.port) as peer:
            for path in ("/a", "/b"):
                status, fields = await peer.ask(request(f"{path}?x=1", "Host: x\r\n"))
                assert (status, fields["x"]) == (200, "y")
                assert await peer.body(fields) == f"GET {path} {{'x': ['1']}}".encode()
            status, fields = await peer.ask(request("/secret", "Host: x\r\n"))
            assert (status, fields["www-authenticate"]) == (401, "Basic")
            assert await peer.body(fields) == b"who are you?\n"
            assert (await peer.ask(request("/ws")))[0] == 101
            peer.send(FIN | TEXT, b"hello")
            assert await peer.frame() == (FIN | TEXT, b"hello")


@pages
async def test_pipelined_requests(engine, page):
    async with serve(echo, "127.0.0.1", engine=engine, process_request=page) as server:
        async with await Peer.dial(server.port) as peer:
            posted = "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            peer.writer.write(
                (request("/a", "Host: x\r\n") + posted + request("/b", "Host: x\r\n") + request("/ws")).encode()
            )
            for expected in (b"GET /a {}", b"POST /p {}", b"GET /b {}"):
                _, fields = await peer.answer()
                assert await peer.body(fields) == expected
            assert (await peer.answer())[0] == 101
            peer.send(FIN | TEXT, b"hello")
            assert await peer.frame() == (FIN | TEXT, b"hello")


@pages
async def test_head(engine, page):
    async with serve(echo, "127.0.0.1", engine=engine, process_request=page) as server:
        async with await Peer.dial(server.port) as peer:
            status, fields = await peer.ask(request("/a", "Host: x\r\n", "HEAD"))
            assert (status, fields["content-length"]) == (200, "10")
            status, fields = await peer.ask(request("/b", "Host: x\r\nConnection: close\r\n"))
            assert (status, fields["connection"]) == (200, "close")
            assert await peer.ended() == b"GET /b {}"


@pages
async def test_an_error_of_ours_is_500_and_one_log_record(engine, page, caplog):
    async with serve(echo, "127.0.0.1", engine=engine, process_request=page) as server:
        async with await Peer.dial(server.port) as peer:
            status, fields = await peer.ask(request("/fail"))
            assert status == 500
            assert b"Zero" not in await peer.body(fields)
    (record,) = loud(caplog)
    assert record.exc_info[0] is ZeroDivisionError


async def test_a_hook_that_is_given_up_before_it_begins_leaves_nothing_behind(engine):
    begun = []

    async def wait(request):
        begun.append(request)
        await asyncio.Event().wait()

    async with serve(echo, "127.0.0.1", engine=engine, process_request=wait) as server:
        for _ in range(3):
            async with await Peer.dial(server.port) as peer:
                peer.writer.write(request("/", UPGRADE).encode())
                peer.writer.write_eof()
                assert await peer.reader.read() == b""
        gc.collect()  # a coroutine that was never awaited would say so
    assert len(begun) <= 3


async def test_whom_process_request_found_is_known_later(engine):
    async def who(request):
        request.user = "ada"

    users = []

    async def handle(ws):
        users.append(ws.request.user)

    async with serve(handle, "127.0.0.1", engine=engine, process_request=who) as server:
        async with connect(f"ws://127.0.0.1:{server.port}"):
            await until(lambda: users)
    assert users == ["ada"]


async def test_a_request_without_any_page(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        async with await Peer.dial(server.port) as peer:
            assert (await peer.ask(request("/", "Host: x\r\n")))[0] == 426


# The end


async def test_closing_says_1001_and_ends_handlers(engine, caplog):
    ended = []

    async def handle(ws):
        try:
            async for _ in ws:
                pass
        finally:
            ended.append(True)

    async with serve(handle, "127.0.0.1", engine=engine) as server:
        peers = [await Peer.open(server.port) for _ in range(3)]
        server.close(reason="bye")
        server.close()
        for peer in peers:
            assert await peer.frame() == code(1001, b"bye")
            peer.close(1001)
            assert await peer.frame() is None
        await server.wait_closed()
        assert ended == [True] * 3
        assert server.connections == set()
        for peer in peers:
            await peer.leave()
    assert loud(caplog) == []


async def test_closing_does_not_wait_for_ever(engine):
    async with serve(echo, "127.0.0.1", engine=engine, close_timeout=0.04) as server:
        async with await Peer.open(server.port), await Peer.dial(server.port):
            await until(lambda: server.connections)
            server.close()
            async with asyncio.timeout(3):
                await server.wait_closed()
            assert server.connections == set()


async def test_a_closed_server_lets_nobody_in(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        async with await Peer.open(server.port) as peer:
            port = server.port
            server.close()
            with pytest.raises(ConnectionRefusedError):
                await Peer.dial(port)
            peer.close(1001)
            await server.wait_closed()


async def test_a_handshake_that_is_late_is_told_to_come_back(engine):
    gate = asyncio.Event()
    asked = []

    async def wait(request):
        asked.append(request)
        await gate.wait()

    async with serve(echo, "127.0.0.1", engine=engine, process_request=wait, close_timeout=1) as server:
        async with await Peer.open_later(server.port) as peer, await Peer.dial(server.port):
            await until(lambda: asked)
            server.close()
            for _ in range(10):
                await asyncio.sleep(0)
            gate.set()
            status, fields = await peer.answer()
            assert (status, fields["retry-after"]) == (503, "1")


async def test_a_handler_that_goes_on_after_its_connection_is_waited_for(engine):
    happened = []

    async def handle(ws):
        await ws.wait_closed()
        for _ in range(20):
            await asyncio.sleep(0)
        happened.append("cleaned up")

    async with serve(handle, "127.0.0.1", engine=engine) as server:
        async with connect(f"ws://127.0.0.1:{server.port}"):
            await until(lambda: server.connections)
    assert happened == ["cleaned up"]


async def test_a_handler_that_never_ends_is_cancelled(engine):
    happened = []

    async def handle(ws):
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            happened.append("cancelled")
            raise

    async with serve(handle, "127.0.0.1", engine=engine, close_timeout=0.05) as server:
        async with await Peer.open(server.port) as peer:
            await until(lambda: server.connections)
            peer.close()
            assert await peer.frame() == code(1000)
    assert happened == ["cancelled"]


async def test_serving_for_ever_until_cancelled(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        task = asyncio.create_task(server.serve_forever())
        async with await Peer.open(server.port) as peer:
            task.cancel()
            assert await peer.frame() == code(1001)
            peer.close(1001)
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_who_waits_for_the_end_learns_of_it(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        waiting = asyncio.create_task(server.wait_closed())
        await asyncio.sleep(0)
        assert not waiting.done()
        server.close()
        await waiting


async def test_a_refused_client_sees_why(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        async with connect(f"ws://127.0.0.1:{server.port}") as ws:
            server.close()
            with pytest.raises(ConnectionClosed) as caught:
                await ws.recv()
            assert caught.value.code == 1001
