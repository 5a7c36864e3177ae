"""WebSockets that another server holds."""

import asyncio

import pytest

from everywire.http.request import Headers, Request
from everywire.payloads import Payload, Uncounted
from everywire.transports.foreign import CARRIER, ForeignTransport, ForeignWebSocket
from everywire.transports.http import LineLimits
from everywire.transports.numbered import NumberedTransport

LIMITS = LineLimits(write_high=1_000, write_limit=10_000)


@pytest.fixture
def ends():
    """How often the end began."""
    return []


@pytest.fixture
def websocket(ends):
    request = Request("GET", "/", Headers())
    return ForeignWebSocket(request, LIMITS, lambda: ends.append(1))


async def taken(websocket):
    """Take the next message, as its server does that sends it."""
    data = await asyncio.wait_for(websocket.next(), 1)
    if data is not None:
        websocket.left(data)
    return data


async def test_messages_leave_in_order_then_the_end(websocket, ends):
    transport = ForeignTransport(websocket)
    transport.send([Payload("one"), Payload(b"two")])
    CARRIER.send_many([websocket], Payload("three"))
    assert transport.queued == len("onetwothree") + 3 * 64
    transport.close(4403, "no")
    transport.close(1000)
    transport.send([Payload("late")])
    assert [await taken(websocket) for _ in range(4)] == ["one", b"two", "three", None]
    assert (websocket.ending, ends, transport.queued) == ((4403, "no"), [1], 0)


async def test_its_server_waits_for_messages(websocket):
    waiting = asyncio.ensure_future(taken(websocket))
    await asyncio.sleep(0)
    assert not waiting.done()
    websocket.put("one")
    assert await waiting == "one"
    waiting = asyncio.ensure_future(taken(websocket))
    await asyncio.sleep(0)
    websocket.close()
    assert await waiting is None
    assert websocket.ending == (1000, "")


async def test_commands_wait_while_much_is_queued(websocket):
    transport = ForeignTransport(websocket)
    await transport.drain()
    for _ in range(2):
        websocket.put("x" * 600)
    assert transport.crowded
    draining = [asyncio.ensure_future(transport.drain()) for _ in range(2)]
    await taken(websocket)
    await asyncio.sleep(0)
    assert not any(each.done() for each in draining)
    await taken(websocket)
    await asyncio.gather(*draining)
    assert not transport.crowded


async def test_who_waits_for_room_goes_on_at_the_end(websocket):
    websocket.put("x" * 2_000)
    draining = asyncio.ensure_future(ForeignTransport(websocket).drain())
    await asyncio.sleep(0)
    websocket.gone()
    await draining
    assert websocket.queued == 0
    assert await taken(websocket) is None


async def test_who_reads_too_slowly_is_cut_off(websocket, caplog):
    websocket.put("first")
    assert await websocket.next() == "first"  # and its server waits for the client
    while websocket.ending is None:
        websocket.put("x" * 1_000)
    assert websocket.ending == (4413, "too slow")
    assert websocket.queued == len("first") + 64
    assert "a slow reader was cut off: 1" in caplog.text
    websocket.left("first")
    assert await taken(websocket) is None


async def test_what_comes_at_once_has_its_chance_to_leave(websocket):
    for _ in range(100):
        websocket.put("x" * 1_000)
    for _ in range(99):
        await taken(websocket)
        websocket.put("y")
    assert websocket.ending is None


async def test_not_all_that_comes_at_once(websocket):
    while websocket.ending is None:
        websocket.put("x" * 100_000)
    assert websocket.ending == (4413, "too slow")
    assert websocket.queued == 0


async def test_one_message_may_be_longer_than_the_limit(websocket):
    websocket.put("x" * 20_000)
    assert await websocket.next() == "x" * 20_000
    websocket.put("more")
    assert websocket.ending is None


async def test_an_abrupt_end(websocket):
    ForeignTransport(websocket, abrupt=True).close(1000)
    assert websocket.ending == (1006, "")


async def test_lines_that_outlive_their_websockets_go_by_it(websocket):
    line = NumberedTransport(LIMITS, lambda delay, action: None, None, ForeignTransport(websocket))
    line.flow()
    line.send([Payload("one"), Uncounted("two")])
    assert [await taken(websocket), await taken(websocket)] == ["one", "two"]
    assert line.last == 1
