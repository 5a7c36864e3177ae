"""A broker whose logs are in a file: the contract, and what becomes of what the file does not take."""

import asyncio
from itertools import count

import pytest
from tests.contracts.broker import ANN, KEEP, BrokerContract, draft, numbers

from everywire.brokers.base import Draft, Note, Query, Retention, Seat
from everywire.brokers.memory import MemoryBroker
from everywire.brokers.memory.durable import DurableBroker
from everywire.brokers.memory.file import HistoryFile, NotRead, NotWritten
from everywire.errors import Refused
from everywire.messages import EntryChange, Joined, Moved, Position, Raw
from everywire.testing import VirtualLoop, passed


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


class Disk:
    """A file that takes nothing while it is `full`, and counts what it wrote."""

    def __init__(self, file):
        self._file, self.full, self.damaged, self.writes = file, False, False, 0

    @property
    def count(self):
        return self._file.count

    def write(self, changes):
        self.probe()
        self.writes += 1
        self._file.write(changes)

    def read(self, channel):
        if self.damaged:
            raise NotRead("a bit is wrong")
        return self._file.read(channel)

    def probe(self):
        if self.full:
            raise NotWritten("database or disk is full")

    def close(self):
        self._file.close()


class Kept:
    """A durable broker under virtual time, which writes in 1 ms."""

    def __init__(self, loop, path, first_epoch=0):
        self.loop, self.news = loop, []
        epochs = count(first_epoch)
        file = HistoryFile(str(path), loop.time, lambda: 1e6 + loop.time())
        self.disk = Disk(file)
        logs = file.load(lambda: f"n{next(epochs)}")
        self.broker = DurableBroker(self.disk, self._written, loop, loop.call_later)
        self.memory = MemoryBroker(loop.time, lambda: f"e{next(epochs)}", later=loop.call_later, journal=self.broker)
        self.broker.adopt(self.memory, logs)

    async def _written(self, work, *values):
        await passed(0.001)
        return work(*values)

    def listening(self, *channels):
        self.broker.listen(self.news.append)
        for channel in channels:
            self.run(self.broker.watch(channel))
        return self

    def run(self, work):
        return self.loop.run_until_complete(work)

    def publish(self, number, key=None, channel="c"):
        return self.run(self.broker.publish(channel, draft(number, key), KEEP)).position

    def since(self, order, channel="c"):
        stretch = self.run(self.broker.read(channel, Query(since_order=order), KEEP))
        return numbers(stretch.publications), stretch.whole

    def read(self, since=None, channel="c"):
        return self.run(self.broker.read(channel, Query(since), KEEP))


class TestDurableBroker(BrokerContract):
    @pytest.fixture(autouse=True)
    def _place(self, loop, tmp_path):
        self.loop, self.path = loop, tmp_path / "history"

    def make(self):
        return Kept(self.loop, self.path).broker

    def wait(self, seconds):
        self.loop.run(seconds)


@pytest.fixture
def kept(loop, tmp_path):
    return Kept(loop, tmp_path / "history").listening("c")


def restarted(kept, tmp_path):
    kept.run(kept.broker.close())
    return Kept(kept.loop, tmp_path / "history", 100).listening("c")


def test_history_keys_and_entries_survive_a_restart(kept, tmp_path):
    first = kept.publish(1, "k")
    keyed = Retention(5, keyed=True)
    change = EntryChange("a", ttl=50.0)
    kept.run(kept.broker.publish("board", Draft(Raw(b"1"), 1, entry=change), keyed))
    kept = restarted(kept, tmp_path)
    assert kept.publish(9, "k") == first
    kept.publish(2)
    stretch = kept.read(first)
    assert (numbers(stretch.publications), stretch.whole) == ([2], True)
    assert [each.entry for each in kept.run(kept.broker.entries("board", Query(), keyed)).entries] == ["a"]
    kept.loop.run(51)
    assert kept.run(kept.broker.entries("board", Query(), keyed)).entries == ()


def test_who_knows_a_quiet_channel_misses_nothing_by_a_restart(kept, tmp_path):
    start = kept.read().position
    kept = restarted(kept, tmp_path)
    assert kept.read(start).whole
    kept.publish(1)
    stretch = kept.read(start)
    assert (numbers(stretch.publications), stretch.whole) == ([1], True)


def test_nobody_learns_of_a_publication_before_the_file_has_it(kept):
    publishing = kept.loop.create_task(kept.broker.publish("c", draft(1), KEEP))
    reading = kept.loop.create_task(kept.broker.read("c", Query(), KEEP))
    kept.loop.run(0.0005)
    assert (publishing.done(), reading.done(), kept.news) == (False, False, [])
    kept.loop.run(0.001)
    assert (publishing.done(), reading.done(), len(kept.news)) == (True, True, 1)


def test_what_comes_while_one_batch_is_written_is_written_together(kept):
    async def many():
        await asyncio.gather(*[kept.broker.publish("c", draft(n), KEEP) for n in range(100)])

    first = kept.loop.create_task(kept.broker.publish("c", draft(0), KEEP))
    kept.loop.run(0.0005)
    kept.run(many())
    assert first.done()
    assert kept.disk.writes == 2
    assert [each.position.offset for each in kept.news] == list(range(1, 102))


