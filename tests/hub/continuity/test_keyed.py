"""Sessions that a key of their client's names: gone on with wherever it comes, or begun anew; never two of one name."""

import pytest
from tests.hub.continuity.keys import Keyed, Nodes

from everywire.hub.access.rates import Rate
from everywire.messages import Connect, Unsubscribed
from everywire.testing.transport import MemoryTransport


@pytest.fixture
def nodes():
    with Nodes() as nodes:
        yield nodes


def holders(nodes, name="k1"):
    """The numbers of the nodes that have a session of that name, and are alive."""
    return [number for number, net in enumerate(nodes.nets) if net.alive and name in net.app.hub.sessions]


def comings(watcher):
    """Who came and went, as somebody in the channel sees it."""
    return [
        (event["type"], event["member"]["session"]) for event in watcher.events() if event["type"] in ("join", "leave")
    ]


# Where its session goes on.


@pytest.mark.parametrize("back", [0, 1], ids=["here", "elsewhere"])
@pytest.mark.parametrize("away", [0.1, 60.0], ids=["lingering", "over"])
def test_a_session_goes_on_with_its_channels(nodes, back, away):
    client = Keyed(nodes).connect().subscribe("a")
    nodes.subscribe(client, "b")
    assert (client.session, client.resumed) == ("k1", False)
    nodes.run(0.1)
    client.drop()
    nodes.run(away)
    client.connect(back)
    assert (client.session, client.resumed, client.refused()) == ("k1", True, [])
    nodes.publish("a", 1)
    nodes.publish("b", 2)
    assert (client.told("a"), client.told("b")) == ([1], [2])
    assert (nodes.begun, nodes.over) == (["k1"], ["k1"] if away > 10 else [])
    nodes.run(60)
    nodes.publish("a", 3)
    assert (client.told("a"), holders(nodes)) == ([3], [back])


@pytest.mark.parametrize("back", [0, 1], ids=["here", "elsewhere"])
def test_an_older_line_that_is_there_yet_is_closed(nodes, back):
    client = Keyed(nodes).connect().subscribe("a")
    nodes.run(0.1)
    older = client.transport
    client.connect(back)
    assert (client.resumed, older.closed[0], client.transport.closed) == (True, 4409, None)
    nodes.publish("a", 1)
    assert client.told("a") == [1]
    nodes.run(60)
    assert (holders(nodes), nodes.begun, nodes.over) == ([back], ["k1"], [])


def test_a_session_goes_on_whose_node_was_killed(nodes):
    client = Keyed(nodes).connect().subscribe("a")
    nodes.run(0.1)
    nodes.die(0)
    client.connect(1)
    assert (client.session, client.resumed) == ("k1", True)
    nodes.publish("a", 1)
    assert (client.told("a"), nodes.begun) == ([1], ["k1"])


@pytest.mark.parametrize("back", [0, 1], ids=["here", "elsewhere"])
def test_nobody_sees_it_leave_or_join(nodes, back):
    watcher = nodes.nets[1].connect(token="watcher")
    watcher.subscribe("a")
    client = Keyed(nodes).connect().subscribe("a")
    nodes.run(1)
    assert comings(watcher) == [("join", "k1")]
    client.drop()
    nodes.run(1)
    client.connect(back)
    nodes.run(60)
    assert comings(watcher) == []


def test_it_is_of_the_same_user_by_a_newer_token(nodes):
    client = Keyed(nodes).connect()
    nodes.run(0.1)
    assert client.connect(1).live.identity.user == "ann"
    client.connect(1, token="no")
    assert (client.resumed, client.refused(), client.transport.closed[0]) == (None, ["not you"], 4401)
    assert holders(nodes) == [1]


def test_where_it_may_not_be_any_more_it_is_told_so(nodes):
    client = Keyed(nodes).connect().subscribe("a").subscribe("b")
    nodes.denied.add("a")
    client.drop().connect()
    assert [each.channel for each in client.other if isinstance(each, Unsubscribed)] == ["a"]
    nodes.publish("a", 1)
    nodes.publish("b", 2)
    assert (client.told("a"), client.told("b")) == ([], [2])


def test_a_channel_with_wildcards_goes_on_too(nodes):
    client = Keyed(nodes).connect().subscribe("any:*")
    client.drop().connect()
    nodes.publish("any:1", 1)
    assert client.told("any:1") == [1]


# Where another one begins.


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("back", [0, 1], ids=["here", "elsewhere"])
def test_another_users_session_is_left_alone(nodes, back, away):
    client = Keyed(nodes).connect().subscribe("a")
    nodes.run(0.1)
    if away:
        client.drop()
    other = Keyed(nodes, token="ben").connect(back)
    assert (other.resumed, other.session in ("", "k1"), other.live.user) == (False, False, "ben")
    nodes.run(60)
    if away:
        client.connect()
    nodes.publish("a", 1)
    assert (client.told("a"), client.live.user, client.transport.closed) == ([1], "ann", None)


