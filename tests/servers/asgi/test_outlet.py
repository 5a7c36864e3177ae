"""Bodies on their way to a server that takes one piece at a time."""

import asyncio

import pytest

from everywire.http.streamed import Streamed
from everywire.servers.asgi.outlet import ForeignOutlet


class Source:
    """A producer that keeps what it is told."""

    def __init__(self):
        self.told = []

    def drained(self):
        self.told.append("drained")

    def gone(self):
        self.told.append("gone")


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def outlet(source):
    outlet = ForeignOutlet()
    outlet.begin(Streamed(200, lambda outlet: source))
    return outlet


async def test_pieces_leave_together_and_in_order(outlet):
    for piece in (b"one", b"", b"two"):
        outlet.write(piece)
    assert outlet.queued() == 6
    assert await outlet.next() == b"onetwo"
    assert outlet.queued() == 6  # as its server has not said that it was sent
    outlet.write(b"x" * 70_000)
    outlet.write(b"three")
    assert await outlet.next() == b"x" * 70_000
    outlet.end()
    outlet.write(b"late")
    assert [await outlet.next(), await outlet.next()] == [b"three", None]
    assert (outlet.queued(), outlet.broken) == (0, False)


async def test_its_server_waits_for_pieces(outlet):
    waiting = asyncio.ensure_future(outlet.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    outlet.write(b"one")
    assert await waiting == b"one"


async def test_the_producer_learns_of_room_once_it_asked(outlet, source):
    outlet.write(b"x" * 100)
    outlet.crowd(50)
    assert await outlet.next() == b"x" * 100
    assert source.told == []
    waiting = asyncio.ensure_future(outlet.next())
    await asyncio.sleep(0)
    assert source.told == ["drained"]
    outlet.crowd(50)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert source.told == ["drained", "drained"]
    outlet.end()
    assert await waiting is None


async def test_what_is_pushed_while_nothing_is_held_up_passes_as_sent(outlet):
    outlet.write(b"x" * 5_000_000)
    outlet.push()
    assert outlet.queued() == 5_000_000 - (1 << 22)
    await outlet.next()
    outlet.write(b"y" * 100)
    outlet.push()
    assert outlet.queued() > 5_000_000 - (1 << 22)  # held up: what was let pass stays so, no more does
    waiting = asyncio.ensure_future(outlet.next())
    await waiting
    assert await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(_empty(outlet))), 1) is None


async def _empty(outlet):
    outlet.end()
    assert await outlet.next() is None


async def test_one_that_is_broken_off(outlet, source):
    outlet.write(b"one")
    outlet.abort()
    assert await outlet.next() is None
    assert outlet.broken
    outlet.lost()
    assert source.told == []


async def test_a_client_that_goes(outlet, source):
    outlet.write(b"one")
    outlet.lost()
    outlet.lost()
    outlet.write(b"late")
    assert await outlet.next() is None
    assert source.told == ["gone"]
