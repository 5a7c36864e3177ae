"""The judge finds what is wrong."""

import pytest

from everywire.messages import Position
from everywire.testing.checker import Mark
from everywire.testing.simulation.follow import LeftOut
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


def doubt(client, count):
    """Have the client recovered from before its position, without `count` publications that were for it."""
    follow = client.follows["room:0"]
    since = Position(follow.position.epoch, follow.position.offset - count)
    follow.doubtful.append(LeftOut(since, follow.position, client.session, audience=True))


def test_a_recovery_that_the_log_could_not_give_is_right_where_nothing_is_missing(run):
    doubt(run.clients[0], 0)
    assert promises(run) == set()


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
        (lambda client: doubt(client, 1), "P5"),
        (lambda client: client.said[1].fields.update(to={"session": "nobody"}), "audience"),
    ],
)
def test_what_is_wrong_is_found(run, spoil, promise):
    spoil(run.clients[0])
    assert promise in promises(run)
