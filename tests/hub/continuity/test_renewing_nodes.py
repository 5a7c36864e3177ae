"""Whoever remembers one order, and comes to another node: it is told everything, or that it has another session, whatever became of the first."""

import pytest
from tests.hub.continuity.nodes import Nodes
from tests.hub.remembering import Remembering

from everywire.hub.continuity import records
from everywire.hub.continuity.continuing import _Continued as Continued
from everywire.messages import Subscribed, Unsubscribed


@pytest.fixture
def nodes():
    with Nodes() as nodes:
        yield nodes


def subscribed(client):
    return [each.channel for each in client.events if isinstance(each, Subscribed)]


def told(nodes, kind, note, node=0):
    """Have a node tell all others a note."""
    nodes.loop.run_until_complete(nodes.hub(node).notes.tell(kind, note))
    nodes.run()


# A node that dies.


def test_whoever_goes_on_elsewhere_speaks_the_same_dialect(nodes):
    client = nodes.client("a")
    assert nodes.session(client).member.dialect == "plain"
    nodes.die(0)
    client.vanish()
    nodes.back(client, 1)
    assert client.resumed
    assert nodes.session(client, 1).member.dialect == "plain"


@pytest.mark.parametrize("dies", [False, True])
def test_a_subscription_begins_when_other_nodes_can_know_of_it(nodes, dies):
    client = nodes.client("a")
    gate = nodes.hold_records(0)
    nodes.join(client, "b")
    nodes.publish(("b", 1))
    assert (client.take(), subscribed(client)) == ([], ["a"])
    if dies:
        nodes.die(0)
        client.vanish()
        assert (nodes.back(client, 1), client.resumed, subscribed(client)) == ([], True, ["a"])
    else:
        gate.open()
        nodes.run()
        assert (client.take(), subscribed(client)) == ([1], ["a", "b"])


def test_of_a_subscription_whose_beginning_died_with_its_node_another_session_tells(nodes):
    """Others know that it was to begin, and not where: what came since is told by nobody, so nobody goes on."""
    client = nodes.client("a")
    nodes.hold_records(0, after=2)  # that it is enrolled, and that it is about to begin
    nodes.join(client, "b")
    nodes.publish(("b", 1))
    assert (client.take(), subscribed(client)) == ([1], ["a", "b"])
    nodes.die(0)
    client.vanish()
    nodes.publish(("b", 2))
    assert (nodes.back(client, 1), client.resumed) == ([], False)


def test_of_two_that_begin_at_once_others_know_of_both(nodes):
    """What is written of one says that the other was to begin, too."""
    client = nodes.client("a")
    gate = nodes.hold(0, "read", lambda channel, *_: channel == "b")
    nodes.join(client, "b")
    nodes.join(client, "c")
    nodes.hold_records(0, after=1)  # that it is about to begin
    gate.open()
    nodes.run()
    client.take()
    assert subscribed(client) == ["a", "c", "b"]
    nodes.die(0)
    client.vanish()
    nodes.publish(("b", 1), ("c", 2))
    assert (nodes.back(client, 1), client.resumed, client.faults) == ([1, 2], True, [])


def test_of_one_whose_beginning_is_known_it_is_told_everything(nodes):
    client = nodes.client("a", "b")
    nodes.publish(("b", 1), ("a", 2))
    assert client.take(1) == [1]
    nodes.die(0)
    client.vanish()
    nodes.publish(("b", 3))
    assert (nodes.back(client, 1), client.resumed, client.faults) == ([2, 3], True, [])


def test_a_subscription_that_cannot_be_known_elsewhere_does_not_begin(nodes, caplog):
    client = nodes.client("a")
    broker = nodes.hub().broker

    async def refused(*_):
        raise ConnectionError("the broker is gone")

    broker.put = refused
    nodes.join(client, "b")
    client.take()
    assert [each.channel for each in client.events if isinstance(each, Unsubscribed)] == ["b"]
    assert set(nodes.session(client).subscriptions) == {"a"}
    assert "the record of a session was not written" in caplog.text


def test_who_goes_on_is_told_so_when_others_can_know_what_it_is_told(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1))
    gate = nodes.hold_records(0, after=1)  # that it is there
    assert (nodes.back(client), client.resumed) == ([], None)
    gate.open()
    nodes.run()
    assert (client.take(), client.resumed) == ([1], True)


