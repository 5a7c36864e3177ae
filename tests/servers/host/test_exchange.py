"""What an application may say beside its response: trailers, early hints, leave to send a body."""

import asyncio
import gc

import anyio
import pytest
from tests.engine.peer import Peer
from tests.servers.host.asking import ask, body, chunks, echo, get, hosted, saying, start, whole


def trailers(*headers, more=False):
    return {"type": "http.response.trailers", "headers": headers, "more_trailers": more}


PARTS = (trailers((b"X-Sum", b"1"), more=True), trailers((b"x-b", b"2")))


@pytest.mark.parametrize("lines", [["TE: trailers"], []])
async def test_trailers_come_to_whoever_takes_them(engine, lines):
    app = saying(start(200, (b"trailer", b"x-sum"), trailers=True), body(b"ab", more=True), body(b"c"), *PARTS)
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        for _ in range(2):
            peer.writer.write(get("/", *lines).encode())
            await peer.answer()
            assert await chunks(peer) == b"abc"
            assert peer.trailers == ([b"x-sum: 1", b"x-b: 2"] if lines else [])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_trailers_have_no_place_beside_a_length(engine, method):
    app = saying(start(200, (b"content-length", b"3"), trailers=True), body(b"abc"), *PARTS)
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        for _ in range(2):
            peer.writer.write(get("/", "TE: trailers", method=method).encode())
            assert (await whole(peer, head_only=method == "HEAD"))[0] == 200


async def test_a_body_without_the_trailers_that_were_promised_is_not_complete(engine, caplog):
    async with hosted(saying(start(200, trailers=True), body(b"abc")), engine) as server:
        async with await Peer.dial(server.port) as peer:
            peer.writer.write(get().encode())
            assert not (await peer.ended()).endswith(b"0\r\n\r\n")
    assert "before its answer" in caplog.text


async def test_early_hints_come_before_the_answer(engine):
    hint = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload", b"</b.js>"]}
    app = saying(start(200), hint, hint, body(b"x", more=True), hint, body())
    async with hosted(app, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get().encode())
        for _ in range(2):
            head = await peer.reader.readuntil(b"\r\n\r\n")
            assert head == b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nlink: </b.js>\r\n\r\n"
        assert (await whole(peer))[2] == b"x"
        peer.writer.write(get(version="1.0").encode())
        assert (await peer.answer())[0] == 200


async def test_leave_to_send_a_body_is_given_when_it_is_wanted(engine):
    gate = asyncio.Event()

    async def steps(scope, receive, send):
        await gate.wait()
        await echo(scope, receive, send)

    async with hosted(steps, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get("/", "Content-Length: 3", "Expect: 100-continue", method="POST").encode())
        for _ in range(50):
            await asyncio.sleep(0)
        assert not peer.reader._buffer
        gate.set()
        assert (await peer.answer())[0] == 100
        peer.writer.write(b"abc" + get("/", "Content-Length: 1", method="POST").encode() + b"d")
        assert (await whole(peer))[2] == b"abc"
        assert (await whole(peer))[2] == b"d"


async def test_who_was_given_no_leave_is_not_read_on(engine):
    async with hosted(saying(start(403), body(b"no")), engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get("/", "Content-Length: 3", "Expect: 100-continue", method="POST").encode())
        status, headers, _ = await whole(peer)
        assert (status, headers["connection"]) == (403, "close")
        assert await peer.ended() == b""


async def test_a_body_that_nobody_takes_is_passed_over(engine):
    async with hosted(saying(start(200), body(b"x")), engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get("/", "Content-Length: 200000", method="POST").encode())
        assert (await whole(peer))[2] == b"x"
        peer.writer.write(bytes(200_000) + get().encode())
        assert (await whole(peer))[2] == b"x"


async def test_but_not_without_an_end(engine):
    async with hosted(saying(start(200), body(b"x")), engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get("/", "Content-Length: 20000000", method="POST").encode())
        assert (await whole(peer))[2] == b"x"
        peer.writer.write(bytes(600_000))
        assert await peer.ended() == b""