def test_a_full_disk_refuses_publications_and_nothing_else(kept):
    before = kept.publish(1)
    kept.disk.full = True
    with pytest.raises(Refused) as refused:
        kept.publish(2)
    assert refused.value.temporary
    with pytest.raises(Refused):
        kept.publish(3)
    assert numbers(kept.read().publications) == [1]
    assert kept.read().position == before
    kept.run(kept.broker.publish("c", draft(4), None))
    kept.run(kept.broker.enter("c", Seat(ANN, "n"), 30))
    kept.run(kept.broker.tell(b"x"))
    assert numbers(kept.news[:2]) == [1, 4]
    assert kept.news[2:] == [Joined("c", ANN), Note(b"x")]
    kept.disk.full = False
    kept.loop.run(1.1)
    after = kept.publish(5)
    assert (after.epoch, after.offset) == (before.epoch, 2)


def test_the_first_publication_that_is_refused_leaves_the_epoch_as_it_was(kept):
    start = kept.read().position
    kept.disk.full = True
    with pytest.raises(Refused):
        kept.publish(1)
    kept.disk.full = False
    kept.loop.run(1.1)
    kept.publish(2)
    stretch = kept.read(start)
    assert (numbers(stretch.publications), stretch.whole) == ([2], True)


def test_what_waited_on_a_failed_write_is_refused_with_it(kept):
    kept.publish(1)
    kept.disk.full = True
    works = [
        kept.loop.create_task(work)
        for work in (
            kept.broker.publish("c", draft(2, "k"), KEEP),
            kept.broker.publish("d", draft(3), KEEP),
            kept.broker.read("c", Query(), KEEP),
        )
    ]
    kept.loop.run(0.1)
    assert all(isinstance(work.exception(), Refused) for work in works)
    kept.disk.full = False
    kept.loop.run(1.1)
    assert not kept.run(kept.broker.publish("c", draft(2, "k"), KEEP)).repeated
    assert numbers(kept.news) == [1, 2]


def test_a_log_that_cannot_be_put_back_is_lost_openly(kept):
    before = kept.publish(1)
    kept.disk.full = kept.disk.damaged = True
    with pytest.raises(Refused):
        kept.publish(2)
    kept.disk.full = False
    kept.loop.run(1.1)
    moved = kept.news[-1]
    assert type(moved) is Moved
    assert kept.publish(3).epoch == moved.epoch != before.epoch


def test_an_entry_whose_time_is_over_waits_for_the_disk(kept):
    keyed = Retention(5, keyed=True)
    kept.run(kept.broker.publish("c", Draft(Raw(b"1"), 1, entry=EntryChange("a", ttl=5.0)), keyed))
    kept.disk.full = True
    with pytest.raises(Refused):
        kept.publish(2)
    kept.loop.run(10)
    assert len(kept.run(kept.broker.entries("c", Query(), keyed)).entries) == 1
    kept.disk.full = False
    kept.loop.run(3)
    assert kept.run(kept.broker.entries("c", Query(), keyed)).entries == ()


def test_a_log_that_memory_forgets_is_forgotten_in_the_file(kept, tmp_path):
    before = kept.publish(1)
    kept.memory.forget("c")
    kept.loop.run(0.1)
    kept = restarted(kept, tmp_path)
    assert kept.read().position.epoch != before.epoch
    assert kept.read().publications == ()


def test_the_count_of_all_publications_survives_a_restart(kept, tmp_path):
    kept.publish(1)
    order = kept.read().order
    kept.publish(2, channel="d")
    kept.publish(3)
    kept = restarted(kept, tmp_path)
    assert kept.read().order == Position(order.epoch, order.offset + 2)
    kept.publish(4)
    assert kept.since(order) == ([3, 4], True)
    assert kept.since(order, "d") == ([2], True)
    assert [each.order - order.offset for each in kept.read().publications] == [0, 2, 3]


def test_what_was_forgotten_before_a_restart_is_missed_by_order_after_it(kept, tmp_path):
    start = kept.read().order
    kept.publish(1)
    between = kept.read().order
    kept.publish(2, channel="d")
    kept.memory.forget("c")
    kept.loop.run(0.1)
    kept = restarted(kept, tmp_path)
    assert kept.since(start) == ([], False)
    assert kept.since(between) == ([], True)
    assert kept.since(start, "d") == ([2], True)


def test_numbers_that_were_refused_are_of_another_era(kept, tmp_path):
    kept.publish(1)
    order = kept.read().order
    kept.disk.full = True
    works = [
        kept.loop.create_task(work)
        for work in (kept.broker.publish("c", draft(2), KEEP), kept.broker.publish("c", draft(3), None))
    ]
    kept.loop.run(0.1)
    assert isinstance(works[0].exception(), Refused)
    assert [(each.time, each.order, each.era) for each in kept.news] == [(1, order.offset, order.epoch), (3, 0, "")]
    kept.run(kept.broker.publish("c", draft(4), None))
    told = Position(kept.news[-1].era, kept.news[-1].order)
    assert told.epoch != order.epoch
    kept = restarted(kept, tmp_path)
    kept.publish(5)
    kept.publish(6)
    assert kept.since(order) == ([5, 6], True)
    assert not kept.since(told)[1]
