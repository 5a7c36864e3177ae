"""The world: work that starts at once, and goes on as a task where it has to wait."""

import asyncio

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
