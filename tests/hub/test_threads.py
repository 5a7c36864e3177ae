"""Work for the application's loop, asked for in another thread."""

import asyncio
import threading

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.threads import Elsewhere, started
from everywire.hub.world import LoopWorld


@pytest.fixture
async def app():
    app = Everywire()
    app.channel("room:{name}", history=5)
    app.start()
    yield app
    await app.stop()


async def test_another_thread_publishes_and_waits_there(app):
    receipt = await asyncio.to_thread(lambda: app.publish("room:1", "hello").result(5))
    assert receipt.position.offset == 1


async def test_another_thread_learns_of_a_wrong_name_at_once(app):
    with pytest.raises(Refused, match="unknown channel"):
        await asyncio.to_thread(lambda: app.publish("nowhere", 1))


async def test_in_its_own_thread_it_is_done_at_once(app):
    assert app.publish("room:1", 1).done()


async def test_another_loop_may_await_it(app):
    async def there():
        return await app.publish("room:1", "hello")

    receipt = await asyncio.to_thread(lambda: _run(there()))
    assert receipt.position.offset == 1


def _run(work):
    with asyncio.Runner() as runner:
        return runner.run(work)


async def test_another_thread_kicks(app):
    await asyncio.to_thread(lambda: app.kick("ann").result(5))
    with pytest.raises(TypeError):
        await asyncio.to_thread(lambda: app.kick().result(5))


async def test_what_is_cancelled_there_is_cancelled_here():
    world = LoopWorld(asyncio.get_running_loop())
    never = asyncio.get_running_loop().create_future()
    begun = threading.Event()

    async def work():
        begun.set()
        await never

    def ask():
        asked = started(world, work)
        assert isinstance(asked, Elsewhere)
        assert not asked.done()
        return asked

    asked = await asyncio.to_thread(ask)
    while not begun.is_set():
        await asyncio.sleep(0)
    never.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
