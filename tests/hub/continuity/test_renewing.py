"""Going on with all subscriptions at once, by the one order that a client remembers."""

import pytest
from tests.hub.continuity.nodes import Nodes
from tests.hub.remembering import Remembering

from everywire.brokers.base import Gap
from everywire.hub.calling.asking import tell
from everywire.hub.channels.channel import State
from everywire.hub.continuity.continuing import _Continued as Continued
from everywire.hub.continuity.renewing import claimed
from everywire.messages import Connected, Moved, Policy, Position, Subscribe, Unsubscribe, Unsubscribed


@pytest.fixture
def nodes():
    with Nodes() as nodes:
        yield nodes


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", Position("", 0)),
        ("e:5", Position("e", 5)),
        ("a:b:5", Position("a:b", 5)),
        ("e:0", Position("e", 0)),
        ("e:5.2", Position("e", 5)),
        ("e:0.1", Position("e", 0)),
        (":0.1", Position("", 0)),
        (":5.1", None),
        ("e:5.", None),
        ("e:5.x", None),
        ("e:5.0", None),
        ("e:.1", None),
        (":0", None),
        (":5", None),
        ("e:", None),
        ("e:-1", None),
        ("e:²", None),
        ("nonsense", None),
        ("e:" + "9" * 19, None),
    ],
)
def test_what_a_client_may_show(text, position):
    assert claimed(text) == position


@pytest.mark.parametrize("node", [0, 1])
def test_what_was_missed_in_all_channels_is_told_in_order_and_then_everything(nodes, node):
    client = nodes.client("a", "b")
    nodes.publish(("a", 1), ("b", 2))
    assert client.take() == [1, 2]
    client.drop()
    nodes.publish(("b", 3), ("a", 4), ("c", 5), ("a", 6), ("b", 7))
    assert (nodes.back(client, node), client.resumed) == ([3, 4, 6, 7], True)
    nodes.publish(("b", 8), ("a", 9))
    assert (client.take(), client.faults) == ([8, 9], [])
    assert len(client.lives) == 1


@pytest.mark.parametrize("node", [0, 1])
def test_what_was_sent_and_not_received_is_told_again_and_nothing_else(nodes, node):
    client = nodes.client("a", "b")
    nodes.publish(("a", 1), ("b", 2), ("a", 3))
    assert client.take(2) == [1, 2]
    client.drop()
    assert nodes.back(client, node) == [3]
    client.drop()
    assert (nodes.back(client, node), client.resumed) == ([], True)
    nodes.publish(("a", 4))
    assert (client.take(), client.faults) == ([4], [])


@pytest.mark.parametrize("node", [0, 1])
def test_who_was_told_nothing_yet_has_missed_all_since_its_subscriptions_began(nodes, node):
    nodes.publish(("a", 1), ("b", 2))
    client = nodes.client("a")
    nodes.publish(("b", 3), ("a", 4))
    nodes.join(client, "b")
    client.drop()
    nodes.publish(("b", 5), ("a", 6))
    assert (nodes.back(client, node), client.resumed) == ([4, 5, 6], True)


@pytest.mark.parametrize("node", [0, 1])
def test_what_was_published_before_a_subscription_began_is_not_missed(nodes, node):
    client = nodes.client("a")
    nodes.publish(("a", 1), ("b", 2))
    client.take()
    nodes.join(client, "b")
    nodes.run(0.1)
    client.drop()
    nodes.publish(("b", 3))
    assert nodes.back(client, node) == [3]


def test_where_it_was_unsubscribed_meanwhile_nothing_is_missed(nodes):
    client = nodes.client("a", "b")
    client.say(Unsubscribe(1, "b"))
    nodes.publish(("a", 1))
    client.take()
    client.drop()
    nodes.publish(("b", 2), ("a", 3))
    assert nodes.back(client, 1) == [3]


def test_connected_comes_first(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1))
    seen = len(client.events)
    nodes.back(client)
    assert isinstance(client.events[seen], Connected)
    assert len(client.events) == seen + 2


def test_it_is_told_page_by_page(nodes):
    client = nodes.client("a", "b", "c").drop()
    nodes.publish(*[("abc"[n % 3], n) for n in range(40)])
    assert (nodes.back(client, 1), client.faults) == ([*range(40)], [])


