"""Requests to applications over HTTP/1.1: what comes back, and on which connection."""

import asyncio
import logging

import anyio
import pytest
from tests.engine.peer import Peer
from tests.servers.host.asking import Asked, ask, body, echo, get, hosted, saying, start, whole

from everywire.errors import Disconnected

HELLO = saying(start(200, (b"content-type", b"text/plain")), body(b"hello"))


async def test_a_response_has_a_length_a_date_and_a_server(engine):
    async with hosted(HELLO, engine) as server:
        assert await ask(server, get()) == (
            200,
            {
                "content-type": "text/plain",
                "date": "Thu, 01 Jan 1970 00:00:00 GMT",
                "server": "everywire",
                "content-length": "5",
            },
            b"hello",
        )


async def test_a_connection_is_kept_and_requests_may_come_ahead(engine):
    async def steps(scope, receive, send):
        await asyncio.sleep(0)
        await send(start(200))
        await send(body(scope["path"].encode()))

    async with hosted(steps, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write("".join(get(f"/{number}") for number in range(20)).encode())
        for number in range(20):
            assert (await whole(peer))[2] == b"/%d" % number
        peer.writer.write(get("/late").encode())
        assert (await whole(peer))[2] == b"/late"


@pytest.mark.parametrize(
    ("version", "lines"), [("1.1", ["Connection: close"]), ("1.0", []), ("1.0", ["Connection: x"])]
)
async def test_a_connection_that_the_client_wants_closed(engine, version, lines):
    async with hosted(HELLO, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get("/", *lines, version=version).encode())
        _, headers, data = await whole(peer)
        assert (headers["connection"], data) == ("close", b"hello")
        assert await peer.ended() == b""


async def test_a_connection_that_the_application_wants_closed(engine):
    app = saying(start(200, (b"connection", b"Close")), body(b"x"))
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get().encode())
        assert (await whole(peer))[1]["connection"] == "Close"
        assert await peer.ended() == b""


@pytest.mark.parametrize("status", [400, 404, 426, 500, 503])
async def test_an_answer_of_any_status_leaves_the_connection(engine, status):
    async with hosted(saying(start(status), body(b"x")), engine) as server, await Peer.dial(server.port) as peer:
        for _ in range(2):
            peer.writer.write(get().encode())
            assert (await whole(peer))[0] == status


async def test_a_body_in_pieces_is_chunked_and_ends_an_older_connection(engine):
    app = saying(start(200), body(b"a", more=True), body(b"", more=True), body(b"bc", more=True), body())
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get().encode())
        _, headers, data = await whole(peer)
        assert (headers["transfer-encoding"], data) == ("chunked", b"abc")
        peer.writer.write(get(version="1.0").encode())
        _, headers = await peer.answer()
        assert "transfer-encoding" not in headers
        assert await peer.ended() == b"abc"


async def test_a_body_in_pieces_with_a_length_is_not_chunked(engine):
    app = saying(start(200, (b"content-length", b"3")), body(b"a", more=True), body(b"bc"))
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        for _ in range(2):
            peer.writer.write(get().encode())
            _, headers, data = await whole(peer)
            assert ("transfer-encoding" in headers, data) == (False, b"abc")


async def test_head_has_no_body(engine):
    app = saying(start(200, (b"content-length", b"5")), body(b"he", more=True), body(b"llo"))
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        for _ in range(2):
            peer.writer.write(get(method="HEAD").encode())
            status, headers, _ = await whole(peer, head_only=True)
            assert (status, headers["content-length"]) == (200, "5")


async def test_head_is_what_was_asked_whatever_the_application_makes_of_its_scope(engine):
    async def steps(scope, receive, send):
        scope["method"] = "GET"
        await send(start(200))
        for _ in range(4):
            await send(body(b"x" * 40_000, more=True))
        await send(body())

    app = Asked(steps)
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get(method="HEAD").encode() * 2)
        for _ in range(2):
            assert "content-length" not in (await whole(peer, head_only=True))[1]
        async with asyncio.timeout(5):
            await app.ended.wait()


async def test_head_of_a_body_without_a_length_has_none(engine):
    async with hosted(saying(start(200), body(b"he", more=True), body()), engine) as server:
        async with await Peer.dial(server.port) as peer:
            for _ in range(2):
                peer.writer.write(get(method="HEAD").encode())
                assert "content-length" not in (await whole(peer, head_only=True))[1]


@pytest.mark.parametrize("status", [204, 304])
async def test_some_answers_have_no_body(engine, status):
    async with hosted(saying(start(status), body()), engine) as server, await Peer.dial(server.port) as peer:
        for _ in range(2):
            peer.writer.write(get().encode())
            found, headers, _ = await whole(peer)
            assert (found, "content-length" in headers, "transfer-encoding" in headers) == (status, False, False)


async def test_the_transfer_encoding_is_the_server_s_to_say(engine):
    app = saying(start(200, (b"transfer-encoding", b"chunked")), body(b"x"))
    async with hosted(app, engine) as server:
        _, headers, data = await ask(server, get())
        assert ("transfer-encoding" in headers, headers["content-length"], data) == (False, "1", b"x")


async def test_an_application_goes_on_after_its_answer(engine):
    gate, done = asyncio.Event(), asyncio.Event()

    async def steps(scope, receive, send):
        await send(start(200))
        await send(body(b"x"))
        await send(body(b"nobody hears this"))
        await gate.wait()
        done.set()

    async with hosted(steps, engine) as server, await Peer.dial(server.port) as peer:
        for _ in range(2):
            peer.writer.write(get().encode())
            assert (await whole(peer))[2] == b"x"
        gate.set()
        await done.wait()