def test_a_session_of_another_space_is_another_one(nodes):
    client, other = Keyed(nodes).connect(), Keyed(nodes)
    other.connect(space="/other")
    assert (other.resumed, other.session == "k1", client.transport.closed) == (False, False, None)


def test_one_that_left_for_good_is_begun_anew(nodes):
    client = Keyed(nodes).connect().subscribe("a")
    nodes.run(1)
    client.leave()
    nodes.run(1)
    client.connect(1)
    assert (client.session, client.resumed, nodes.begun, nodes.over) == ("k1", False, ["k1", "k1"], ["k1"])
    nodes.publish("a", 1)
    assert client.told("a") == []


@pytest.mark.parametrize("dead", [False, True])
def test_one_that_was_kicked_out_is_begun_anew(nodes, dead):
    client = Keyed(nodes).connect().subscribe("a")
    nodes.run(1)
    if dead:
        nodes.die(0)
    nodes.loop.run_until_complete(nodes.nets[1].app.kick(session="k1"))
    client.connect(1)
    assert (client.session, client.resumed) == ("k1", False)
    nodes.run(1)
    client.subscribe("a").drop().connect(1)
    assert client.resumed  # that was of the earlier one


def test_many_keys_of_others_are_not_tried():
    with Nodes(1, guesses=Rate(0.001, 3), trusted_proxies=("192.0.2.1",)) as nodes:
        Keyed(nodes).connect()
        tried = []
        for _ in range(6):
            other = Keyed(nodes, token="ben")
            address = nodes.hub().limiting.address
            nodes.hub().limiting.address = lambda request: "198.51.100.7"
            other.connect()
            nodes.hub().limiting.address = address
            tried.append(other.transport.closed)
        assert tried[0] is None
        assert tried[-1] == (1008, "too many keys of others from this address")


@pytest.mark.parametrize("back", [0, 1], ids=["here", "elsewhere"])
@pytest.mark.parametrize("caught_up", [None, ""])
def test_one_that_its_client_has_shown_nothing_of_is_begun_anew(nodes, back, caught_up):
    client = Keyed(nodes, caught_up=caught_up)
    client.talks = False
    client.connect().subscribe("a")
    nodes.run(1)
    client.drop().connect(back)
    assert (client.session, client.resumed, nodes.begun) == ("k1", False, ["k1", "k1"])
    client.talks = True
    nodes.run(1)
    client.drop().connect(1 - back)
    assert not client.resumed
    nodes.run(1)
    client.drop().connect(back)
    assert (client.resumed, len(nodes.begun)) == (True, 3)


# Never two of one name.


def connecting(nodes, count, **fields):
    """Clients that connect in one moment, each at the next node; gives their lines."""
    found = []
    for number in range(count):
        hub = nodes.hub(number % len(nodes.nets))
        attachment = hub.attach(MemoryTransport(), Keyed.__init__.__globals__["CODEC"])
        attachment.receive(Connect(1, token="ann", name="k1", keyed=True, **fields))
        found.append(attachment)
    nodes.run(5)
    return found


@pytest.mark.parametrize("caught_up", [None, ""])
@pytest.mark.parametrize("before", [False, True], ids=["new", "known"])
def test_all_at_once_are_one_session_in_the_end(nodes, caught_up, before):
    if before:
        client = Keyed(nodes, caught_up=caught_up).connect().subscribe("a")
        nodes.run(1)
        client.drop()
        nodes.run(20)
    lines = connecting(nodes, 5, caught_up=caught_up)
    assert len(holders(nodes)) == 1
    assert [line.session.id for line in lines if line.open] == ["k1"]
    assert {line.transport.closed[0] for line in lines if not line.open} <= {4409, 1013}


def test_a_clock_that_is_behind_is_no_reason_to_let_go_of_a_new_one(nodes):
    client = Keyed(nodes).connect()
    nodes.run(1)
    wall = nodes.hub(0).world.wall
    nodes.hub(0).world.wall = lambda: wall() + 60_000
    client.drop().connect(0)
    nodes.run(1)
    nodes.loop.run_until_complete(nodes.hub(0).broker.drop("session:k1"))
    client.drop()
    client.connect(1)
    nodes.run(5)
    assert (client.resumed, client.transport.closed, client.live.id) == (False, None, "k1")


def test_alone_a_session_goes_on_from_its_record():
    with Nodes(1) as nodes:
        nodes.hub().broker.alone = True
        client = Keyed(nodes).connect().subscribe("a")
        client.drop()
        nodes.run(60)
        assert holders(nodes) == []
        assert client.connect().resumed


def test_a_key_without_a_name_makes_no_sense():
    with pytest.raises(ValueError, match="has a name"):
        Connect(1, keyed=True)
