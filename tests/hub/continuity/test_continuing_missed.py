"""Sessions that went on elsewhere while their node, or the broker, did not hear that."""

import pytest
from tests.hub.continuity.test_continuing import Cluster

from everywire.brokers.base import Gap, Seat
from everywire.messages import Member


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
