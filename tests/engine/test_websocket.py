"""The WebSocket that applications hold: receiving, sending, closing, pinging, by coroutine and by callback."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from tests.engine.peer import Peer, code, loud, opened, until
from tests.ws.raw import BINARY, CLOSE, CONTINUATION, FIN, TEXT, masked

from everywire import serve
from everywire.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

# Receiving


async def test_recv_gives_messages_in_order(engine):
    async def handle(ws):
        for _ in range(3):
            message = await ws.recv()
            await ws.send(message)

    async with opened(engine, handle) as (_, peer):
        for frame in ((FIN | TEXT, "ä".encode()), (FIN | BINARY, b"\xff"), (FIN | TEXT, b"")):
            peer.send(*frame)
        assert [await peer.frame() for _ in range(3)] == [
            (FIN | TEXT, "ä".encode()),
            (FIN | BINARY, b"\xff"),
            (FIN | TEXT, b""),
        ]
        assert await peer.frame() == code(1000)


async def test_many_messages_in_one_piece(engine):
    async def handle(ws):
        async for message in ws:
            await ws.send(message)

    async with opened(engine, handle) as (_, peer):
        peer.writer.write(b"".join(masked(FIN | TEXT, b"%d" % i) for i in range(2000)))
        assert [(await peer.frame())[1] for _ in range(2000)] == [b"%d" % i for i in range(2000)]


@pytest.mark.parametrize(
    ("ending", "result"),
    [
        (code(1000), "ended"),
        (code(1001, b"bye"), "ended"),
        ((FIN | CLOSE, b""), "ended"),
        (code(1011, b"oops"), (1011, "oops")),
        (code(4000), (4000, "")),
    ],
)
async def test_iterating_ends_or_raises_by_the_close_code(engine, ending, result):
    found = []

    async def handle(ws):
        try:
            async for message in ws:
                found.append(message)
            found.append("ended")
        except ConnectionClosed as error:
            found.append((error.code, error.reason))

    async with opened(engine, handle) as (_ws, peer):
        peer.send(FIN | TEXT, b"first")
        peer.send(*ending)
        await until(lambda: len(found) == 2)
        assert found == ["first", result]


async def test_a_peer_that_vanishes_is_an_error(engine):
    found = []

    async def handle(ws):
        with pytest.raises(ConnectionClosedError) as caught:
            async for _ in ws:
                pass
        found.append(caught.value.code)

    async with opened(engine, handle) as (ws, peer):
        await peer.leave()
        await until(lambda: found)
        assert found == [1006]
        assert ws.closed
        assert ws.close_code == 1006


async def test_a_peer_that_errs_is_an_error(engine):
    found = []

    async def handle(ws):
        with pytest.raises(ConnectionClosedError) as caught:
            async for message in ws:
                found.append(message)
        found.append(caught.value.code)

    async with opened(engine, handle) as (_, peer):
        peer.send(FIN | TEXT, b"first")
        peer.send(FIN | 3)
        assert (await peer.frame())[1][:2] == (1002).to_bytes(2, "big")
        await peer.leave()
        await until(lambda: len(found) == 2)
        assert found == ["first", 1006]


async def test_recv_raises_for_good_ends_too(engine):
    found = []

    async def handle(ws):
        for _ in range(2):
            try:
                await ws.recv()
            except ConnectionClosedOK as error:
                found.append(error.code)

    async with opened(engine, handle) as (_, peer):
        peer.close(1001)
        await until(lambda: len(found) == 2)
        assert found == [1001, 1001]


async def test_messages_before_the_end_are_not_lost_to_a_slow_handler(engine):
    gate = asyncio.Event()
    found = []

    async def handle(ws):
        await gate.wait()
        async for message in ws:
            found.append(message)
        found.append("ended")

    async with opened(engine, handle) as (_ws, peer):
        peer.send(FIN | TEXT, b"1")
        peer.send(FIN | TEXT, b"2")
        peer.close()
        await peer.writer.drain()
        gate.set()
        await until(lambda: found[-1:] == ["ended"])
        assert found == ["1", "2", "ended"]


async def test_two_cannot_receive_at_once(engine):
    async with opened(engine) as (ws, _):
        first = asyncio.ensure_future(ws.recv())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already waiting"):
            await ws.recv()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_a_second_receiver_does_not_change_how_the_first_learns_of_the_end(engine):
    seen = []

    async def handle(ws):
        async for message in ws:
            seen.append(message)
        seen.append("the end")

    async with opened(engine, handle) as (ws, peer):
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already waiting"):
            await ws.recv()
        peer.close(1000)
        await until(lambda: seen)
    assert seen == ["the end"]


async def test_wait_for_a_message(engine):
    found = []

    async def handle(ws):
        try:
            await asyncio.wait_for(ws.recv(), 0.001)
        except TimeoutError:
            found.append("timeout")
        await ws.send("now")
        found.append(await asyncio.wait_for(ws.recv(), 5))

    async with opened(engine, handle) as (_, peer):
        assert await peer.frame() == (FIN | TEXT, b"now")
        peer.send(FIN | TEXT, b"late")
        await until(lambda: len(found) == 2)
        assert found == ["timeout", "late"]


async def test_one_handler_may_read_two_connections(engine):
    others = asyncio.Queue()

    async def handle(ws):
        if ws.request.path == "/other":
            await others.put(ws)
            await ws.wait_closed()
            return
        other = await others.get()
        while True:
            await ws.send(await other.recv())
            await other.send(await ws.recv())

    async with (
        serve(handle, "127.0.0.1", engine=engine) as server,
        await Peer.open(server.port) as near,
        await Peer.dial(server.port) as far,
    ):
        request = "GET /other HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        assert (await far.ask(f"{request}Sec-WebSocket-Key: {'A' * 22}==\r\n\r\n"))[0] == 101
        for i in range(3):
            far.send(FIN | TEXT, b"up%d" % i)
            assert await near.frame() == (FIN | TEXT, b"up%d" % i)
            near.send(FIN | TEXT, b"down%d" % i)
            assert await far.frame() == (FIN | TEXT, b"down%d" % i)


async def test_a_handler_that_does_not_read_stops_the_peer(engine):
    gate = asyncio.Event()
    count = 0

    async def handle(ws):
        nonlocal count
        await gate.wait()
        async for message in ws:
            count += len(message)

    async with opened(engine, handle, read_limit=10_000) as (_ws, peer):
        sent = 0
        try:
            async with asyncio.timeout(5):
                while peer.writer.transport.get_write_buffer_size() < 100_000:
                    peer.send(FIN | BINARY, b"x" * 50_000)
                    sent += 50_000
                    await asyncio.sleep(0)
        except TimeoutError:
            pytest.fail("the server reads on and on")
        gate.set()
        await until(lambda: count == sent)


# Sending


async def fragments():
    yield "a"
    await asyncio.sleep(0)
    yield "ä"


@pytest.mark.parametrize(
    ("message", "frames"),
    [
        ("hällo", [(FIN | TEXT, "hällo".encode())]),
        (b"\xff", [(FIN | BINARY, b"\xff")]),
        (bytearray(b"abc"), [(FIN | BINARY, b"abc")]),
        ("a" * 100_000, [(FIN | TEXT, b"a" * 100_000)]),
        ("a" * 99_999 + "ä", [(FIN | TEXT, b"a" * 99_999 + "ä".encode())]),
        (b"a" * 100_000, [(FIN | BINARY, b"a" * 100_000)]),
        (memoryview(b"abcdef")[::2], [(FIN | BINARY, b"ace")]),
        (["a"], [(FIN | TEXT, b"a")]),
        (["a", "", "b"], [(TEXT, b"a"), (CONTINUATION, b""), (FIN | CONTINUATION, b"b")]),
        ((bytearray(b"a"), b"b"), [(BINARY, b"a"), (FIN | CONTINUATION, b"b")]),
        (lambda: (part for part in "ab"), [(TEXT, b"a"), (FIN | CONTINUATION, b"b")]),
        (fragments, [(TEXT, b"a"), (FIN | CONTINUATION, "ä".encode())]),
    ],
)
async def test_sending(engine, message, frames):
    async with opened(engine) as (ws, peer):
        await ws.send(message() if callable(message) else message)
        assert [await peer.frame() for _ in frames] == frames


@pytest.mark.parametrize("message", [None, 1, {"a": "b"}, ["a", b"b"], [b"a", "b"], [1], [None], object()])
async def test_what_is_no_message(engine, message):
    async with opened(engine) as (ws, _peer):
        with pytest.raises(TypeError):
            await ws.send(message)


async def test_an_iterable_of_nothing_sends_nothing(engine):
    async with opened(engine) as (ws, peer):
        await ws.send([])
        await ws.send("after")
        assert await peer.frame() == (FIN | TEXT, b"after")


async def test_sending_without_awaiting(engine):
    async with opened(engine) as (ws, peer):
        for i in range(100):
            ws.send(str(i))
        assert [(await peer.frame())[1] for _ in range(100)] == [b"%d" % i for i in range(100)]


async def test_sending_and_closing_may_be_tasks(engine):
    async with opened(engine) as (ws, peer):
        await asyncio.gather(ws.send("1"), ws.send("2"))
        await asyncio.create_task(ws.send("3"))
        closing = asyncio.create_task(ws.close())
        assert [(await peer.frame())[1] for _ in range(3)] == [b"1", b"2", b"3"]
        peer.close()
        await closing


async def test_an_encoded_frame_is_shared(engine):
    async with opened(engine) as (ws, peer):
        ws.write_frame(b"\x81\x02hi")
        assert await peer.frame() == (FIN | TEXT, b"hi")
        peer.close()
        await ws.wait_closed()
        ws.write_frame(b"\x81\x02hi")


async def test_sending_after_the_end_raises(engine):
    async with opened(engine) as (ws, peer):
        peer.close(1001)
        await ws.wait_closed()
        for message in ("late", ["late"]):
            with pytest.raises(ConnectionClosedOK):
                await ws.send(message)
        with pytest.raises(ConnectionClosedOK):
            ws.send("late")
        with pytest.raises(ConnectionClosedOK):
            ws.ping()


async def test_sending_after_closing_began_raises(engine):
    async with opened(engine) as (ws, peer):
        ws.close(4000)
        with pytest.raises(ConnectionClosed):
            ws.send("late")
        assert await peer.frame() == code(4000)


# Back-pressure


async def fill(ws, high):
    """Send until more than `high` bytes stay queued; give how many were sent."""
    sent, still = 0, 0
    while still < 20:
        if ws.queued() <= high:
            ws.send(b"x" * 10_000)
            sent, still = sent + 10_000, 0
        await asyncio.sleep(0)
        still += 1
    return sent


@pytest.mark.parametrize("high", [1000, 20_000, 1 << 16, 200_000])
async def test_sending_waits_for_a_peer_that_does_not_read(engine, high):
    async with serve_quiet(engine, write_high=high) as (ws, peer):
        sent = await fill(ws, high)
        waiting = asyncio.ensure_future(ws.send("go on"))
        await asyncio.sleep(0)
        assert not waiting.done()
        received = 0
        while received < sent:
            received += len((await peer.frame())[1])
        assert await peer.frame() == (FIN | TEXT, b"go on")
        await asyncio.wait_for(waiting, 5)


async def test_draining_waits_for_the_same_room(engine):
    async with serve_quiet(engine, write_high=20_000) as (ws, peer):
        await ws.drain()  # there is room
        sent = await fill(ws, 20_000)
        waiting = asyncio.ensure_future(ws.drain())
        await asyncio.sleep(0)
        assert not waiting.done()
        while sent:
            sent -= len((await peer.frame())[1])
        await asyncio.wait_for(waiting, 5)
        ws.close()
        await ws.drain()  # nothing more to wait for


@asynccontextmanager
async def serve_quiet(engine, **options):
    """A server whose one client has a small receive buffer."""
    websockets = []

    async def handle(ws):
        websockets.append(ws)
        await ws.wait_closed()

    async with (
        serve(handle, "127.0.0.1", engine=engine, compression=None, **options) as server,
        await Peer.open(server.port, receive_buffer=4096) as peer,
    ):
        await until(lambda: websockets)
        yield websockets[0], peer


async def test_a_slow_reader_is_cut_off_beyond_the_limit(engine, caplog):
    async with serve_quiet(engine, write_limit=200_000) as (ws, _peer):
        most = 0
        with pytest.raises(ConnectionClosed):
            for _ in range(10_000):
                ws.send(b"x" * 10_000)
                most = max(most, ws.queued())
        assert most < 1_000_000
        assert ws.queued() < 300_000
        await asyncio.sleep(0)
    assert [record.levelname for record in loud(caplog)] == ["WARNING"]


async def test_a_handler_of_a_slow_reader_makes_no_noise(engine, caplog):
    ended = []

    async def handle(ws):
        try:
            while True:
                ws.send(b"x" * 10_000)
        finally:
            ended.append(True)

    async with opened(engine, handle, write_limit=200_000) as (ws, _):
        await until(lambda: ended)
        await asyncio.sleep(0)
        assert ws.queued() < 300_000
    assert [record.levelname for record in loud(caplog)] == ["WARNING"]


async def test_the_sender_of_a_peer_that_vanishes_does_not_wait_for_ever(engine):
    async with serve_quiet(engine) as (ws, peer):
        await fill(ws, 1 << 16)
        waiting = asyncio.ensure_future(ws.send("never"))
        await asyncio.sleep(0)
        await peer.leave()
        async with asyncio.timeout(5):
            try:
                await waiting
            except ConnectionClosed:
                pass
            await ws.wait_closed()


async def test_cancelling_a_waiting_send_harms_nobody_else(engine):
    async with serve_quiet(engine) as (ws, peer):
        sent = await fill(ws, 1 << 16)
        first, second = (asyncio.ensure_future(ws.send(b"y" * 10)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        received = 0
        while received < sent + 20:
            received += len((await peer.frame())[1])
        await asyncio.wait_for(second, 5)
