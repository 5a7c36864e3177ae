"""Callbacks instead of a handler; and one message to many connections."""

import asyncio
import contextvars
import zlib
from contextlib import AsyncExitStack

import pytest
from tests.engine.peer import Peer, code, loud, opened, until
from tests.ws.raw import BINARY, CLOSE, FIN, PING, PONG, RSV1, TEXT

from everywire import broadcast, serve
from everywire.ws import deflate
from everywire.ws.deflate import Deflate, Inflater

WHO = contextvars.ContextVar("who", default="nobody")

# Callbacks


async def test_callbacks(engine):
    happened = []

    def on_message(ws, message):
        happened.append(message)
        ws.send(message)

    options = {"on_message": on_message, "on_close": lambda ws, code, reason: happened.append((code, reason))}
    async with opened(engine, **options) as (_, peer):
        for i in range(3):
            peer.send(FIN | TEXT, b"%d" % i)
            assert await peer.frame() == (FIN | TEXT, b"%d" % i)
        peer.send(FIN | BINARY, b"\xff")
        assert await peer.frame() == (FIN | BINARY, b"\xff")
        peer.send(*code(4000, b"bye"))
        assert await peer.frame() == code(4000)
        await until(lambda: len(happened) == 5)
    assert happened == ["0", "1", "2", b"\xff", (4000, "bye")]


async def test_the_end_of_a_vanished_peer_is_told(engine):
    happened = []
    options = {
        "on_message": lambda *_: None,
        "on_close": lambda ws, code, reason: happened.append((code, reason, ws.closed)),
    }
    async with opened(engine, **options) as (_, peer):
        await peer.leave()
        await until(lambda: happened)
    assert happened == [(1006, "", True)]


async def test_a_coroutine_may_be_a_callback_and_order_is_kept(engine):
    gates = {"slow": asyncio.Event()}
    happened = []

    async def on_message(ws, message):
        happened.append(f"{message} begins")
        if message in gates:
            await gates[message].wait()
        happened.append(f"{message} ends")
        await ws.send(message)

    async with opened(engine, on_message=on_message) as (_, peer):
        for message in (b"a", b"slow", b"b", b"c"):
            peer.send(FIN | TEXT, message)
        assert await peer.frame() == (FIN | TEXT, b"a")
        await until(lambda: "slow begins" in happened)
        peer.send(FIN | PING, b"")
        assert await peer.frame() == (FIN | PONG, b"")
        assert happened == ["a begins", "a ends", "slow begins"]
        gates["slow"].set()
        assert [(await peer.frame())[1] for _ in range(3)] == [b"slow", b"b", b"c"]
    names = ["a", "slow", "b", "c"]
    assert happened == [f"{name} {verb}" for name in names for verb in ("begins", "ends")]


async def test_coroutines_see_a_task_and_a_context_of_their_own(engine):
    seen = []

    async def on_message(ws, message):
        seen.append((WHO.get(), asyncio.current_task() is not None))
        WHO.set(message)
        async with asyncio.timeout(5):
            if message == "wait":
                await asyncio.sleep(0)
        seen.append(WHO.get())
        await ws.send(message)

    async with opened(engine, on_message=on_message) as (_, peer):
        for message in (b"a", b"b", b"wait", b"c"):
            peer.send(FIN | TEXT, message)
            assert await peer.frame() == (FIN | TEXT, message)
    assert seen == [one for name in ("a", "b", "wait", "c") for one in (("nobody", True), name)]


@pytest.mark.parametrize("waits", [True, False])
async def test_a_coroutine_that_cancels_itself_ends_nothing_else(engine, waits):
    async def on_message(ws, message):
        if message == "cancel":
            asyncio.current_task().cancel()
            if waits:
                await asyncio.sleep(0)
        await ws.send(message)

    async with opened(engine, on_message=on_message) as (_, peer):
        for _ in range(3):
            peer.send(FIN | TEXT, b"cancel")
            peer.send(FIN | TEXT, b"after")
            if not waits:
                assert await peer.frame() == (FIN | TEXT, b"cancel")
            assert await peer.frame() == (FIN | TEXT, b"after")