async def test_context_is_each_request_s_own(engine):
    import contextvars

    seen = contextvars.ContextVar("seen", default=0)
    found = []

    async def steps(scope, receive, send):
        found.append((seen.get(), asyncio.current_task() is not None))
        seen.set(1)
        await send(start(200))
        await send(body())

    async with hosted(steps, engine) as server, await Peer.dial(server.port) as peer:
        for _ in range(4):
            peer.writer.write(get().encode())
            await whole(peer)
    assert found == [(0, True)] * 4


async def test_a_client_that_leaves_is_told_to_who_listens(engine, caplog):
    begun = asyncio.Event()
    heard = []

    async def steps(scope, receive, send):
        await receive()
        begun.set()
        heard.append(await receive())
        await send(start(200))

    app = Asked(steps)
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get().encode())
        await begun.wait()
        await peer.leave()
        await app.ended.wait()
    assert heard == [{"type": "http.disconnect"}]
    assert isinstance(app.error, Disconnected)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_client_that_leaves_in_the_middle_of_a_body(engine, caplog):
    async def steps(scope, receive, send):
        await send(start(200))
        try:
            while True:
                await send(body(b"x" * 1000, more=True))
                await asyncio.sleep(0)
        except OSError as error:
            raise KeyError("what an application makes of it") from error

    app = Asked(steps)
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get().encode())
        await peer.answer()
        await peer.leave()
        await app.ended.wait()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_client_that_only_ends_its_side_has_its_answer(engine):
    gate = asyncio.Event()
    heard = []

    async def steps(scope, receive, send):
        await receive()
        await gate.wait()
        heard.append(await receive())
        await send(start(200))
        await send(body(b"still"))

    async with hosted(steps, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get().encode())
        peer.writer.write_eof()
        for _ in range(100):
            await asyncio.sleep(0)
        gate.set()
        assert (await whole(peer))[2] == b"still"
    assert heard == [{"type": "http.disconnect"}]


async def test_disconnect_is_heard_after_the_answer(engine):
    heard = []

    async def steps(scope, receive, send):
        await send(start(200))
        await send(body())
        heard.append(await receive())
        heard.append(await receive())

    async with hosted(steps, engine) as server:
        await ask(server, get())
    assert heard == [{"type": "http.disconnect"}] * 2


async def test_who_waits_for_the_disconnect_hears_of_the_answer(engine):
    heard = []

    async def steps(scope, receive, send):
        await receive()

        async def listen():
            heard.append(await receive())

        listening = [asyncio.create_task(listen()) for _ in range(2)]
        await asyncio.sleep(0)
        listening.pop().cancel()
        await send(start(200))
        await send(body())
        await listening.pop()

    app = Asked(steps)
    async with hosted(app, engine) as server:
        await ask(server, get())
        await app.ended.wait()
    assert heard == [{"type": "http.disconnect"}]


async def test_send_waits_for_a_client_that_does_not_read(engine):
    sent = 0

    async def steps(scope, receive, send):
        nonlocal sent
        await send(start(200))
        for _ in range(100):
            await send(body(b"x" * (1 << 18), more=True))
            sent += 1
        await send(body())

    async with hosted(steps, engine) as server, await Peer.dial(server.port, receive_buffer=4096) as peer:
        peer.writer.write(get().encode())
        await peer.answer()
        before = -1
        while before != sent:
            before = sent
            for _ in range(300):
                await asyncio.sleep(0)
        assert sent < 60
        size = 0
        while size < 100 << 18:
            size += len(await peer.reader.read(1 << 20))
        assert sent == 100


async def test_a_body_is_echoed(engine):
    async with hosted(echo, engine) as server:
        assert (await ask(server, get("/", "Content-Length: 3", method="POST") + "abc"))[2] == b"abc"
        chunked = get("/", "Transfer-Encoding: chunked", method="POST") + "1;x=y\r\na\r\n2\r\nbc\r\n0\r\nT: v\r\n\r\n"
        assert (await ask(server, chunked))[2] == b"abc"


async def test_over_a_unix_socket(engine, tmp_path):
    import socket

    async def steps(scope, receive, send):
        await send(start(200))
        await send(body(repr((scope["client"], scope["server"])).encode()))

    path = str(tmp_path / "s")
    async with hosted(steps, engine, path=path):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, path)
        async with Peer(*await asyncio.open_connection(sock=sock)) as peer:
            peer.writer.write(get().encode())
            assert (await whole(peer))[2].decode() == repr((None, (path, None)))


async def by_tasks(send, *events):
    for event in events:
        await asyncio.create_task(send(event))


async def by_gather(send, *events):
    await asyncio.gather(*[send(event) for event in events])


async def by_patience(send, *events):
    for event in events:
        await asyncio.wait_for(asyncio.shield(send(event)), 5)


async def by_groups(send, *events):
    for event in events:
        async with anyio.create_task_group() as group:
            group.start_soon(send, event)


@pytest.mark.parametrize("way", [by_tasks, by_gather, by_patience, by_groups])
async def test_send_is_awaited_in_every_way(engine, way):
    async def app(scope, receive, send):
        with pytest.raises((RuntimeError, ExceptionGroup)):
            await way(send, body(b"too early"))
        await way(send, start(200, [b"x", bytearray(b"y")]), body(memoryview(b"a"), more=True), body(bytearray(b"b")))

    async with hosted(app, engine) as server:
        status, headers, data = await ask(server, get())
        assert (status, headers["x"], data) == (200, "y", b"ab")
