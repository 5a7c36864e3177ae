"""Deadlines: many of them on one timer."""

import pytest

from everywire.hub.deadlines import Deadlines
from everywire.testing import VirtualLoop, virtual_world


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


@pytest.fixture
def deadlines(loop):
    loop.expired = []
    return Deadlines(virtual_world(loop), 10.0, lambda key: loop.expired.append((key, round(loop.time(), 3))))


def test_each_expires_at_its_time(loop, deadlines):
    deadlines.add("a")
    loop.run(3)
    deadlines.add("b")
    loop.run(20)
    assert loop.expired == [("a", 10.0), ("b", 13.0)]
    assert "a" not in deadlines


def test_a_discarded_one_does_not(loop, deadlines):
    deadlines.add("a")
    deadlines.add("b")
    deadlines.discard("a")
    deadlines.discard("never there")
    loop.run(20)
    assert loop.expired == [("b", 10.0)]


def test_adding_again_begins_again(loop, deadlines):
    deadlines.add("a")
    loop.run(6)
    deadlines.add("a")
    loop.run(20)
    assert loop.expired == [("a", 16.0)]


def test_it_goes_on_after_it_was_empty(loop, deadlines):
    deadlines.add("a")
    loop.run(15)
    deadlines.add("b")
    loop.run(15)
    assert loop.expired == [("a", 10.0), ("b", 25.0)]


def test_what_expires_may_add_and_discard(loop):
    told = []

    def expire(key):
        told.append(key)
        deadlines.discard("b")
        if len(told) < 3:
            deadlines.add("c")

    deadlines = Deadlines(virtual_world(loop), 10.0, expire)
    deadlines.add("a")
    deadlines.add("b")
    loop.run(60)
    assert told == ["a", "c", "c"]


def test_there_is_one_timer_though_what_expires_is_added_again():
    with VirtualLoop() as loop:
        armed = []
        world = virtual_world(loop)
        later = world.later
        world.later = lambda delay, action: armed.append(delay) or later(delay, action)
        deadlines = Deadlines(world, 10.0, lambda key: deadlines.add(key))
        for key in "abc":
            deadlines.add(key)
            loop.run(1)
        loop.run(27)  # each expires thrice
        del armed[:]
        loop.run(100)
        assert len(armed) == 30


def test_it_goes_on_after_what_failed(loop):
    expired = []

    def expire(key):
        expired.append(key)
        if key == "a":
            raise OSError("broken")

    deadlines = Deadlines(virtual_world(loop), 10.0, expire)
    loop.set_exception_handler(lambda loop, context: None)
    deadlines.add("a")
    deadlines.add("b")
    loop.run(20)
    assert expired == ["a", "b"]


def test_closing_expires_nothing(loop, deadlines):
    deadlines.add("a")
    deadlines.close()
    loop.run(20)
    assert loop.expired == []
