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


async def test_who_waits_no_longer_is_told_nothing():
    world = LoopWorld(asyncio.get_running_loop())
    errors: list[dict] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: errors.append(context))
    let = asyncio.Event()

    async def work() -> int:
        await let.wait()
        return 7

    def leave() -> None:
        async def briefly() -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(_awaited(started(world, work)), 0.01)

        _run(briefly())

    await asyncio.to_thread(leave)
    let.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert errors == []


async def _awaited(work):
    return await work


async def test_another_thread_may_have_itself_told_of_a_failure():
    world = LoopWorld(asyncio.get_running_loop())

    async def work(fault: Exception | None) -> None:
        if fault is not None:
            raise fault

    def there() -> list:
        told, over = [], threading.Semaphore(0)
        for fault in (ValueError("no"), None):
            begun = started(world, lambda fault=fault: work(fault))
            begun.watch(lambda error: (told.append(error), over.release()))
            assert over.acquire(timeout=10)
        return told

    assert [repr(each) for each in await asyncio.to_thread(there)] == ["ValueError('no')", "None"]