async def test_an_application_that_does_not_receive_stops_the_reading(engine):
    gate = asyncio.Event()
    size = 0

    async def steps(scope, receive, send):
        nonlocal size
        await gate.wait()
        while True:
            event = await receive()
            size += len(event["body"])
            assert len(event["body"]) < 1 << 20
            if not event["more_body"]:
                break
        await send(start())
        await send(body(b"%d" % size))

    async with hosted(steps, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get("/", "Content-Length: 50000000", method="POST").encode())
        writing = asyncio.create_task(flood(peer, 50_000_000))
        left = 0
        for _ in range(3000):
            await asyncio.sleep(0)
        left = peer.writer.transport.get_write_buffer_size() + writing_left[0]
        assert left > 20_000_000
        gate.set()
        assert (await whole(peer))[2] == b"50000000"
        await writing


writing_left = [0]


async def flood(peer, size):
    writing_left[0] = size
    while writing_left[0]:
        peer.writer.write(bytes(100_000))
        writing_left[0] -= 100_000
        await peer.writer.drain()


@pytest.mark.parametrize("broken", [b"zz\r\n", b"3\r\nabcd\r\n"])
async def test_a_malformed_body_is_answered_and_told(engine, broken):
    heard = []

    async def steps(scope, receive, send):
        while not heard or heard[-1]["type"] == "http.request":
            heard.append(await receive())

    async with hosted(steps, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get("/", "Transfer-Encoding: chunked", method="POST").encode() + b"1\r\na\r\n")
        while not heard:
            await asyncio.sleep(0)
        peer.writer.write(broken)
        assert (await peer.answer())[0] == 400
        await peer.ended()
    assert heard[-1] == {"type": "http.disconnect"}


async def test_a_client_that_leaves_in_its_own_body_is_nobody_s_error(engine, caplog):
    heard = []
    ended = asyncio.Event()

    async def steps(scope, receive, send):
        while not heard or heard[-1]["type"] == "http.request":
            heard.append(await receive())
        ended.set()

    async with hosted(steps, engine) as server:
        async with await Peer.dial(server.port) as peer:
            peer.writer.write(get("/", "Content-Length: 9", method="POST").encode() + b"abc")
            while not heard:
                await asyncio.sleep(0)
        await ended.wait()
    assert [event["type"] for event in heard] == ["http.request", "http.disconnect"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_both_may_speak_at_a_time(engine):
    async def steps(scope, receive, send):
        await send(start())
        while True:
            event = await receive()
            await send(body(event["body"], more=event["more_body"]))
            if not event["more_body"]:
                break

    async with hosted(steps, engine) as server, await Peer.dial(server.port) as peer:
        for _ in range(2):
            peer.writer.write(get("/", "Transfer-Encoding: chunked", method="POST").encode())
            peer.writer.write(b"1\r\na\r\n")
            await peer.answer()
            assert await peer.reader.readexactly(6) == b"1\r\na\r\n"
            peer.writer.write(b"1\r\nb\r\n0\r\n\r\n")
            assert await chunks(peer) == b"b"


async def test_two_that_receive_at_once_hear_of_one_end(engine):
    heard = []
    waiting = asyncio.Event()

    async def steps(scope, receive, send):
        async def one():
            heard.append(await receive())

        async with asyncio.TaskGroup() as group:
            group.create_task(one())
            group.create_task(one())
            await send(start(200))
            await asyncio.sleep(0)
            waiting.set()
            while not heard:
                await asyncio.sleep(0)
            await send(body(b"x"))

    async with hosted(steps, engine) as server, await Peer.dial(server.port) as peer:
        peer.writer.write(get("/", "Content-Length: 1", method="POST").encode())
        await waiting.wait()
        peer.writer.write(b"a")
        assert (await whole(peer))[2] == b"x"
    assert [event["type"] for event in heard] == ["http.request", "http.disconnect"]


async def test_bytes_of_other_kinds(engine):
    async with hosted(saying(start(), body(bytearray(b"ab"), more=True), body(memoryview(b"c"))), engine) as server:
        assert (await ask(server, get()))[2] == b"abc"


async def test_who_looks_in_for_the_disconnect_again_and_again_leaves_nothing_behind(engine):
    found = []

    def futures():
        gc.collect()
        return sum(issubclass(type(thing), asyncio.Future) for thing in gc.get_objects())

    async def steps(scope, receive, send):
        async def look_in():
            with anyio.CancelScope() as now:
                now.cancel()
                found.append(await receive())

        await look_in()
        await look_in()
        before = futures()
        for _ in range(50):
            await look_in()
        found.append(futures() - before)
        await send(start(200))
        await send(body())

    async with hosted(steps, engine) as server:
        assert (await ask(server, get()))[0] == 200
    assert [found[0]["type"], *found[1:]] == ["http.request", 0]
