"""Virtual time."""

import pytest

from everywire.testing import VirtualLoop, passed, virtual_world


def test_a_day_passes_in_a_moment():
    with VirtualLoop() as loop:
        loop.run(86_400)
        assert loop.time() == pytest.approx(86_400)


def test_things_happen_in_the_order_of_their_times():
    told = []
    with VirtualLoop() as loop:
        for delay in (3, 1, 2):
            loop.call_later(delay, told.append, delay)
        loop.run(2.5)
        assert told == [1, 2]


def test_waiting_for_nothing_is_an_error_and_not_a_hang():
    with VirtualLoop() as loop:
        waiting = loop.create_future()
        with pytest.raises(RuntimeError, match="no timer"):
            loop.run_until_complete(waiting)


def test_real_wake_ups_still_work():
    with VirtualLoop() as loop:
        loop.call_soon_threadsafe(lambda: None)
        loop.run_until_complete(passed(1))
        assert loop.time() == pytest.approx(1)


def test_a_world_is_its_seed():
    with VirtualLoop() as loop:
        one, two, other = virtual_world(loop, 1), virtual_world(loop, 1), virtual_world(loop, 2)
        ids = [one.new_id() for _ in range(3)]
        assert ids == [two.new_id() for _ in range(3)]
        assert other.new_id() not in ids
        before = one.wall()
        loop.run(1.5)
        assert one.wall() - before == 1500


def test_tasks_end_when_they_are_told_to():
    with VirtualLoop() as loop:
        waiting = loop.create_task(passed(100))
        loop.run(1)
        loop.end_tasks()
        assert waiting.cancelled()
        assert loop.time() == pytest.approx(1)


def test_the_dead_do_nothing():
    done = []

    async def work(what):
        await passed(1)
        done.append(what)

    with VirtualLoop() as loop:
        world = virtual_world(loop)
        world.later(1, lambda: done.append("timer"))
        world.task(work("task"))
        loop.run(0.5)
        world.death()
        world.task(work("begun later"))
        world.start(work("started later"))
        loop.run(5)
        assert world.dead
        assert done == []
