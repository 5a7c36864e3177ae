"""What comes while a session is gone on with by the one order that its client remembers."""

import pytest
from msgspec.structs import replace
from tests.hub.continuity.nodes import Nodes

from everywire.brokers.base import Stretch
from everywire.hub.channels.channel import State
from everywire.hub.continuity.renewing import _Page
from everywire.messages import Adjust, Moved, Policy, Position, Publication, Raw, Subscribe


@pytest.fixture
def nodes():
    with Nodes() as nodes:
        yield nodes


def pages_of(nodes, client, *channels, node=0):
    """Have it come back to a node that reads the first page of channels, and is not answered until the gate is opened."""
    gate = nodes.hold_pages(node, *channels)
    client.connect(nodes.nets[node])
    nodes.run()
    return gate


def opened(nodes, gate, client):
    gate.open()
    nodes.run()
    return client.take()


@pytest.mark.parametrize("node", [0, 1])
def test_what_is_published_while_a_page_is_read_is_told_after_it_once_and_what_comes_then(nodes, node):
    client = nodes.client("a", "b").drop()
    nodes.publish(("a", 1), ("b", 2))
    gate = pages_of(nodes, client, node=node)
    nodes.publish(("b", 3), ("a", 4))
    nodes.publish(("a", 5), ephemeral=True)
    assert opened(nodes, gate, client) == [1, 2, 3, 4, 5]
    nodes.publish(("a", 6), ("b", 7))
    assert (client.take(), client.faults, client.resumed) == ([6, 7], [], True)


def test_channels_that_are_read_at_different_moments_are_told_in_order_and_once(nodes):
    client = nodes.client("a", "b").drop()
    nodes.publish(("a", 1), ("b", 2))
    gate = pages_of(nodes, client, "a")
    nodes.publish(("b", 3), ("a", 4), ("b", 5))
    assert opened(nodes, gate, client) == [1, 2, 3, 4, 5]
    assert client.order.endswith(":5")
    client.drop()
    nodes.publish(("b", 6), ("a", 7))
    assert (nodes.back(client), client.faults) == ([6, 7], [])


def behind(nodes, *published):
    """Give a client that was subscribed to b while `published` came there, and after it something in a; it has received that, and nothing of b."""
    client = nodes.client("a")
    gate = nodes.hold(0, "read", lambda channel, query, _: channel == "b")
    nodes.join(client, "b")
    nodes.publish(*published, ("a", 0))
    assert (client.take(), client.order[-1]) == ([0], str(len(published) + 1))
    gate.open()
    nodes.run()
    return client.drop()


@pytest.mark.parametrize("node", [0, 1])
def test_what_others_were_told_before_a_subscription_began_is_not_taken_for_what_came_there(nodes, node):
    """Its node was further than where its channel was read: what came between is missed by who shows that."""
    client = behind(nodes, ("b", 1), ("b", 2))
    assert (nodes.back(client, node), client.resumed, client.faults) == ([1, 2], True, [])


@pytest.mark.parametrize("received", [1, 2])
def test_who_is_told_what_is_before_what_it_shows_is_not_told_that_twice(nodes, received):
    """Such a thing has no order: the client would show it, or what it had shown before, as if nothing had been told."""
    client = behind(nodes, ("b", 1), ("b", 2))
    client.connect(nodes.nets[0])
    nodes.run()
    assert client.take(1 + received) == [1, 2][:received]
    client.drop()
    assert (nodes.back(client), client.resumed) == ([], False)


@pytest.mark.parametrize("node", [0, 1])
def test_who_was_told_that_and_something_after_it_is_not_told_it_again(nodes, node):
    """It is told them in order, and what it shows then is less than what its node had been at when the subscription began."""
    client = nodes.client("a", "c")
    nodes.publish(("a", 1))
    client.take()
    gate = nodes.hold(0, "read", lambda channel, query, _: channel == "b")
    nodes.join(client, "b")
    nodes.publish(("b", 2), ("c", 3), ("a", 4))
    gate.open()
    nodes.run()
    client.drop()
    client.connect(nodes.nets[node])
    nodes.run()
    assert client.take(3) == [2, 3]
    client.drop()
    assert (nodes.back(client, node), client.resumed, client.faults) == ([4], True, [])
    client.drop()
    assert (nodes.back(client, 1 - node), client.resumed) == ([], True)


def test_who_is_subscribed_while_it_is_told_what_it_missed_is_so_when_that_was_told(nodes):
    """Otherwise it would be told live orders of one channel before what it missed in the others."""
    client = nodes.client("a").drop()
    nodes.publish(("a", 1))
    gate = pages_of(nodes, client)
    nodes.join(client, "b")
    nodes.publish(("b", 2), ("a", 3))
    assert opened(nodes, gate, client) == [1, 3]
    nodes.publish(("b", 4))
    assert (client.take(), client.faults) == ([4], [])
    assert not any(isinstance(each, Publication) and each.data == b"2" for each in client.events)


