"""What clients acknowledge, and what a session of theirs is told of what came after that, wherever it goes on."""

import random

import pytest
from tests.hub.continuity.keys import Keyed, Nodes

from everywire.hub.calling.asking import tell
from everywire.hub.continuity.acknowledging import Acknowledgement, acknowledged


@pytest.fixture
def nodes():
    with Nodes() as nodes:
        yield nodes


def joined(nodes, *channels, node=0):
    client = Keyed(nodes, caught_up="").connect(node)
    for channel in channels:
        client.subscribe(channel)
    nodes.run(0.1)
    return client.acknowledge()


def back(nodes, client, where):
    """Have it come back: to the same node, to another, or to another after its own was killed."""
    if where == "killed":
        nodes.die(0)
    client.drop().connect(0 if where == "here" else 1)
    return client


WHERE = pytest.mark.parametrize("where", ["here", "elsewhere", "killed"])


@WHERE
def test_it_is_told_what_it_has_not_acknowledged(nodes, where):
    client = joined(nodes, "a", "b")
    nodes.publish("a", 1, 2)
    nodes.publish("b", 3)
    assert (client.told("a"), client.told("b")) == ([1, 2], [3])
    client.acknowledge()
    nodes.run(2)
    nodes.publish("a", 4)
    nodes.publish("b", 5)
    client.drop()
    nodes.publish("a", 6)
    back(nodes, client, where)
    assert (client.resumed, client.told("a"), client.told("b")) == (True, [4, 6], [5])
    nodes.publish("a", 7)
    assert client.told("a") == [7]


@WHERE
def test_what_it_had_without_having_acknowledged_it_is_told_again(nodes, where):
    client = joined(nodes, "a")
    nodes.publish("a", 1)
    client.take().acknowledge()
    nodes.run(2)
    nodes.publish("a", 2, 3)
    assert client.told("a") == [1, 2, 3]
    back(nodes, client, where)
    assert (client.resumed, client.told("a")) == (True, [2, 3])


@WHERE
def test_who_acknowledged_nothing_is_told_everything_since_its_subscription(nodes, where):
    nodes.publish("a", 0)
    client = Keyed(nodes, caught_up="").connect().subscribe("a")
    nodes.publish("a", 1, 2)
    client.take()
    back(nodes, client, where)
    assert (client.resumed, client.numbers) == (True, {"a": [1, 2, 1, 2]})


def test_what_a_node_did_not_write_down_any_more_is_told_again(nodes):
    client = joined(nodes, "a")
    nodes.publish("a", 1)
    client.take().acknowledge()
    nodes.die(0)
    client.drop().connect(1)
    assert (client.resumed, client.numbers) == (True, {"a": [1, 1]})


def test_it_is_written_down_once_a_second(nodes):
    client = joined(nodes, "a")
    nodes.run(5)
    puts, put = [], nodes.hub().broker.put

    async def counted(name, *said):
        puts.append(name)
        return await put(name, *said)

    nodes.hub().broker.put = counted
    for number in range(50):
        nodes.publish("a", number)
        client.take().acknowledge()
        nodes.run(0.09)
    assert 4 <= puts.count("session:k1") <= 6


@WHERE
def test_where_not_everything_is_kept_another_session_begins(nodes, where):
    client = joined(nodes, "a", "short")
    nodes.publish("short", 1, 2, 3, 4, 5)
    client.drop()
    back(nodes, client, where)
    assert (client.session, client.resumed, client.numbers) == ("k1", False, {})
    assert nodes.begun == ["k1", "k1"]
    assert nodes.over == ([] if where == "killed" else ["k1"])
    client.subscribe("a")
    nodes.run(30)
    nodes.publish("a", 6)
    assert (client.told("a"), client.transport.closed) == ([6], None)
    assert [number for number in (0, 1) if nodes.nets[number].alive and "k1" in nodes.hub(number).sessions] == [
        0 if where == "here" else 1
    ]


@WHERE
def test_a_channel_that_keeps_nothing_is_no_hindrance_where_nothing_was_published(nodes, where):
    client = joined(nodes, "none")
    nodes.publish("none", 1)
    client.take().acknowledge()
    nodes.run(2)
    back(nodes, client, where)
    assert client.resumed
    nodes.publish("none", 2)
    client.drop()
    nodes.publish("none", 3)
    client.connect(1)
    assert not client.resumed


@WHERE
def test_what_it_was_told_by_itself_and_has_not_acknowledged_begins_another(nodes, where):
    client = joined(nodes, "a")
    by_itself(nodes, client)
    client.take().acknowledge()
    nodes.run(2)
    client = back(nodes, client, where)
    assert client.resumed
    node = 0 if where == "here" else 1
    by_itself(nodes, client, node)
    nodes.run(2)
    client.drop().connect(node)
    assert not client.resumed


def by_itself(nodes, client, node=0):
    tell(nodes.hub(node), nodes.hub(node).sessions[client.session], "hello", ())