async def test_connections_do_not_wait_for_each_others_coroutines(engine):
    gate = asyncio.Event()

    async def on_message(ws, message):
        if message == "slow":
            await gate.wait()
        await ws.send(message)

    async with serve(on_message=on_message, host="127.0.0.1", engine=engine) as server:
        async with await Peer.open(server.port) as slow, await Peer.open(server.port) as quick:
            slow.send(FIN | TEXT, b"slow")
            for _ in range(3):
                quick.send(FIN | TEXT, b"quick")
                assert await quick.frame() == (FIN | TEXT, b"quick")
            gate.set()
            assert await slow.frame() == (FIN | TEXT, b"slow")


async def test_messages_before_the_end_reach_a_slow_coroutine(engine):
    gate = asyncio.Event()
    happened = []

    async def on_message(ws, message):
        await gate.wait()
        happened.append(message)

    options = {"on_message": on_message, "on_close": lambda ws, code, reason: happened.append(code)}
    async with opened(engine, **options) as (_, peer):
        for i in range(3):
            peer.send(FIN | TEXT, b"%d" % i)
        peer.close()
        await peer.writer.drain()
        gate.set()
        await until(lambda: 1000 in happened)
    assert happened == ["0", "1", "2", 1000]


async def test_a_slow_coroutine_stops_the_peer(engine):
    gate = asyncio.Event()
    count = 0

    async def on_message(ws, message):
        nonlocal count
        await gate.wait()
        count += len(message)

    async with opened(engine, on_message=on_message, read_limit=10_000) as (_, peer):
        sent = 0
        while peer.writer.transport.get_write_buffer_size() < 100_000:
            peer.send(FIN | BINARY, b"x" * 50_000)
            sent += 50_000
            assert sent < 100_000_000
            await asyncio.sleep(0)
        gate.set()
        await until(lambda: count == sent)


@pytest.mark.parametrize("kind", ["plain", "coroutine", "waiting coroutine"])
async def test_an_error_in_a_callback_closes_with_1011_and_one_log_record(engine, caplog, kind):
    def plain(ws, message):
        raise ZeroDivisionError(message)

    async def coroutine(ws, message):
        if kind.startswith("waiting"):
            await asyncio.sleep(0)
        raise ZeroDivisionError(message)

    async with opened(engine, on_message=plain if kind == "plain" else coroutine) as (_, peer):
        peer.send(FIN | TEXT, b"secret")
        peer.send(FIN | TEXT, b"after")
        first, payload = await peer.frame()
        assert (first, payload[:2]) == code(1011)
        assert b"secret" not in payload
        assert await peer.frame() is None
    (record,) = loud(caplog)
    assert record.exc_info[0] is ZeroDivisionError


async def test_nothing_is_delivered_after_an_error_though_the_peer_has_closed(engine, caplog):
    gate = asyncio.Event()
    seen = []

    async def on_message(ws, message):
        seen.append(message)
        await gate.wait()
        raise ZeroDivisionError

    over = asyncio.Event()
    async with opened(engine, on_message=on_message, on_close=lambda *_: over.set()) as (ws, peer):
        for i in range(4):
            peer.send(FIN | TEXT, b"%d" % i)
        peer.send(*code(1000))
        await until(lambda: ws.close_code)
        gate.set()
        await over.wait()
    assert seen == ["0"]
    assert caplog.text.count("error in the handler") == 1


async def test_the_address_of_a_peer_that_has_gone(engine):
    seen = []
    options = {"on_message": lambda *_: None, "on_close": lambda ws, code, reason: seen.append(ws.remote_address)}
    async with opened(engine, **options) as (ws, peer):
        address = peer.writer.get_extra_info("sockname")
        await peer.leave()
        await until(lambda: seen)
        assert ws.remote_address == address
    assert seen == [address]