def test_a_page_has_so_many_bytes():
    with Nodes(max_page=1000, max_page_bytes=20) as nodes:
        client = nodes.client("a", "b").drop()
        nodes.publish(*[("ab"[n % 2], n * 10**6) for n in range(20)])
        assert (nodes.back(client, 1), client.faults) == ([n * 10**6 for n in range(20)], [])


def test_who_is_told_more_than_so_many_pages_comes_again_for_the_rest():
    with Nodes(max_pages=2) as nodes:
        client = nodes.client("a").drop()
        nodes.publish(*[("a", n) for n in range(20)])
        told, lines = [], 0
        while not client.connected or client.resumed is None:
            told += nodes.back(client, 1)
            lines += 1
            if client.transport.closed is None:
                break
            assert client.transport.closed[0] == 1013
        assert (told, lines > 1, client.faults, len(client.lives)) == ([*range(20)], True, [], 1)


@pytest.mark.parametrize("node", [0, 1])
def test_where_one_channel_has_not_all_of_it_another_session_begins(nodes, node):
    client = nodes.client("a", "short")
    nodes.run(0.1)
    first = client.life.session
    client.drop()
    nodes.publish(("a", 1), ("short", 2), ("short", 3))
    assert nodes.back(client, node) == [1, 2, 3]
    client.drop()
    nodes.publish(("a", 4), ("short", 5), ("short", 6), ("short", 7))
    assert (nodes.back(client, node), client.resumed) == ([], False)
    assert client.life.session != first
    nodes.publish(("a", 8))
    assert client.take() == []
    nodes.run(11)
    assert first not in nodes.nets[0].app.hub.sessions


@pytest.mark.parametrize("shown", ["another:1", "nonsense", ":0", "{era}:99"])
def test_an_order_that_nobody_was_told_is_none(nodes, shown):
    client = nodes.client("a")
    nodes.publish(("a", 1))
    client.take()
    client.drop()
    client.order = shown.replace("{era}", client.order.partition(":")[0])
    assert (nodes.back(client), client.resumed) == ([], False)


@pytest.mark.parametrize("node", [0, 1])
def test_what_was_told_to_it_alone_is_told_nowhere_again(nodes, node):
    client = nodes.client("a")
    nodes.publish(("a", 1))
    client.take()
    before = client.order
    tell(nodes.nets[0].app.hub, nodes.session(client), "by itself", (1,))
    nodes.run(0.2)
    client.drop()
    client.order = f"{before}.1"  # it was told
    assert (nodes.back(client, node), client.resumed) == ([], True)
    client.drop()
    nodes.publish(("a", 2))
    assert (nodes.back(client, node), client.resumed) == ([2], True)
    client.drop()
    assert (nodes.back(client, node), client.resumed) == ([], True)  # with what was told since
    tell(nodes.nets[node].app.hub, nodes.session(client, node), "by itself", (2,))
    nodes.run()
    client.drop()
    assert (nodes.back(client, 1 - node), client.resumed) == ([], False)  # it was lost


@pytest.mark.parametrize(("node", "goes_on"), [(0, True), (1, False)])
def test_while_it_is_told_something_alone_its_node_only_knows_how_much(nodes, node, goes_on):
    client = nodes.client("a")
    for number in (1, 2, 3):
        tell(nodes.nets[0].app.hub, nodes.session(client), "by itself", (number,))
        nodes.run(0.09)
    client.drop()
    client.order = ":0.3"
    assert (nodes.back(client, node), client.resumed) == ([], goes_on)


def test_what_it_was_told_alone_is_written_twice_however_often_that_was(nodes):
    client, written = nodes.client("a"), []
    hub = nodes.nets[0].app.hub
    hub.records._broker, real = Counting(hub.records._broker, written), hub.records._broker
    for number in range(20):
        tell(hub, nodes.session(client), "by itself", (number,))
        nodes.run(0.01)
    assert len(written) == 1
    nodes.run(0.2)
    assert len(written) == 2
    hub.records._broker = real


class Counting:
    """A broker whose writing is counted."""

    def __init__(self, broker, written):
        self.broker, self.written = broker, written

    def __getattr__(self, name):
        return getattr(self.broker, name)

    def put(self, name, *more):
        self.written.append(name)
        return self.broker.put(name, *more)


