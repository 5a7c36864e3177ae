"""`receive` and `send` themselves: as tasks, cancelled, out of turn, and with what cannot be sent."""

import asyncio

import pytest
from tests.engine.peer import Peer
from tests.servers.host.talking import ACCEPT, app, hosted, text
from tests.ws.raw import FIN, TEXT

from everywire import connect


async def talking(engine, steps):
    """Have an application do `steps` with an open WebSocket of a client that says "hello"; give what it ended by."""

    async def whole(receive, send):
        await receive()
        await send(ACCEPT)
        await steps(receive, send)

    talk = app(whole)
    async with hosted(talk, engine) as server, await Peer.open(server.port) as peer:
        peer.send(FIN | TEXT, b"hello")
        await talk.ended.wait()
    if talk.error is not None:
        raise talk.error
    return talk.heard


async def test_receive_and_send_may_be_made_tasks(engine):
    async def steps(receive, send):
        said = await asyncio.create_task(receive())
        await asyncio.gather(send(text(said["text"])), send(text("more")))
        assert said == {"type": "websocket.receive", "text": "hello"}

    await talking(engine, steps)


async def test_a_cancelled_receive_loses_nothing(engine):
    async def steps(receive, send):
        await receive()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(receive(), 0.01)
        waiting = asyncio.create_task(receive())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    await talking(engine, steps)


async def test_two_receives_at_once(engine):
    async def steps(receive, send):
        await receive()
        first = asyncio.create_task(receive())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already waiting"):
            await receive()
        first.cancel()

    await talking(engine, steps)


async def test_receiving_after_the_end(engine):
    async def steps(receive, send):
        await send({"type": "websocket.close"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        with pytest.raises(RuntimeError, match="after websocket"):
            await receive()

    await talking(engine, steps)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "websocket.send"}, ValueError),
        ({"type": "websocket.send", "text": None, "bytes": None}, ValueError),
        ({"type": "websocket.send", "text": "a", "bytes": b"b"}, ValueError),
        ({"type": "websocket.send", "text": b"a"}, TypeError),
        ({"type": "websocket.send", "bytes": "a"}, TypeError),
        ({"type": "websocket.send", "bytes": 5}, TypeError),
        ({"type": "websocket.send", "text": "\ud800"}, ValueError),
        ({"type": "websocket.close", "code": 1006}, ValueError),
        ({"type": "websocket.close", "code": "1000"}, ValueError),
        ({"type": "websocket.close", "reason": 1}, TypeError),
        ({"type": "websocket.accept"}, RuntimeError),
        ({"type": "http.response.start"}, RuntimeError),
        ({}, KeyError),
    ],
)
async def test_what_cannot_be_said_is_refused_when_it_is_awaited_and_the_talk_goes_on(engine, message, error):
    async def steps(receive, send):
        refused = send(message)
        with pytest.raises(error):
            await refused
        await send(text("still here"))

    await talking(engine, steps)


async def test_a_list_of_sends_to_who_is_gone_is_made_before_it_fails(engine):
    async def steps(receive, send):
        await send({"type": "websocket.close"})
        sends = [send(text("late")) for _ in range(3)]
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [RuntimeError] * 3

    await talking(engine, steps)


async def test_text_and_bytes_of_every_kind(engine):
    async def steps(receive, send):
        await receive()
        await send(ACCEPT)
        for data in (b"a", bytearray(b"b"), memoryview(b"c")):
            await send({"type": "websocket.send", "bytes": data})
        await send({"type": "websocket.send", "text": "", "bytes": None})
        await receive()

    async with hosted(app(steps), engine) as server, connect(f"ws://127.0.0.1:{server.port}") as ws:
        assert [await ws.recv() for _ in range(4)] == [b"a", b"b", b"c", ""]