def test_what_it_was_told_as_it_went_on_another_node_does_not_tell_it_again(nodes):
    """It had shown less than its node was at when a subscription began: that says nothing of what it shows then."""
    client = nodes.client("a", "c")
    nodes.publish(("a", 1))
    client.take()
    gate = nodes.hold(0, "read", lambda channel, *_: channel == "b")
    nodes.join(client, "b")
    nodes.publish(("b", 2), ("c", 3))
    gate.open()
    nodes.run()
    client.drop()
    nodes.hold_records(0, after=2)  # that it is there, and what it is about to be told
    assert (nodes.back(client), client.resumed) == ([2, 3], True)
    nodes.die(0)
    client.vanish()
    assert (nodes.back(client, 1), client.resumed) == ([], True)


# A record that is not the latest.


def test_a_record_that_came_late_is_not_gone_on_from(nodes):
    """What a node wrote of a session may come after what the next one wrote, which it is nobody's word against."""
    client = nodes.client("a")
    late = nodes.record(client)
    client.drop()
    nodes.back(client, 1)
    nodes.join(client, "b")
    client.take()
    nodes.shared.inner._records.put(f"session:{client.life.session}", late, 100)
    nodes.die(1)
    client.vanish()
    assert (nodes.back(client), client.resumed) == ([], False)


def test_the_node_that_has_a_session_writes_it_again_when_the_other_let_go(nodes):
    client = nodes.client("a")
    late = nodes.record(client)
    client.drop()
    nodes.back(client, 1)
    nodes.shared.inner._records.put(f"session:{client.life.session}", late, 100)
    told(nodes, "surrendered", Continued(client.life.session))
    assert records._read(nodes.record(client)).node == nodes.hub(1).node


@pytest.mark.parametrize("lost", ["taken", "session"])
def test_a_node_that_did_not_hear_that_its_session_went_on_elsewhere_does_not_go_on_with_it(nodes, lost):
    """Either of what the other node wrote says so; and where there is no record of what is here, nobody knows."""
    client = nodes.client("a")
    client.drop()
    deaf = nodes.hub().broker
    listener, deaf._deliver = deaf._deliver, None
    nodes.back(client, 1)
    nodes.join(client, "b", 1)
    client.take()
    nodes.die(1)
    client.vanish()
    deaf._deliver = listener
    nodes.shared.inner._records.drop(f"{lost}:{client.life.session}")
    assert client.life.session in nodes.hub().sessions
    assert (nodes.back(client), client.resumed) == ([], False)


def test_where_it_cannot_be_seen_who_has_it_nobody_goes_on(nodes):
    client = nodes.client("a").drop()

    async def refused(*_):
        raise ConnectionError("the broker is gone")

    nodes.hub().records.taken = refused
    assert (nodes.back(client), client.resumed) == ([], False)


# What changes while it goes to another node.


def test_what_the_server_took_it_from_elsewhere_it_is_taken_from(nodes):
    client = nodes.client("a", "b").drop()
    nodes.back(client, 1)
    told(nodes, "surrendered", Continued(client.life.session, gone=("b", "c")))
    assert set(nodes.session(client, 1).subscriptions) == {"a"}
    assert nodes.session(client, 1).enrolled == ("a",)
    client.take()
    assert ([each.channel for each in client.events if isinstance(each, Unsubscribed)], client.connected) == (
        ["b"],
        True,
    )


def test_where_the_server_subscribed_it_elsewhere_it_is_subscribed(nodes):
    client = nodes.client("a").drop()
    nodes.back(client, 1)
    told(nodes, "surrendered", Continued(client.life.session, more=("b",)))
    client.take()
    assert (subscribed(client), nodes.session(client, 1).enrolled) == (["a", "b"], ("a", "b"))


@pytest.mark.parametrize("how", ["subscribe", "unsubscribe"])
def test_a_change_between_its_record_and_its_going_on_is_not_lost(nodes, how):
    client = nodes.client("a", "b").drop()
    gate = nodes.hold(1, "read")
    client.connect(nodes.nets[1])
    nodes.run()
    app = nodes.nets[0].app
    if how == "subscribe":
        app.subscribe("c", session=client.life.session)
    else:
        app.unsubscribe(None, "b", session=client.life.session)
    nodes.run()
    gate.open()
    nodes.run()
    client.take()
    assert (client.resumed, client.connected) == (True, True)
    assert set(nodes.session(client, 1).subscriptions) == ({"a", "b", "c"} if how == "subscribe" else {"a"})