def test_a_lost_log_is_not_gone_on_from(nodes):
    client = nodes.client("a")
    nodes.publish(("a", 1))
    client.take()
    client.drop()
    nodes.publish(("a", 2))
    nodes.shared.inner.forget("a")
    assert (nodes.back(client), client.resumed) == ([], False)


def test_who_has_all_that_a_lost_log_had_goes_on(nodes):
    client = nodes.client("a")
    nodes.publish(("a", 1))
    client.take()
    client.drop()
    nodes.shared.inner.forget("a")
    nodes.publish(("a", 2))
    client.life.at.clear()  # it is another life of the log
    assert (nodes.back(client), client.resumed) == ([2], True)


def test_a_channel_that_began_anew_while_it_listened_is_not_gone_on_with(nodes):
    client = nodes.client("a", "b")
    nodes.shared.inner.forget("a")
    nodes.run()
    client.drop()  # it was told, and lost that
    nodes.publish(("a", 1), ("b", 2))
    assert (nodes.back(client), client.resumed) == ([], False)


def test_a_channel_that_it_may_hear_no_longer_is_left_out(nodes):
    client = nodes.client("a")
    client.say(Subscribe(1, "b"))
    nodes.run()
    client.take()
    client.drop()
    nodes.denied.add("b")
    nodes.publish(("a", 1), ("b", 2))
    assert (nodes.back(client), client.resumed) == ([1], True)
    assert [each.channel for each in client.events if isinstance(each, Unsubscribed)] == ["b"]
    nodes.publish(("b", 3))
    assert client.take() == []


@pytest.mark.parametrize(
    "command",
    [Subscribe(1, "room:*"), Subscribe(1, "b", policy=Policy("latest", 1.0)), Subscribe(1, "b", delta=True)],
)
def test_who_is_not_told_everything_of_each_channel_does_not_go_on(nodes, command):
    client = nodes.client("a")
    client.say(command)
    nodes.run(0.1)
    client.take()
    assert command.channel in nodes.session(client).subscriptions
    client.drop()
    nodes.back(client)
    assert client.resumed is False


def test_a_keyed_channel_is_gone_on_with_by_its_log(nodes):
    client = nodes.client("board")
    nodes.publish(("board", 1), entry="x")
    client.take()
    client.drop()
    nodes.publish(("board", 2), ("board", 3), entry="x")
    assert (nodes.back(client, 1), client.resumed, client.faults) == ([2, 3], True, [])


def test_what_is_for_others_is_not_told(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1), exclude=(client.life.session,))
    nodes.publish(("a", 2))
    client.life.at.clear()
    assert nodes.back(client, 1) == [2]
    client.drop()
    nodes.publish(("a", 3), exclude=(client.life.session,))
    assert (nodes.back(client, 1), client.resumed) == ([], True)


def test_what_the_server_subscribes_it_to_while_it_is_away_begins_when_it_is_back(nodes):
    client = nodes.client("a").drop()
    nodes.join(client, "b")
    nodes.publish(("b", 1), ("a", 2))
    assert (nodes.back(client), client.resumed) == ([2], True)
    nodes.publish(("b", 3))
    assert client.take() == [3]


def test_it_goes_on_after_its_linger_and_is_there_again(nodes):
    client = nodes.client("a").drop()
    nodes.run(20)
    nodes.publish(("a", 1))
    assert nodes.back(client, 1) == [1]
    members = nodes.nets[0].app.hub.broker.members("a")
    (member,) = nodes.loop.run_until_complete(members)
    assert member.session == client.life.session


def test_while_news_may_be_missing_nobody_goes_on(nodes):
    client = nodes.client("a").drop()
    hub = nodes.nets[0].app.hub
    hub.repairs.ordering.gap()
    assert (nodes.back(client), client.resumed) == ([], False)


def test_a_line_that_is_lost_while_it_is_told_leaves_everything_resting(nodes):
    client = nodes.client("a", "b").drop()
    nodes.publish(*[("a", n) for n in range(10)])
    client.connect(nodes.nets[0])
    client.drop()
    nodes.run()
    states = {each.state for each in nodes.session(client).subscriptions.values()}
    assert states == {State.RESTING}
    assert nodes.back(client) == [*range(10)]


