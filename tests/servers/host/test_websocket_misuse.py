"""What an ASGI application may not do with a WebSocket: it is told so, or its own connection ends; the server serves the others."""

import asyncio

import pytest
from tests.engine.peer import UPGRADE, Peer, code, loud, until
from tests.servers.host.talking import ACCEPT, CLOSE, app, echo, hosted, text
from tests.ws.raw import FIN, TEXT

from everywire import connect, serve
from everywire.errors import Disconnected

START = {"type": "websocket.http.response.start", "status": 402, "headers": []}
BODY = {"type": "websocket.http.response.body", "body": b"x"}


class Misuse:
    """An application that does `steps` with its first WebSocket, and is an echo for those after it."""

    def __init__(self, steps):
        self.first = app(steps)
        self.asked = 0

    async def __call__(self, scope, receive, send):
        self.asked += 1
        await (self.first if self.asked == 1 else echo)(scope, receive, send)


async def alive(server):
    """See that the server still serves."""
    async with connect(f"ws://127.0.0.1:{server.port}") as ws:
        await ws.send("alive?")
        assert await ws.recv() == "alive?"


async def status_of(server):
    async with await Peer.dial(server.port) as peer:
        return (await peer.ask(f"GET / HTTP/1.1\r\n{UPGRADE}Sec-WebSocket-Protocol: a\r\n\r\n"))[0]


async def raising(receive, send):
    raise RuntimeError("before")


async def exiting(receive, send):
    raise SystemExit(3)


async def returning(receive, send):
    await receive()


async def not_asked_for(receive, send):
    await send(text("too early"))


async def unknown(receive, send):
    await send({"type": "websocket.nonsense"})


async def typeless(receive, send):
    await send({})


async def bad_status(receive, send):
    await send({**START, "status": 700})


async def body_first(receive, send):
    await send(BODY)


async def not_offered(receive, send):
    await send({**ACCEPT, "subprotocol": "b"})


async def subprotocol_by_header(receive, send):
    await send({**ACCEPT, "headers": [(b"sec-websocket-protocol", b"a")]})


EARLY = [
    raising,
    exiting,
    returning,
    not_asked_for,
    unknown,
    typeless,
    bad_status,
    body_first,
    not_offered,
    subprotocol_by_header,
]


@pytest.mark.parametrize("steps", EARLY, ids=lambda steps: steps.__name__)
async def test_before_there_is_a_websocket_it_is_a_500(engine, steps, caplog):
    misuse = Misuse(steps)
    async with hosted(misuse, engine) as server:
        assert await status_of(server) == 500
        await misuse.first.ended.wait()
        await alive(server)
    assert len(loud(caplog)) == 1


