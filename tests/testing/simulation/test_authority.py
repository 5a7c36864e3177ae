"""The broker of a simulation, and what it knows."""

import random

import pytest
from tests.contracts.broker import draft

from everywire.brokers.base import Retention
from everywire.messages import Position
from everywire.testing.simulation.authority import Authority, kept_of_a_map
from everywire.testing.simulation.loop import SimulatedLoop
from everywire.testing.simulation.network import Network


@pytest.fixture
def authority():
    with SimulatedLoop() as loop:
        dice = random.Random(1)
        yield Authority(Network(loop, dice), loop, dice, history=2)


def publish(authority, count):
    for number in range(count):
        kept = Retention(size=2, age=5.0)
        authority._loop.run_until_complete(authority.memory.publish("c", draft(number), kept))


def test_it_owes_what_is_kept(authority):
    assert authority.end("c") is None
    publish(authority, 4)
    end = authority.end("c")
    assert [authority.owes("c", Position(end.epoch, offset)) for offset in range(6)] == [False] * 2 + [True] * 3 + [
        False
    ]
    authority._loop.run(6)
    assert [authority.owes("c", Position(end.epoch, offset)) for offset in (3, 4)] == [False, True]
    assert not authority.owes("c", Position("another", 4))


def test_a_killed_one_has_lost_everything(authority):
    publish(authority, 1)
    authority._loop.run_until_complete(authority.memory.put("session:s", b"", 9.0))
    assert authority.remembers("s")
    authority.kill()
    assert authority.end("c") is None
    assert not authority.remembers("s")


def test_maps_keep_less():
    assert [kept_of_a_map(history) for history in (3, 12)] == [0, 3]