def test_who_does_not_acknowledge_any_more_goes_on_from_now(nodes):
    client = joined(nodes, "a")
    client.caught_up = None
    client.drop()
    nodes.publish("a", 1)
    client.connect(1)
    nodes.publish("a", 2)
    assert (client.resumed, client.told("a")) == (True, [2])
    nodes.run(0.1)
    client.caught_up = ""
    client.drop().connect(0)
    nodes.publish("a", 3)
    assert (client.resumed, client.told("a")) == (True, [3])
    client.acknowledge()
    nodes.run(2)
    nodes.publish("a", 4)
    client.drop().connect(1)
    assert (client.resumed, client.told("a")) == (True, [4])


def test_nothing_comes_of_it_for_other_sessions(nodes):
    client = Keyed(nodes).connect().subscribe("a")
    nodes.publish("a", 1)
    client.take().acknowledge()
    assert client.live.acknowledged is None
    client.drop()
    acknowledged(nodes.hub(), client.attachment, 5, 5)


# Marks.


def test_a_mark_holds_once_its_number_is_acknowledged():
    known = Acknowledgement("e:1")
    assert not known.reached(100)
    known.mark = (7, "e:5")
    assert not known.reached(6)
    assert known.told == "e:1"
    assert known.reached(7)
    assert (known.told, known.mark) == ("e:5", None)
    known.mark = (8, "e:5")
    assert not known.reached(9)


def test_nothing_is_noted_while_it_is_being_told_what_it_missed(nodes):
    client = joined(nodes, "a")
    told = client.live.acknowledged.told
    nodes.publish("a", 1)
    for subscription in client.live.subscriptions.values():
        subscription.channel.hold(subscription, client.attachment)
    client.take().acknowledge()
    assert (client.live.acknowledged.mark, client.live.acknowledged.told) == (None, told)


def test_numbers_of_another_line_say_nothing_of_this_one(nodes):
    client = joined(nodes, "a")
    nodes.publish("a", 1, 2, 3)
    acknowledged(nodes.hub(), client.attachment, 1, 9)
    assert client.live.acknowledged.mark[0] == 9
    told = client.live.acknowledged.told
    client.drop().connect()
    nodes.publish("a", 4)
    acknowledged(nodes.hub(), client.attachment, 9, 12)
    assert (client.live.acknowledged.told, client.live.acknowledged.mark[0]) == (told, 12)


# Schedules.


class Play:
    """One schedule at random: what a client has, and whether that leaves anything out."""

    def __init__(self, seed):
        self.dice, self.nodes = random.Random(seed), Nodes(3, linger=2.0)
        self.client = Keyed(self.nodes, caught_up="").connect()
        self.published, self.faults, self.resumed = {name: [] for name in "abs"}, [], 0
        self.begin()

    def begin(self):
        """Begin to follow from here: the session is another one."""
        self.client.numbers.clear()
        self.since = {name: len(numbers) for name, numbers in self.published.items()}
        for name in self.published:
            self.client.subscribe({"s": "short"}.get(name, name))

    def publish(self):
        name = self.dice.choice("aaabbbs" if self.dice.random() < 0.2 else "ab")
        self.published[name].append(len(self.published[name]))
        alive = [number for number, net in enumerate(self.nodes.nets) if net.alive]
        net = self.nodes.nets[self.dice.choice(alive)]
        net.app.publish({"s": "short"}.get(name, name), self.published[name][-1])

    def come(self):
        alive = [number for number, net in enumerate(self.nodes.nets) if net.alive]
        if len(alive) > 1 and self.dice.random() < 0.1:
            dead = self.dice.choice(alive)
            self.nodes.die(dead)
            alive.remove(dead)
        if self.dice.random() < 0.7:
            self.client.drop()  # else nobody notices
        self.client.connect(self.dice.choice(alive))
        self.nodes.run(0.05)
        self.client.take()
        if self.client.resumed:
            self.resumed += 1
        elif self.client.resumed is False:
            self.begin()

    def step(self):
        chance = self.dice.random()
        if chance < 0.5:
            self.publish()
        elif chance < 0.7:
            self.client.take(self.dice.randint(0, 4))
        elif chance < 0.85:
            self.client.acknowledge()
        elif chance < 0.92:
            self.come()
        self.nodes.run(self.dice.choice((0.0, 0.001, 0.01, 0.3, 1.5)))

    def judge(self):
        """Have it take everything, and look whether anything was left out."""
        while self.client.resumed is None or self.client.transport.closed is not None:
            self.come()
        self.nodes.run(0.5)
        self.client.take()
        for name, numbers in self.published.items():
            told = {*self.client.numbers.get({"s": "short"}.get(name, name), [])}
            missing = [number for number in numbers[self.since[name] :] if number not in told]
            self.faults += [(name, number) for number in missing]

    def run(self, steps=120):
        with self.nodes:
            for _ in range(steps):
                self.step()
            self.judge()
        return self


@pytest.mark.parametrize("block", range(4))
def test_no_schedule_leaves_anything_out(block):
    plays = [Play(seed).run() for seed in range(block * 10, block * 10 + 10)]
    assert [play.faults for play in plays if play.faults] == []
    assert sum(play.resumed for play in plays) > 30
