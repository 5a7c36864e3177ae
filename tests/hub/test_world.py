"""The world: work that starts at once, and goes on as a task where it has to wait."""

import asyncio
import contextvars
import threading

import pytest

from everywire.hub.world import LoopWorld, settled
from everywire.testing import VirtualLoop, passed, virtual_world


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


@pytest.fixture
def world(loop):
    return virtual_world(loop)


async def at_once(value):
    return value


async def in_a_while(seconds, value):
    await passed(seconds)
    return value


async def failing(world=None):
    if world is not None:
        await world.task(passed(1))
    raise LookupError("no")


def test_work_that_never_waits_is_over_at_once(world):
    assert world.start(at_once(1)).result() == 1


def test_work_that_fails_at_once_has_failed(world):
    with pytest.raises(LookupError):
        world.start(failing()).result()


def test_work_that_waits_goes_on_as_a_task(loop, world):
    async def work():
        first = await world.task(in_a_while(1, "a"))
        second = await world.task(in_a_while(1, "b"))
        return first + second

    future = world.start(work())
    assert not future.done()
    loop.run(3)
    assert future.result() == "ab"


def test_a_failure_reaches_the_work_that_waits_for_it(loop, world):
    async def work():
        try:
            await world.task(failing(world))
        except LookupError:
            return await world.task(in_a_while(1, "saved"))

    future = world.start(work())
    loop.run(3)
    assert future.result() == "saved"


def test_work_that_failed_later_has_failed(loop, world):
    future = world.start(failing(world))
    loop.run(2)
    with pytest.raises(LookupError):
        future.result()


def test_waiting_work_can_be_cancelled(loop, world):
    over = []

    async def work():
        try:
            await world.task(in_a_while(10, None))
        finally:
            over.append(True)

    future = world.start(work())
    future.cancel()
    loop.run(11)
    assert future.cancelled()
    assert over == [True]


def test_work_may_let_others_go_first(loop, world):
    future = world.start(in_a_while(0, "x"))
    loop.run(0.1)
    assert future.result() == "x"


def test_what_an_application_gives_is_settled_in_a_task(loop, world):
    async def with_a_timeout():
        async with asyncio.timeout(1):
            return asyncio.current_task() is not None

    async def ask(value):
        return await settled(world, value)

    assert world.start(ask(5)).result() == 5
    task = world.start(ask(with_a_timeout()))
    promise = loop.create_future()
    waiting = world.start(ask(promise))
    promise.set_result("p")
    loop.run(0.1)
    assert (task.result(), waiting.result()) == (True, "p")


def test_the_real_world_is_random_and_knows_the_time(loop):
    world = LoopWorld(loop)
    ids = {world.new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(one) == 22 for one in ids)
    assert world.wall() > 1_700_000_000_000


def test_a_timer_can_be_cancelled(loop, world):
    told = []
    world.later(1, lambda: told.append(1))
    world.later(1, lambda: told.append(2)).cancel()
    loop.run(2)
    assert told == [1]


def test_what_runs_aside_runs_here_in_a_world_without_threads(world):
    assert world.aside(lambda: 5).result() == 5
    with pytest.raises(ZeroDivisionError):
        world.aside(lambda: 1 // 0).result()
    assert world.from_thread(lambda: at_once(5)) == 5
    with pytest.raises(LookupError):
        world.from_thread(failing)


def test_nothing_can_wait_there(loop, world):
    with pytest.raises(RuntimeError, match="no threads"):
        world.from_thread(lambda: world.task(in_a_while(1, 5)))
    loop.run(2)


def test_threads_have_a_way_back_into_the_loop():
    async def work():
        world = LoopWorld(asyncio.get_running_loop())

        def aside():
            return threading.current_thread(), world.from_thread(lambda: at_once(language.get()))

        language.set("de")
        with pytest.raises(RuntimeError, match="await it instead"):
            world.from_thread(lambda: at_once(1))
        with pytest.raises(LookupError):
            await world.aside(lambda: world.from_thread(failing))
        return await world.aside(aside)

    language = contextvars.ContextVar("language")
    thread, said = asyncio.run(work())
    assert thread is not threading.main_thread()
    assert said == "de"


def test_a_promise_is_kept(loop, world):
    promise = world.promise()
    waiting = world.start(settled(world, promise))
    promise.set_result(1)
    loop.run(0.1)
    assert waiting.result() == 1
