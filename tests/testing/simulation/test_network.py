"""A network in memory: slow, in order, and breakable in every way."""

import random

import pytest

from everywire.testing.clock import VirtualLoop
from everywire.testing.simulation import Network


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


def ends(loop, seed=1):
    pipe = Network(loop, random.Random(seed)).pipe()
    heard = {0: [], 1: []}
    for number, end in enumerate(pipe.ends):
        end.heard = heard[number].append
        end.closed = lambda number=number: heard[number].append("over")
    return pipe, *pipe.ends, heard


@pytest.mark.parametrize("seed", range(5))
def test_what_is_sent_arrives_later_and_in_order(loop, seed):
    _, near, far, heard = ends(loop, seed)
    for number in range(20):
        near.send(number)
    far.send("back")
    assert heard == {0: [], 1: []}
    assert near.under_way == 20
    loop.run(1)
    assert heard == {0: ["back"], 1: [*range(20)]}
    assert near.under_way == 0


def test_a_close_comes_after_what_was_sent(loop):
    _, near, far, heard = ends(loop)
    near.send(1)
    near.close()
    near.send(2)
    assert (near.open, far.open) == (False, True)
    far.send("too late")
    loop.run(1)
    assert heard == {0: [], 1: [1, "over"]}


def test_a_cut_loses_what_is_under_way_and_tells_both(loop):
    pipe, near, far, heard = ends(loop, 3)
    pipe._network.slow = 100
    near.send(1)
    pipe.cut()
    pipe.cut()
    loop.run(10)
    near.send(2)
    loop.run(10)
    assert heard == {0: ["over"], 1: ["over"]}
    assert not far.open


def test_a_frozen_pipe_tells_nobody(loop):
    pipe, near, far, heard = ends(loop)
    pipe.freeze()
    near.send(1)
    far.close()
    loop.run(1000)
    assert heard == {0: [], 1: []}
    assert near.open


def test_an_abandoned_end_hears_nothing_and_the_other_learns_of_it(loop):
    pipe, near, far, heard = ends(loop)
    far.send(1)
    pipe.abandon(near)
    loop.run(1)
    assert heard == {0: [], 1: ["over"]}


def test_the_same_seed_takes_the_same_time(loop):
    def times():
        network = Network(loop, random.Random(7))
        return [network.delay() for _ in range(50)]

    assert times() == times()
    assert len(set(times())) > 2