def test_orders_of_a_channel_that_is_told_live_say_nothing_before_the_others_were_told(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1))
    gate = pages_of(nodes, client)
    nodes.join(client, "b")
    nodes.publish(("b", 2))
    assert [type(each) for each in client.transport.outbox] == []
    client.drop()
    gate.open()
    assert (nodes.back(client), client.resumed) == ([1], True)


def test_a_channel_that_begins_anew_while_it_is_read_has_its_client_come_again(nodes):
    """What was lost with the log is missing: it comes with what it has, and another session begins."""
    client = nodes.client("a", "b").drop()
    nodes.publish(("a", 1))
    gate = pages_of(nodes, client)
    nodes.publish(("a", 2))
    nodes.shared.inner.forget("a")
    nodes.publish(("b", 3))
    assert (opened(nodes, gate, client), client.transport.closed[0]) == ([], 1013)
    assert (nodes.back(client), client.resumed) == ([], False)


def test_a_hole_in_what_came_meanwhile_is_read(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1))
    gate = pages_of(nodes, client)
    view, channel = nodes.hub().broker, nodes.hub().channels["a"]
    view.broken = True
    nodes.publish(("a", 2))
    view.broken = False
    channel.end = Position(channel.end.epoch, 2)  # as if that had been kept, too
    nodes.publish(("a", 3))
    assert (opened(nodes, gate, client), client.resumed, client.faults) == ([1, 2, 3], True, [])


def test_what_was_too_much_to_be_kept_meanwhile_is_read():
    with Nodes(max_held=2) as nodes:
        client = nodes.client("a").drop()
        nodes.publish(("a", 1))
        gate = pages_of(nodes, client)
        nodes.publish(("a", 2), ("a", 3), ("a", 4))
        assert (opened(nodes, gate, client), client.resumed, client.faults) == ([1, 2, 3, 4], True, [])


def test_what_a_log_lost_before_it_was_read_has_its_client_come_again(nodes):
    client = nodes.client("short").drop()
    nodes.publish(("short", 1))
    gate = nodes.hold(0, "watch")
    client.connect(nodes.nets[0])
    nodes.publish(("short", 2), ("short", 3), ("short", 4))
    assert (opened(nodes, gate, client), client.transport.closed[0]) == ([], 1013)
    assert (nodes.back(client), client.resumed) == ([], False)


def test_a_channel_that_it_is_taken_from_meanwhile_is_left_out(nodes):
    client = nodes.client("a", "b").drop()
    nodes.publish(("a", 1), ("b", 2))
    gate = pages_of(nodes, client)
    nodes.nets[0].app.unsubscribe(None, "b", session=client.life.session)
    nodes.run()
    nodes.publish(("a", 3), ("b", 4))
    assert opened(nodes, gate, client) == [1, 3]
    assert (client.faults, client.resumed, set(nodes.session(client).subscriptions)) == ([], True, {"a"})


def test_one_that_it_is_taken_from_before_it_is_told_anything_is_left_out(nodes):
    client = nodes.client("a", "b").drop()
    nodes.publish(("a", 1), ("b", 2))
    gate = nodes.hold_records(0, after=1)
    client.connect(nodes.nets[0])
    nodes.run()
    nodes.hub().remove(nodes.session(client).subscriptions["b"], "enough")
    assert (opened(nodes, gate, client), client.resumed, client.connected) == ([1], True, True)


def test_who_is_gone_before_it_is_told_anything_is_told_nothing(nodes, caplog):
    client = nodes.client("a", "b").drop()
    nodes.publish(("a", 1), ("b", 2))
    gate = nodes.hold_records(0, after=1)
    client.connect(nodes.nets[0])
    nodes.run()
    client.drop()
    gate.open()
    nodes.run()
    assert "failed" not in caplog.text
    assert {each.state for each in nodes.session(client).subscriptions.values()} == {State.RESTING}
    assert (nodes.back(client), client.resumed) == ([1, 2], True)


def test_one_that_it_gives_up_between_two_pages_is_left_out(nodes):
    client = nodes.client("a", "b").drop()
    nodes.publish(*[("ab"[n % 2], n) for n in range(20)])
    gates = [nodes.hold(0, "watch", lambda channel: channel == "a" and len(client.transport.outbox) > 3)]
    client.connect(nodes.nets[0])
    nodes.run()
    nodes.hub().remove(nodes.session(client).subscriptions["b"], "enough")
    told = opened(nodes, gates[0], client)
    assert [n for n in told if n % 2 == 0] == [*range(0, 20, 2)]
    assert (client.faults, client.connected) == ([], True)


def test_a_line_that_is_closed_between_two_pages_is_told_nothing_more(nodes):
    client = nodes.client("a").drop()
    nodes.publish(*[("a", n) for n in range(20)])
    gate = nodes.hold(0, "watch", lambda channel: len(client.transport.outbox) > 3)
    client.connect(nodes.nets[0])
    nodes.run()
    told = client.take()
    client.drop()
    gate.open()
    nodes.run()
    assert nodes.session(client).subscriptions["a"].state is State.RESTING
    assert (told + nodes.back(client), client.faults) == ([*range(20)], [])