async def test_errors_of_one_connection_do_not_touch_the_others(engine, caplog):
    def on_message(ws, message):
        if message == "bad":
            raise ZeroDivisionError
        ws.send(message)

    async with serve(on_message=on_message, host="127.0.0.1", engine=engine) as server:
        async with await Peer.open(server.port) as bad, await Peer.open(server.port) as good:
            for _ in range(2):
                good.send(FIN | TEXT, b"good")
                assert await good.frame() == (FIN | TEXT, b"good")
                bad.send(FIN | TEXT, b"bad")
                await until(lambda: loud(caplog))


async def test_errors_in_on_open_and_on_close(engine, caplog):
    def fail(*_):
        raise ZeroDivisionError

    options = {"on_message": fail, "on_open": fail, "on_close": fail}
    async with serve(host="127.0.0.1", engine=engine, **options) as server:
        async with await Peer.open(server.port) as peer:
            assert (await peer.frame())[1][:2] == (1011).to_bytes(2, "big")
            assert await peer.frame() is None
        await until(lambda: not server.connections)
    assert [record.exc_info[0] for record in loud(caplog)] == [ZeroDivisionError] * 2


@pytest.mark.parametrize("arguments", [{}, {"handler": print, "on_message": print}])
def test_either_a_handler_or_callbacks(arguments):
    with pytest.raises(TypeError, match="either"):
        serve(**arguments)


async def test_a_message_may_be_awaited_from_a_callback(engine):
    async def on_message(ws, message):
        if message == "ask":
            await ws.send("what?")

    async with opened(engine, on_message=on_message) as (ws, peer):
        peer.send(FIN | TEXT, b"ask")
        assert await peer.frame() == (FIN | TEXT, b"what?")
        assert ws.task is None or ws.task.done()


# To many


@pytest.fixture
def compressions(monkeypatch):
    """Count how often a message is compressed without a context."""
    calls = []
    real = deflate.deflate_shared

    def counted(data, *arguments):
        calls.append(data)
        return real(data, *arguments)

    monkeypatch.setattr(deflate, "deflate_shared", counted)
    return calls


OFFERS = {
    "plain": "",
    "deflate": "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    "no context of the server": "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n",
    "small window": "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n",
}


async def crowd(stack, engine, offers, **options):
    """A server with one client per offer: (its WebSockets in order, the clients)."""
    websockets, peers = [], []
    options |= {"on_message": lambda *_: None, "on_open": websockets.append}
    server = await stack.enter_async_context(serve(host="127.0.0.1", engine=engine, **options))
    for offer in offers:
        peers.append(await stack.enter_async_context(await Peer.open(server.port, OFFERS[offer])))
        await until(lambda: len(websockets) == len(peers))
    return websockets, peers


async def read_message(peer, inflater=None):
    first, payload = await peer.frame()
    return (inflater or Inflater(15)).inflate(payload, 1 << 20, end=True) if first & RSV1 else payload


@pytest.mark.parametrize(
    "message", ["x" * 1000, b"x" * 1000, "ä" * 500, bytearray(b"x" * 1000), memoryview(b"x" * 1000)]
)
async def test_one_message_to_all_is_compressed_once(engine, compressions, message):
    async with AsyncExitStack() as stack:
        offers = ["plain", "deflate", "plain", "deflate", "no context of the server"]
        websockets, peers = await crowd(stack, engine, offers)
        broadcast(websockets, message)
        expected = message.encode() if isinstance(message, str) else bytes(message)
        assert [await read_message(peer) for peer in peers] == [expected] * 5
        assert len(compressions) == 1


async def test_each_way_of_compressing_compresses_once(engine, compressions):
    async with AsyncExitStack() as stack:
        websockets, peers = await crowd(stack, engine, ["deflate", "small window"] * 3)
        broadcast(websockets, "x" * 1000)
        assert [await read_message(peer) for peer in peers] == [b"x" * 1000] * 6
        assert len(compressions) == 2


