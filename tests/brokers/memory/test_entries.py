"""What entries take of the memory broker's budget; the rest is in the contract."""

from itertools import count

from everywire.brokers.base import Draft, Query, Retention
from everywire.brokers.memory import MemoryBroker
from everywire.messages import EntryChange, Moved, Position, Publication, Raw

KEYED = Retention(keyed=True, entries=1000)


def done(work):
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def make(**options):
    epochs = count()
    broker = MemoryBroker(lambda: 0.0, lambda: f"e{next(epochs)}", **options)
    news = []
    broker.listen(news.append)
    done(broker.watch("k"))
    return broker, news


def put(broker, name, size=10, **change):
    draft = Draft(Raw(b'"' + b"x" * size + b'"'), 1, entry=EntryChange(name, **change))
    return done(broker.publish("k", draft, KEYED)).position


def test_entries_count_in_the_budget_and_give_it_back():
    broker, _ = make()
    done(broker.read("k", Query(), KEYED))
    empty = broker.cost
    for _ in range(3):
        put(broker, "a", 5000)
    assert 5000 < broker.cost - empty < 7000
    put(broker, "a", 0, remove=True)
    assert broker.cost - empty < 1000
    broker.forget("k")
    assert broker.cost == empty


def test_a_map_that_is_too_big_is_lost_and_that_is_told():
    broker, news = make(budget=50_000)
    for number in range(20):
        put(broker, f"e{number}", 5000)
        assert broker.cost <= 50_000
    assert any(isinstance(each, Moved) for each in news)
    epochs = [each.position.epoch for each in news if isinstance(each, Publication)]
    assert len(set(epochs)) > 1
    snapshot = done(broker.entries("k", Query(Position(epochs[0], 3)), KEYED))
    assert not snapshot.whole
    assert len(snapshot.entries) < 10