def test_what_was_lost_before_a_channel_began_anew_is_not_hidden_by_what_is_told_of_others(nodes):
    """It is told something of another channel in the same moment, and shows that: it says nothing of the one that was lost."""
    client = nodes.client("a", "b")
    hub = nodes.hub()
    hub.broker.broken = True
    nodes.publish(("a", 1))
    hub.broker.broken = False
    hub.channels["a"].move(Moved("a", hub.channels["a"].end.epoch), lost=True)  # as if it could not be read
    nodes.nets[1].app.publish("b", 2)
    assert (client.take(), client.order[-1]) == ([2], "2")
    client.drop()
    assert (nodes.back(client), client.resumed) == ([], False)


def test_nor_is_what_comes_before_a_subscription_that_is_begun_again_has_begun(nodes):
    client = nodes.client("a", "b")
    gate = nodes.hold(0, "read")
    client.say(Subscribe(1, "a", client.life.at["a"]))
    nodes.run()
    nodes.publish(("a", 1), ("b", 2))
    assert (client.take(), client.order[-1]) == ([2], "2")
    client.drop()
    gate.open()
    assert (nodes.back(client), client.resumed) == ([], False)


def test_one_that_began_anew_while_its_client_was_let_in_has_it_come_again(nodes):
    client = nodes.client("a")
    client.vanish()
    nodes.door = nodes.loop.create_future()
    client.connect(nodes.nets[0])
    nodes.run()
    gate = nodes.hold(0, "read")
    nodes.shared.inner.forget("a")
    nodes.run()
    nodes.door.set_result(None)
    nodes.run()
    assert (client.take(), client.transport.closed[0]) == ([], 1013)
    gate.open()


def test_what_is_told_last_says_that_everything_was_told_up_to_where_it_was_read(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1), ("b", 2), ("b", 3))
    assert (nodes.back(client), client.order[-1]) == ([1], "3")


def test_page_by_page_nothing_is_told_from_before_a_subscription_began(nodes):
    client = nodes.client("a")
    nodes.publish(*[("a", n) for n in range(8)], ("b", 100))
    nodes.join(client, "b")
    nodes.publish(("b", 101))
    client.drop()
    assert (nodes.back(client), client.faults) == ([*range(8), 101], [])


def test_what_was_lost_on_the_way_is_told_without_an_order(nodes):
    client = nodes.client("a")
    broker = nodes.hub().broker
    broker.broken = True
    nodes.publish(("a", 1))
    broker.broken = False
    nodes.publish(("a", 2))
    assert (client.take(), client.order) == ([1, 2], ":0")
    nodes.publish(("a", 3))
    assert (client.take(), client.order[-2:]) == ([3], ":3")


def test_who_has_itself_told_less_of_a_channel_does_not_go_on(nodes):
    client = nodes.client("a")
    client.say(Adjust(1, "a", Policy("latest", 1.0)))
    nodes.publish(("a", 1), ("a", 2))
    client.drop()
    nodes.back(client)
    assert client.resumed is False


def publication(order, offset):
    return Publication("a", Raw(b"1"), 1, Position("log", offset), order=order, era="e")


def test_what_of_a_page_is_yet_to_come_is_left_to_be_heard():
    stretch = Stretch(Position("log", 5), (publication(7, 4), publication(9, 5)), True, Position("e", 9))
    page = _Page(None, stretch, None)
    assert [page.told(reach).offset for reach in (6, 7, 8, 9, 10)] == [3, 4, 4, 5, 5]


def test_a_page_reaches_to_before_what_is_left():
    stretch = Stretch(Position("log", 5), (publication(7, 4),), True, Position("e", 9))
    assert [_Page(None, stretch, rest).reach.offset for rest in (None, publication(9, 5))] == [9, 8]


class Kept:
    """A subscription with something kept."""

    def __init__(self, *pending, overflown=False, continues=True):
        self.pending, self.overflown, self.channel = pending, overflown, self
        self._continues = continues

    def continues(self, subscription, told):
        return self._continues


@pytest.mark.parametrize(
    ("kept", "sound"),
    [
        (Kept(publication(9, 6)), True),
        (Kept(publication(9, 6), publication(11, 7)), False),  # after what is to be told
        (Kept(replace(publication(9, 6), era="f")), False),
        (Kept(replace(publication(9, 6), order=0, era="")), False),  # told in doubt
        (Kept(publication(9, 6), overflown=True), False),
        (Kept(publication(9, 6), continues=False), False),
        (Kept(Moved("a", "another")), False),
        (Kept(Moved("a", "log")), True),
        (Kept(publication(11, 5)), True),  # read already
    ],
)
def test_what_was_kept_is_told_only_if_it_goes_on_from_what_was_read(kept, sound):
    page = _Page(kept, Stretch(Position("log", 5), (), True, Position("e", 8)), None)
    assert page.sound(Position("e", 10)) is sound