async def test_contexts_of_clients_do_not_multiply_compressions(engine, compressions):
    async with AsyncExitStack() as stack:
        websockets, peers = await crowd(stack, engine, ["deflate"] * 3, compression=Deflate(client_takeover=True))
        broadcast(websockets, "x" * 1000)
        assert [await read_message(peer) for peer in peers] == [b"x" * 1000] * 3
        assert len(compressions) == 1


async def test_contexts_of_the_server_are_kept_apart(engine):
    async with AsyncExitStack() as stack:
        options = {"compression": Deflate(server_takeover=True)}
        websockets, peers = await crowd(stack, engine, ["deflate", "no context of the server", "plain"], **options)
        inflater = Inflater(15)
        websockets[0].send("y" * 1000)
        assert await read_message(peers[0], inflater) == b"y" * 1000
        for _ in range(2):
            broadcast(websockets, "x" * 1000)
            assert await read_message(peers[0], inflater) == b"x" * 1000
            assert [await read_message(peer) for peer in peers[1:]] == [b"x" * 1000] * 2


async def test_short_messages_are_not_compressed(engine, compressions):
    async with AsyncExitStack() as stack:
        websockets, peers = await crowd(stack, engine, ["plain", "deflate"])
        broadcast(websockets, "short")
        assert [await peer.frame() for peer in peers] == [(FIN | TEXT, b"short")] * 2
        assert compressions == []


async def test_closed_connections_are_passed_over(engine):
    async with AsyncExitStack() as stack:
        websockets, peers = await crowd(stack, engine, ["plain"] * 3)
        peers[0].close()
        await websockets[0].wait_closed()
        websockets[1].close(4000)
        broadcast(set(websockets), "hello")
        assert await peers[2].frame() == (FIN | TEXT, b"hello")
        assert await peers[1].frame() == (FIN | CLOSE, (4000).to_bytes(2, "big"))


async def test_a_slow_reader_does_not_hold_up_the_others(engine, caplog):
    async with AsyncExitStack() as stack:
        options = {"write_limit": 200_000, "compression": None, "close_timeout": 0.2}
        websockets, (reading,) = await crowd(stack, engine, ["plain"], **options)
        port = websockets[0].local_address[1]
        slow = await stack.enter_async_context(await Peer.open(port, receive_buffer=4096))
        await until(lambda: len(websockets) == 2)
        for i in range(2000):
            broadcast(websockets, b"%5d" % i + b"x" * 9995)
            assert (await reading.frame())[1][:5] == b"%5d" % i
            if loud(caplog):
                break
        assert len(loud(caplog)) == 1
        assert websockets[1].queued() < 300_000
        broadcast(websockets, "still here")
        assert await reading.frame() == (FIN | TEXT, b"still here")
        await slow.leave()


@pytest.mark.parametrize("every", [1, 7, 1000])
async def test_what_the_decoder_held_back_comes_behind_what_waits_already(engine, every):
    """Taking what waits makes room for more, which is decoded then and there: it is not to overtake that."""
    gate, happened = asyncio.Event(), []

    async def on_message(ws, message):
        if len(happened) % every == 0:
            await gate.wait()
        happened.append(int(message[:4]))

    options = {"on_message": on_message, "read_limit": 50_000}
    async with opened(engine, headers=OFFERS["deflate"], **options) as (_, peer):
        for number in range(300):  # few bytes that become many are decoded by and by
            press = zlib.compressobj(wbits=-15)
            pressed = press.compress(b"%04d" % number + b"x" * 20_000) + press.flush(zlib.Z_SYNC_FLUSH)
            peer.send(FIN | RSV1 | TEXT, pressed[:-4])
        await peer.writer.drain()
        gate.set()
        await until(lambda: len(happened) == 300)
    assert happened == [*range(300)]