def test_a_session_that_was_more_elsewhere_ends_on_whatever_node_it_is_then(nodes):
    """Another node may have read the record of the one that ends it."""
    client = nodes.client("a").drop()
    nodes.back(client, 1)
    begun = nodes.session(client, 1).subscriptions["a"].begun
    client.drop()
    record = nodes.record(client)
    told(nodes, "surrendered", Continued(client.life.session, channels={"a": begun, "b": begun}))
    assert client.life.session not in nodes.hub(1).sessions
    nodes.shared.inner._records.put(f"session:{client.life.session}", record, 100)  # as if it had been read before
    client.connect(nodes.nets[0])
    nodes.run()
    assert (client.transport.closed[0], client.life.session in nodes.hub().sessions) == (1013, False)


def test_a_session_that_ended_is_not_written_again(nodes):
    client = nodes.client("a")
    session = nodes.session(client)
    nodes.hub().continuing.abandon(session)
    nodes.hub().records.changed(session)
    nodes.run()
    assert nodes.record(client) is None


def test_a_subscription_that_began_later_here_ends_the_session(nodes):
    client = nodes.client("a")
    nodes.publish(("a", 1))
    client.take()
    client.drop()
    nodes.back(client, 1)
    begun = nodes.session(client, 1).subscriptions["a"].begun
    nodes.session(client, 1).subscriptions["a"].begun = type(begun)(begun.era, begun.since + 1, begun.heard)
    told(nodes, "surrendered", Continued(client.life.session, channels={"a": begun}))
    assert (client.take(), client.transport.closed[0]) == ([], 1013)


def test_a_session_that_is_over_by_its_linger_while_it_is_asked_for_goes_on_from_its_record(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1))
    nodes.run(9.5)
    gate = nodes.hold(0, "read")
    client.connect(nodes.nets[0])
    nodes.run(1)
    gate.open()
    nodes.run()
    assert (client.take(), client.resumed) == ([1], True)


def test_a_session_that_another_node_takes_while_it_is_asked_for_goes_on_from_there(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1))
    gate = nodes.hold(0, "read")
    client.connect(nodes.nets[0])
    nodes.run()
    other = Remembering("ann")
    other.resume, other.order, other.lives = client.resume, client.order, [*client.lives]
    assert nodes.back(other, 1) == [1]
    gate.open()
    nodes.run()
    assert (client.take(), client.resumed) == ([1], True)
    assert other.take() == []
    assert not other.connected


# Again and again.


@pytest.mark.parametrize("node", [0, 1])
def test_who_comes_again_and_again_is_told_everything_once(nodes, node):
    client = nodes.client("a", "b", node=node)
    heard = []
    for number in range(12):
        nodes.publish(("ab"[number % 2], number))
        client.drop() if number % 3 else client.vanish()
        heard += nodes.back(client, (node + number // 2) % 2)
    assert (heard, client.faults, len(client.lives)) == ([*range(12)], [], 1)


@pytest.mark.parametrize("node", [0, 1])
def test_a_line_that_is_not_known_to_be_lost_is_closed(nodes, node):
    client = nodes.client("a", "b")
    dead = client.transport
    client.vanish()
    nodes.publish(("a", 1), ("b", 2))
    assert (nodes.back(client, node), client.resumed, dead.closed[0]) == ([1, 2], True, 4409)
    nodes.publish(("a", 3))
    assert (client.take(), client.faults, len(dead.outbox)) == ([3], [], 0)


def test_two_lines_on_one_node_at_once_are_told_the_same_and_the_later_goes_on(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1))
    other = Remembering("ann")
    other.resume, other.order, other.lives = client.resume, client.order, [*client.lives]
    gate = nodes.hold_pages()
    client.connect(nodes.nets[0])
    other.connect(nodes.nets[0])
    gate.open()
    nodes.run()
    nodes.publish(("a", 2))
    client.take()
    assert other.take() == [1, 2]
    assert not client.connected
