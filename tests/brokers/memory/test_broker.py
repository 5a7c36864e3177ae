"""The memory broker: the contract, and its budget."""

from itertools import count

import pytest
from tests.contracts.broker import KEEP, BrokerContract, draft
from tests.contracts.keyed import KeyedContract
from tests.contracts.presence import PresenceContract
from tests.contracts.queues import QueueContract

from everywire.brokers.base import Query, Retention, Seat
from everywire.brokers.memory import MemoryBroker
from everywire.messages import Member, Moved
from everywire.metrics import Metrics
from everywire.testing import SlowBroker, VirtualLoop, virtual_world


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


class TestMemoryBroker(BrokerContract, KeyedContract, PresenceContract, QueueContract):
    @pytest.fixture(autouse=True)
    def _loop(self, loop):
        self.loop = loop

    def make(self):
        epochs = count()
        return MemoryBroker(self.loop.time, lambda: f"e{next(epochs)}", later=self.loop.call_later)

    def wait(self, seconds):
        self.loop.run(seconds)


class TestMemoryBrokerFarAway(TestMemoryBroker):
    """The contract holds through a slow connection as well."""

    def make(self):
        world = virtual_world(self.loop)
        return SlowBroker(super().make(), world, lambda: 0.001)


class Small:
    """A broker with room for about `logs` logs, and what it told."""

    def __init__(self, logs, watched=()):
        self.time, epochs = 0.0, count()
        self.metrics = Metrics()
        self.broker = MemoryBroker(
            lambda: self.time, lambda: f"e{next(epochs)}", budget=logs * 1600, metrics=self.metrics
        )
        self.news = []
        self.broker.listen(self.news.append)
        for channel in watched:
            done(self.broker.watch(channel))

    def publish(self, channel, number=1, key=None):
        return done(self.broker.publish(channel, draft(number, key), KEEP)).position

    def position(self, channel):
        return done(self.broker.read(channel, Query(limit=0), KEEP)).position

    @property
    def moves(self):
        return [news for news in self.news if isinstance(news, Moved)]


def done(work):
    """The result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def test_the_log_used_longest_ago_is_forgotten_and_its_epoch_with_it():
    small = Small(3)
    first = [small.publish(channel) for channel in "abc"]
    small.position("a")
    small.publish("d")
    assert small.metrics.evictions == 1
    assert small.position("a") == first[0]
    assert small.position("c") == first[2]
    assert small.position("b").epoch != first[1].epoch


def test_watchers_of_a_forgotten_log_are_told():
    small = Small(2, watched="a")
    before = small.publish("a")
    for channel in "bcd":
        small.publish(channel)
    assert small.moves == [Moved("a", small.position("a").epoch)]
    assert small.position("a").epoch != before.epoch


def test_the_budget_holds_whatever_is_published():
    small = Small(10, watched="abc")
    for number in range(500):
        small.publish(f"channel {number}")
        small.publish("abc"[number % 3], number, key=f"{number}")
        assert small.broker.cost <= 10 * 1600 + 3000


def test_a_log_bigger_than_the_budget_loses_its_oldest_and_says_so():
    small = Small(1)
    positions = [small.publish("a", n) for n in range(4)]
    stretch = done(small.broker.read("a", Query(positions[0]), KEEP))
    assert not stretch.whole
    assert stretch.position == positions[3]


def test_empty_watched_logs_are_not_forgotten_for_nothing():
    small = Small(1, watched="abcdef")
    for channel in "abcdef":
        small.position(channel)
    assert small.moves == []


def test_a_forgotten_log_gives_its_bytes_back():
    small = Small(100)
    empty = small.broker.cost
    for number in range(20):
        small.publish("a", number, key=str(number))
    small.broker.forget("a")
    small.broker.forget("a")
    assert small.broker.cost == empty


def test_expired_publications_and_keys_give_their_bytes_back():
    small = Small(100)
    small.position("a")
    empty = small.broker.cost
    small.publish("a", 1, key="k")
    small.time = 100.0
    small.position("a")
    assert small.broker.cost == empty


def test_the_number_of_remembered_keys_is_bounded():
    small = Small(10_000)
    few = Retention(size=1, keys=3)
    for number in range(5):
        done(small.broker.publish("a", draft(1, str(number)), few))
    for number, repeated in ((4, True), (2, True), (1, False)):
        assert done(small.broker.publish("a", draft(1, str(number)), few)).repeated is repeated


def test_remembered_keys_count_in_the_budget():
    small = Small(100)
    small.publish("a")
    before = small.broker.cost
    small.publish("a", key="k" * 100)
    small.publish("b")
    assert small.broker.cost - before > 100


def test_reading_what_was_never_published_to_costs_nobody_their_history():
    small = Small(10, watched="w")
    kept = [small.publish(channel) for channel in "abc"]
    small.position("w")
    watched = small.position("w")
    for number in range(100):
        small.position(f"channel {number}")
        assert small.broker.cost <= 10 * 1600
    assert [small.position(channel) for channel in "abc"] == kept
    assert small.position("w") == watched
    assert (small.metrics.evictions, small.moves) == (0, [])


def test_nor_where_histories_fill_the_budget():
    small = Small(3)
    kept = [small.publish(channel) for channel in "abc"]
    for number in range(100):
        small.position(f"channel {number}")
    assert [small.position(channel) for channel in "abc"] == kept


def test_a_log_nobody_watches_any_more_goes_before_histories():
    small = Small(4, watched="xyz")
    for channel in "xyz":
        small.position(channel)
        done(small.broker.unwatch(channel))
    kept = [small.publish(channel) for channel in "abc"]
    assert [small.position(channel) for channel in "abc"] == kept
    assert set(small.broker._blank) <= small.broker._logs.keys()


def test_what_joining_and_renewing_cost_does_not_grow_with_who_is_there():
    small = Small(1)
    for number in range(200):
        done(small.broker.enter("c", Seat(Member(str(number)), "n"), 30))
    there = small.broker._places._channels["c"]

    class Unread(dict):
        def __iter__(self):
            raise AssertionError("somebody looks at everybody")

        items = values = __iter__

    there.members, there.places = Unread(there.members), Unread(there.places)
    done(small.broker.enter("c", Seat(Member("another"), "n"), 30))
    done(small.broker.renew("n", 30))
    done(small.broker.exit("c", "another", "n"))


def test_closing_forgets_everything():
    small = Small(5)
    small.publish("a")
    done(small.broker.close())
    assert small.broker.cost == 0


def test_what_a_forgotten_log_had_is_missed_by_order_and_so_is_what_may_have_been_in_one():
    small = Small(logs=100)
    start = small.broker.orders.position
    small.publish("c")
    before, _ = small.broker.orders.position, small.publish("other")
    small.broker.forget("c")
    assert not done(small.broker.read("c", Query(since_order=start), KEEP)).whole
    assert done(small.broker.read("c", Query(since_order=before), KEEP)).whole
    assert not done(small.broker.read("never published to", Query(since_order=start), KEEP)).whole
    assert done(small.broker.read("other", Query(since_order=start), KEEP)).whole
    small.publish("c")
    found = done(small.broker.read("c", Query(since_order=before), KEEP))
    assert (len(found.publications), found.whole) == (1, True)
