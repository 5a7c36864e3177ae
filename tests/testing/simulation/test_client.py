"""A simulated client on a simulated node."""

import pytest

from everywire.testing.simulation.plan import Plan
from everywire.testing.simulation.simulation import Simulation


@pytest.fixture
def run():
    run = Simulation(3, Plan(nodes=1, clients=2))
    with run.loop:
        yield run


def test_it_follows_publishes_and_says_again_what_was_not_answered(run):
    run.begin()
    run.play([("publish", 0, 0, 2), ("cut", 0), ("publish", 0, 0, 1), ("wait", 3.0)])
    client = run.clients[0]
    assert client.connected
    assert client.unanswered == 0
    assert [each.number for each in client.published] == [1, 2, 3]
    assert run.finish() == []


def test_it_gives_a_silent_connection_up(run):
    run.begin()
    run.play([("wait", 0.5), ("freeze", 0), ("wait", 9.0)])
    assert run.clients[0].connected
    assert run.clients[0].resumed + len(run.clients[0].session) > 0
    assert run.finish() == []


def test_who_forgets_comes_back_as_somebody_else(run):
    run.begin()
    run.play([("wait", 0.5)])
    before = run.clients[0].session
    run.play([("forget", 0), ("cut", 0), ("wait", 2.0)])
    assert run.clients[0].session != before
    assert run.finish() == []
