"""Who sends sessions away learns how many that were, on all nodes that say so in time."""

import msgspec
import pytest

from everywire.app import Everywire
from everywire.brokers.base import Note
from everywire.hub.access.tallies import Reached
from everywire.testing import Net, SharedBroker, VirtualLoop


class Crowd:
    """Nodes on one broker, in one time."""

    def __init__(self, count):
        self.loop, self.shared = VirtualLoop(), SharedBroker()
        self.nets = [Net(self.made(), number, loop=self.loop) for number in range(count)]

    def made(self):
        app = Everywire(broker=self.shared.view)
        app.channel("room:{name}")
        app.on_connect(lambda connecting: connecting.token)
        return app

    def count(self, tell, number=0):
        """Have `tell(revoking, number)` counted by a node; give what was reached, and how long that took."""
        revoking, began = self.nets[number].app.hub.revoking, self.loop.time()
        reached = self.loop.run_until_complete(revoking.tallies.count(lambda tally: tell(revoking, tally)))
        return reached, round(self.loop.time() - began, 3)


def kick(user):
    return lambda revoking, tally: revoking.kick(user, None, 4404, "", tally=tally)


@pytest.fixture
def crowd():
    made = Crowd(3)
    yield made
    for net in made.nets:
        net.__exit__()
    made.loop.close()


def test_sessions_of_all_nodes_are_counted(crowd):
    for net in crowd.nets:
        net.connect(token="ann").subscribe("room:a")
    crowd.nets[0].connect(token="ann")
    removed, _ = crowd.count(lambda revoking, tally: revoking.remove("ann", "room:a", tally=tally))
    kicked, _ = crowd.count(kick("ann"), 1)
    assert (removed, kicked) == (Reached(3, 3, 0), Reached(4, 3, 0))
    assert crowd.count(kick("ann"))[0] == Reached(0, 3, 0)


def test_who_knows_the_others_does_not_wait_for_more(crowd):
    assert crowd.count(kick("ann"))[1] == 0.5
    assert crowd.count(kick("ann"))[1] == 0.0
    crowd.loop.run(10)
    assert crowd.count(kick("ann"))[1] == 0.5


def test_a_node_that_does_not_answer_in_time_is_counted_as_silent(crowd):
    crowd.nets[2].connect(token="ann")
    crowd.count(kick("nobody"))
    crowd.shared.views[2].cut()
    assert crowd.count(kick("ann")) == (Reached(0, 2, 1), 0.5)
    crowd.loop.run(10)
    assert crowd.count(kick("ann"))[0] == Reached(0, 2, 0)


def test_a_broker_out_of_reach_is_an_error_and_leaves_nothing(crowd):
    crowd.shared.views[0].cut()
    with pytest.raises(Exception, match="gone"):
        crowd.count(kick("ann"))
    assert crowd.nets[0].app.hub.revoking.tallies._open == {}


def test_a_note_that_nobody_counts_is_not_answered(crowd):
    told = []
    inner = crowd.nets[1].app.hub.notes.tell
    crowd.nets[1].app.hub.notes.tell = lambda *note: told.append(note) or inner(*note)
    crowd.loop.run_until_complete(crowd.nets[0].app.hub.revoking.kick("ann", None, 4404, ""))
    crowd.loop.run(0.1)
    assert told == []


def test_answers_to_others_and_from_ourselves_are_passed_over(crowd):
    hub = crowd.nets[0].app.hub
    crowd.count(kick("ann"), 1)
    assert (hub.notes.neighbours.known(), hub.revoking.tallies._open) == (frozenset(), {})


def test_who_has_looked_at_all_nodes_knows_them(crowd):
    crowd.loop.run_until_complete(crowd.nets[0].app.view())
    assert crowd.count(kick("ann")) == (Reached(0, 3, 0), 0.0)


def test_a_node_alone_waits_for_nobody():
    app = Everywire()
    app.on_connect(lambda connecting: connecting.token)
    with Net(app) as net:
        net.connect(token="ann")
        began = net.loop.time()
        revoking = net.app.hub.revoking
        reached = net.loop.run_until_complete(
            revoking.tallies.count(lambda tally: revoking.kick("ann", None, 4404, "", tally=tally))
        )
        assert (reached, net.loop.time()) == (Reached(1, 1, 0), began)


def test_a_note_of_the_release_before_is_understood(crowd):
    ann = crowd.nets[1].connect(token="ann")
    body = {"code": 4404, "reason": "", "user": "ann"}
    crowd.nets[1].app.hub.delivering.take(Note(msgspec.msgpack.encode((1, "kick", "older", body))))
    crowd.loop.run(0.1)
    assert ann.closed == (4404, "")
