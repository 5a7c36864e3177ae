"""The loop of a simulation."""

import asyncio

import pytest

from everywire.testing.simulation.loop import SimulatedLoop


@pytest.fixture
def loop():
    with SimulatedLoop() as loop:
        yield loop


def test_what_is_due_at_the_same_moment_happens_in_its_order(loop):
    happened = []
    for number in range(5):
        loop.call_at(1.0, happened.append, number)
    loop.call_later(0.5, happened.append, "before")
    loop.call_at(1.0, happened.append, "cancelled").cancel()
    loop.run(1.0)
    assert happened == ["before", 0, 1, 2, 3, 4]
    assert loop.time() == 1.0


def test_time_stands_still_while_there_is_something_to_do(loop):
    async def work():
        for _ in range(3):
            await asyncio.sleep(0)
        return loop.time()

    assert loop.run_until_complete(work()) == 0.0


def test_waiting_for_nothing_is_an_error(loop):
    with pytest.raises(RuntimeError, match="everything waits"):
        loop.run_until_complete(loop.create_future())
