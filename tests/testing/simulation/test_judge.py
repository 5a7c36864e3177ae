"""The judge finds what is wrong."""

import pytest

from everywire.messages import Position
from everywire.testing.checker import Mark
from everywire.testing.simulation.judge import Judge
from everywire.testing.simulation.plan import Plan
from everywire.testing.simulation.simulation import Simulation


@pytest.fixture
def run():
    run = Simulation(3, Plan(nodes=1, clients=2, channels=("room:0", "map:0")))
    with run.loop:
        run.begin()
        run.play([("wait", 0.5), ("publish", 0, 0, 2), ("publish", 0, 1, 1), ("wait", 1.0)])
        yield run
        run.finish()


def promises(run):
    return {fault.promise for fault in Judge(run.authority, run.clients, run.plan.channels).faults()}


def test_nothing_is_wrong(run):
    assert promises(run) == set()


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        (lambda client: client.follows["room:0"].members.clear(), "presence"),
        (lambda client: client.follows["map:0"].map.update(x=1), "entries"),
        (lambda client: client.follows["room:0"].log.entries.append(Mark(Position("e", 9))), "P7"),
        (lambda client: client.refused.append("no"), "refused"),
        (lambda client: client.follows["room:0"].log.entries.pop(1), "P2"),
        (lambda client: client.said[1].fields.update(to={"session": "nobody"}), "audience"),
    ],
)
def test_what_is_wrong_is_found(run, spoil, promise):
    spoil(run.clients[0])
    assert promise in promises(run)
