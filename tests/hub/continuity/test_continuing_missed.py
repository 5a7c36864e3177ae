"""Sessions that went on elsewhere while their node, or the broker, did not hear that."""

import pytest
from tests.hub.channels.test_presence_nodes import Nodes, tab
from tests.hub.continuity.test_continuing import Cluster

from everywire.brokers.base import Gap, Seat
from everywire.hub.continuity.continuing import _Continued
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat, Member


@pytest.fixture
def cluster():
    with Cluster() as cluster:
        yield cluster


def test_a_node_that_missed_it_lets_a_session_go_though_it_wrote_its_record_last(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    ann.subscribe("room:1")
    cluster.run(1)
    ann.drop()
    cluster.shared.views[0].cut()
    again = two.connect(resume=ann.resume)
    again.subscribe("room:1")
    cluster.run(4)
    cluster.shared.views[0].heal()
    one.app.hub.records.changed(one.app.hub.sessions[ann.session])
    cluster.run(20)
    assert ann.session not in one.app.hub.sessions
    assert [member["session"] for member in again.ask("presence", channel="room:1")["members"]] == [ann.session]


def test_a_place_that_is_lost_with_a_dead_node_is_entered_again(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    ann.subscribe("room:1")
    cluster.run(1)
    ann.drop()
    again = two.connect(resume=ann.resume)
    again.subscribe("room:1")
    cluster.run(1)
    stolen = Seat(Member(ann.session, "ann"), "a node that dies")
    cluster.loop.run_until_complete(cluster.shared.inner.enter("room:1", stolen, 3.0))
    cluster.run(5)
    assert [member["session"] for member in again.ask("presence", channel="room:1")["members"]] == [ann.session]


def test_a_node_says_again_that_it_goes_on_with_a_session_when_the_broker_forgot_it(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    cluster.run(1)
    ann.drop()
    cluster.shared.views[0].cut()
    two.connect(resume=ann.resume)
    cluster.run(1)
    cluster.shared.inner._records.clear()
    cluster.shared.views[0].heal()
    cluster.run(0.1)
    two.app.hub.delivering.take(Gap())
    cluster.run(0.1)
    assert ann.session not in one.app.hub.sessions
    assert ann.session in two.app.hub.sessions


def members(cluster):
    return [member.session for member in cluster.loop.run_until_complete(cluster.shared.inner.members("room:1"))]


def test_a_node_that_lost_a_session_before_it_could_say_that_it_has_it_takes_it_from_nobody():
    with Cluster(linger=1.5) as cluster:
        one, two = cluster.nets
        ann = one.connect(token="ann")
        ann.subscribe("room:1")
        cluster.run(1)
        ann.drop()
        cluster.shared.views[0].cut()
        one.connect(resume=ann.resume).drop()
        again = two.connect(resume=ann.resume)
        again.subscribe("room:1")
        cluster.run(2)
        assert ann.session not in one.app.hub.sessions
        cluster.shared.views[0].heal()
        cluster.run(20)
        assert again.closed is None
        assert members(cluster) == [ann.session]


def test_a_place_that_nobody_takes_over_is_given_up():
    with Cluster() as cluster:
        one, two = cluster.nets
        ann, bob = one.connect(token="ann"), one.connect(token="bob")
        for client in (ann, bob):
            client.subscribe("room:1")
        cluster.run(1)
        told = _Continued(ann.session, since=int(cluster.loop.time()) + 10**12)
        cluster.loop.run_until_complete(two.app.hub.notes.tell("continued", told))  # by who has it no more
        cluster.run(one.app.hub.settings.lease)
        assert ann.closed == (4409, "the session was continued elsewhere")
        assert members(cluster) == [bob.session]
        assert one.app.hub.places._left == one.app.hub.places._owed == {}


def test_a_place_that_is_entered_again_is_not_given_up(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    ann.subscribe("room:1")
    cluster.run(1)
    again = two.connect(resume=ann.resume)
    again.subscribe("room:1")
    cluster.run(0.1)
    back = one.connect(resume=again.resume)
    back.subscribe("room:1")
    cluster.run(10)
    assert members(cluster) == [ann.session]
    assert not any(net.app.hub.places._left or net.app.hub.places._owed for net in cluster.nets)


def test_a_node_whose_session_ended_before_it_could_say_that_it_has_it_gives_back_the_places_it_took():
    with Nodes(2, Settings(linger=5.0, lease=1.5, heartbeat=Heartbeat(1e6, 10))) as nodes:
        one, two = nodes.nets
        other, ann = tab(two, "ann"), tab(one, "ann")  # while she has another session, nobody sees ann leave
        nodes.run(1)
        ann.drop()
        nodes.shared.views[0].cut()
        one.connect(resume=ann.resume).drop()
        again = two.connect(resume=ann.resume)
        again.subscribe("room:1")
        nodes.run(3.5)
        nodes.shared.views[0].heal()
        nodes.run(2)
        assert ann.session not in one.app.hub.sessions
        assert nodes.listed() == {"ann": 1}
        nodes.run(2)
        assert nodes.listed() == {"ann": 2}
        assert (again.closed, other.closed) == (None, None)


def test_a_node_that_says_late_that_it_has_a_session_enters_places_that_the_former_node_gave_up(monkeypatch):
    with Nodes(2, Settings(linger=1.5, heartbeat=Heartbeat(1e6, 10))) as nodes:
        one, two = nodes.nets
        other, ann = tab(two, "ann"), tab(one, "ann")  # while she has another session, nobody sees ann leave
        nodes.run(1)
        ann.drop()
        tell, fails = two.app.hub.broker.tell, [True, True]

        async def flaky(data):
            if fails:
                fails.pop()
                raise ConnectionError("gone")
            await tell(data)

        monkeypatch.setattr(two.app.hub.broker, "tell", flaky)
        again = two.connect(resume=ann.resume)
        again.subscribe("room:1")
        former = one.app.hub.places
        nodes.loop.run_until_complete(former._enter(next(iter(former._held))))  # as after a lease that was lost
        nodes.run(2)
        assert ann.session not in one.app.hub.sessions
        assert nodes.listed() == {"ann": 1}
        nodes.run(2)
        assert nodes.listed() == {"ann": 2}
        assert (again.closed, other.closed) == (None, None)