@pytest.mark.parametrize("byte", [b"\r", b"\n", b"\0", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85"])
@pytest.mark.parametrize("event", [ACCEPT, START], ids=["accept", "denial"])
async def test_header_bytes_that_would_split_the_head(event, byte):
    async def steps(receive, send):
        await send({**event, "headers": [(b"x-a", b"one" + byte + b"x-b: two")]})

    misuse = Misuse(steps)
    async with hosted(misuse) as server:
        assert await status_of(server) == 500
        await alive(server)
    assert isinstance(misuse.first.error, ValueError)


async def test_a_header_that_the_handshake_says_itself_is_not_said_twice(engine):
    async def steps(receive, send):
        await send({**ACCEPT, "headers": [(b"Upgrade", b"x"), (b"Sec-WebSocket-Accept", b"x"), (b"x-a", b"1")]})
        await receive()

    async with hosted(app(steps), engine) as server, await Peer.dial(server.port) as peer:
        status, fields = await peer.ask(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n")
    assert (status, fields["upgrade"], fields["x-a"]) == (101, "websocket", "1")
    assert fields["sec-websocket-accept"] != "x"


async def test_who_exits_ends_its_own_connection(engine):
    async def talk(receive, send):
        await receive()
        await send(ACCEPT)
        await receive()
        raise SystemExit(3)

    async with hosted(Misuse(talk), engine) as server:
        async with connect(f"ws://127.0.0.1:{server.port}") as ws:
            await ws.send("exit")
            await ws.wait_closed()
            assert ws.close_code == 1011
        await alive(server)


@pytest.mark.parametrize(
    "late", [ACCEPT, START, {"type": "http.response.start"}, {}], ids=["accept", "start", "http", "no type"]
)
async def test_out_of_order_afterwards_it_is_a_1011(engine, late, caplog):
    async def steps(receive, send):
        await send(ACCEPT)
        await send(late)

    misuse = Misuse(steps)
    async with hosted(misuse, engine) as server:
        async with await Peer.open(server.port) as peer:
            assert await peer.frame() == code(1011, b"internal error")
        await alive(server)
    assert len(loud(caplog)) == 1


@pytest.mark.parametrize("early", [CLOSE, START], ids=["closed", "denied"])
async def test_after_the_end_nothing_is_sent(engine, early):
    async def steps(receive, send):
        await send(early)
        if early is START:
            await send(BODY)
        for late in (ACCEPT, CLOSE, text("late"), START, BODY):
            with pytest.raises(RuntimeError):
                await send(late)

    misuse = Misuse(steps)
    async with hosted(misuse, engine) as server:
        assert await status_of(server) in (402, 403)
        await misuse.first.ended.wait()
        assert misuse.first.error is None
        await alive(server)


async def test_a_second_close_is_told(engine):
    async def steps(receive, send):
        await send(ACCEPT)
        await send(CLOSE)
        with pytest.raises(RuntimeError):
            await send(CLOSE)

    misuse = Misuse(steps)
    async with hosted(misuse, engine) as server, await Peer.open(server.port) as peer:
        assert await peer.frame() == code(1000)
        await misuse.first.ended.wait()
    assert misuse.first.error is None


async def test_a_group_of_sends_to_who_is_gone_is_no_news(engine, caplog):
    async def steps(receive, send):
        await send(ACCEPT)
        await receive()
        await receive()
        async with asyncio.TaskGroup() as group:
            group.create_task(send(text("one")))
            group.create_task(send(text("two")))

    misuse = Misuse(steps)
    async with hosted(misuse, engine) as server:
        await (await Peer.open(server.port)).leave()
        await misuse.first.ended.wait()
        await alive(server)
    assert isinstance(misuse.first.error, BaseExceptionGroup)
    assert not loud(caplog)


async def test_the_end_of_another_connection_is_news(engine, caplog):
    async def steps(receive, send):
        await send(ACCEPT)
        raise Disconnected("somebody else")

    misuse = Misuse(steps)
    async with hosted(misuse, engine) as server:
        async with await Peer.open(server.port) as peer:
            assert await peer.frame() == code(1011, b"internal error")
        await alive(server)
    assert len(loud(caplog)) == 1


async def test_who_never_receives_stops_the_reading(engine):
    async def steps(receive, send):
        await send(ACCEPT)
        await asyncio.get_running_loop().create_future()

    misuse = Misuse(steps)
    async with hosted(misuse, engine, close_timeout=0.05) as server, await Peer.open(server.port) as peer:
        websocket = next(iter(server.connections))
        for _ in range(100):
            peer.send(FIN | TEXT, b"x" * 10_000)
        await until(lambda: websocket.inbox.full)
        assert websocket.inbox.size < 1 << 20
        await alive(server)


async def test_who_reads_slowly_makes_the_application_wait_and_is_not_cut_off(engine):
    sent = 0

    async def steps(receive, send):
        nonlocal sent
        await send(ACCEPT)
        for _ in range(1000):
            await send(text("x" * 10_000))
            sent += 1
        await send(CLOSE)

    misuse = Misuse(steps)
    async with hosted(misuse, engine) as server, await Peer.dial(server.port, receive_buffer=4096) as peer:
        peer.writer.write(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
        await until(lambda: server.connections)
        websocket = next(iter(server.connections))
        before = -1
        while sent != before:
            before = sent
            for _ in range(100):
                await asyncio.sleep(0)
        assert sent < 1000
        assert websocket.queued() < 1 << 18
        await alive(server)
        await peer.answer()
        frames = [await peer.frame() for _ in range(1001)]
    assert frames[-1] == code(1000)
    assert all(frame == (FIN | TEXT, b"x" * 10_000) for frame in frames[:-1])


async def test_who_hangs_at_shutdown_is_cancelled(engine):
    async def steps(receive, send):
        await send(ACCEPT)
        while True:
            try:
                await receive()
            except RuntimeError:
                await asyncio.get_running_loop().create_future()

    talk = app(steps)
    async with hosted(talk, engine, close_timeout=0.05) as server:
        peer = await Peer.open(server.port)
    async with peer:
        assert await peer.frame() == code(1001)
    assert isinstance(talk.error, asyncio.CancelledError)


async def test_who_does_not_answer_the_handshake_at_shutdown_is_cancelled(engine):
    async def steps(receive, send):
        await receive()
        await asyncio.get_running_loop().create_future()

    talk = app(steps)
    async with hosted(talk, engine, close_timeout=0.05) as server:
        peer = await Peer.open_later(server.port)
        await until(lambda: talk.heard)
    async with peer:
        assert (await peer.answer())[0] == 503
    assert isinstance(talk.error, asyncio.CancelledError)


async def test_who_does_not_answer_the_handshake_in_time_is_told(engine):
    async def steps(receive, send):
        await receive()
        await receive()

    talk = app(steps)
    async with hosted(talk, engine, open_timeout=0.05) as server, await Peer.open_later(server.port) as peer:
        assert (await peer.answer())[0] == 503
        await talk.ended.wait()
    assert talk.heard[-1] == {"type": "websocket.disconnect", "code": 1006}


async def test_the_servers_own_websockets_are_not_touched(engine):
    async def own(ws):
        async for message in ws:
            await ws.send(message)

    async with serve(own, "127.0.0.1", engine=engine) as server:
        await alive(server)
