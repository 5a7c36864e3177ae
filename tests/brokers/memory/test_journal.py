"""What a broker tells its journal, and what it makes of a log that was kept."""

from itertools import count

from tests.brokers.memory.test_broker import done
from tests.contracts.broker import KEEP, draft

from everywire.brokers.base import Draft, Query, Retention
from everywire.brokers.memory import MemoryBroker
from everywire.brokers.memory.journal import Forgotten, Key, Saved, SavedLog
from everywire.messages import EntryChange, Raw


class Listed:
    takes = True

    def __init__(self):
        self.changes = []

    def take(self, change):
        self.changes.append(change)


def journalled():
    journal, epochs = Listed(), count()
    return journal, MemoryBroker(lambda: 10.0, lambda: f"e{next(epochs)}", journal=journal)


def test_a_log_is_told_when_it_is_born():
    journal, broker = journalled()
    done(broker.read("c", Query(), KEEP))
    (born,) = journal.changes
    assert (born.channel, born.epoch, born.top, born.first) == ("c", "e0", 0, 1)
    assert (born.saved, born.key, born.entry) == (None, None, None)


def test_each_publication_is_told_with_its_key_and_what_is_kept():
    journal, broker = journalled()
    for number in range(7):
        done(broker.publish("c", draft(number, f"k{number}"), KEEP))
    last = journal.changes[-1]
    assert (last.channel, last.epoch, last.top, last.first) == ("c", "e0", 7, 3)
    assert last.saved.deadline == 70.0
    assert last.key == Key("k6", 7, 40.0)
    done(broker.publish("c", draft(6, "k6"), KEEP))
    done(broker.publish("c", draft(9), None))
    assert len(journal.changes) == 1 + 7


def test_an_entry_is_told_with_the_time_when_it_is_over():
    journal, broker = journalled()
    change = EntryChange("a", ttl=5.0)
    done(broker.publish("c", Draft(Raw(b"1"), 1, entry=change), Retention(keyed=True)))
    _, told = journal.changes
    assert (told.saved, told.entry.age, told.entry.deadline) == (None, 5.0, 15.0)
    assert told.retention is not None


def test_a_log_is_told_when_it_is_forgotten():
    journal, broker = journalled()
    done(broker.read("c", Query(), KEEP))
    broker.forget("c")
    assert journal.changes[-1] == Forgotten("c", 0)
    done(broker.publish("c", draft(1), KEEP))
    broker.forget("c")
    assert journal.changes[-1] == Forgotten("c", 1)


def test_a_restored_log_is_as_it_was():
    journal, broker = journalled()
    for number in range(1, 4):
        done(broker.publish("c", draft(number, f"k{number}"), KEEP))
    _, *kept = journal.changes
    saved = SavedLog("c", "e0", 3, [Saved(each.saved.publication, each.saved.deadline) for each in kept])
    saved.keys, saved.last = [each.key for each in kept], 3
    _, other = journalled()
    other.orders.restore(broker.orders.era, 3, 0)
    other.restore("c", saved)
    for each in (broker, other):
        assert done(each.publish("c", draft(2, "k2"), KEEP)).repeated
        assert done(each.publish("c", draft(4), KEEP)).position.offset == 4
    assert done(other.read("c", Query(), KEEP)) == done(broker.read("c", Query(), KEEP))
    assert other.cost == broker.cost