def test_the_session_is_on_one_node_in_the_end_where_two_were_asked(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1))
    other = Remembering("ann")
    other.resume, other.order, other.lives = client.resume, client.order, [*client.lives]
    client.connect(nodes.nets[0])
    other.connect(nodes.nets[1])
    nodes.run(1)
    there = [nodes.session(client, node) for node in range(2)]
    assert len([session for session in there if session is not None]) == 1
    assert sorted(each.transport.closed is None for each in (client, other)) == [False, True]


def test_the_native_way_asks_for_each_channel_as_ever(nodes):
    client = nodes.client("a").drop()
    nodes.publish(("a", 1))
    native = nodes.nets[0].connect(resume=client.resume)
    nodes.publish(("a", 2))
    assert native.resumed
    assert [each["data"] for each in native.events("publication")] == [2]  # the server subscribes it, anew


def test_a_gap_that_was_looked_after_leaves_orders_as_they_were(nodes):
    client = nodes.client("a")
    nodes.nets[0].app.hub.delivering.take(Gap())
    nodes.publish(("a", 1))
    nodes.run(0.1)
    nodes.publish(("a", 2))
    client.take()
    assert client.order.endswith(":2")


def test_a_channel_that_began_anew_is_begun_again_without_being_asked(nodes):
    client = nodes.client("a")
    nodes.shared.inner.forget("a")
    nodes.publish(("a", 1))
    assert (client.take(), client.order) == ([1], ":0")
    nodes.publish(("a", 2))
    assert client.take() == [2]
    client.drop()
    nodes.publish(("a", 3))
    assert (nodes.back(client), client.resumed, client.faults) == ([3], True, [])


@pytest.mark.parametrize("how", ["away", "doubtful", "lost", "another still"])
def test_where_it_cannot_be_begun_again_the_session_ends(nodes, how):
    client = nodes.client("a")
    hub = nodes.nets[0].app.hub
    nodes.shared.views[0].broken = how == "away"
    hub.repairs.ordering._gaps += how == "doubtful"
    if how == "doubtful":
        nodes.shared.inner.forget("a")
    else:
        hub.channels["a"].move(Moved("a", "another"), lost=how == "lost")
    nodes.run()
    client.take()
    assert client.transport.closed[0] == 1013
    nodes.shared.views[0].heal()
    nodes.back(client)
    assert client.resumed is False  # nor where its record could not be dropped


def test_what_is_told_late_has_no_order(nodes):
    client = nodes.client("a", "b")
    channel = nodes.nets[0].app.hub.channels["a"]
    subscription = nodes.session(client).subscriptions["a"]
    channel.hold(subscription, client.attachment)
    nodes.publish(("a", 1), ("b", 2))
    client.take()
    before = client.order
    channel.release(subscription, Position(channel.end.epoch, 0))
    assert (client.take(), before.endswith(":2"), client.order) == ([1], True, ":0")


def test_nothing_has_an_order_while_what_was_lost_is_read(nodes):
    client = nodes.client("a", "b")
    hub = nodes.nets[0].app.hub
    hub.repairs._begin(hub.channels["a"], [])
    hub.repairs.ordering.broken()
    nodes.publish(("b", 1))
    client.take()
    assert client.order == ":0"
    hub.repairs.ordering.repaired()
    nodes.publish(("b", 2))
    client.take()
    assert client.order.endswith(":2")


def test_a_session_that_was_more_elsewhere_ends_here(nodes):
    client = nodes.client("a")
    one, two = (net.app.hub for net in nodes.nets)
    client.drop()
    nodes.back(client, 1)
    begun = nodes.session(client, 1).subscriptions["a"].begun
    for channels in ({"a": begun}, {"a": begun, "b": begun}):
        note = Continued(client.life.session, channels=channels)
        nodes.loop.run_until_complete(one.notes.tell("surrendered", note))
        nodes.run()
        assert (client.life.session in two.sessions) is ("b" not in channels)
    assert (client.take(), client.transport.closed[0]) == ([], 1013)


def test_another_node_knows_at_once_where_it_is_subscribed(nodes):
    client = nodes.client("a").drop()
    assert (nodes.back(client, 1), client.resumed) == ([], True)
    assert set(nodes.session(client, 1).subscriptions) == {"a"}
