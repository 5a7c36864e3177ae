"""The broker of a single node: logs and presence in this process's memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from everywire.brokers.base import (
    Deliver,
    Draft,
    Filled,
    Holding,
    News,
    Note,
    Occurrence,
    Pulled,
    Pushed,
    Query,
    Receipt,
    Retention,
    Seat,
    Snapshot,
    Stretch,
)
from everywire.brokers.memory.count import Count
from everywire.brokers.memory.entries import Entries, too_many
from everywire.brokers.memory.expiries import Expiries, Expiry, Later
from everywire.brokers.memory.journal import Entry, Forgotten, Journal, SavedLog
from everywire.brokers.memory.log import LOG_COST, Log
from everywire.brokers.memory.occurrences import Occurrences
from everywire.brokers.memory.places import Places
from everywire.brokers.memory.queues import Queues
from everywire.brokers.memory.records import Records
from everywire.errors import Refused
from everywire.messages import EntryChange, Joined, Left, Member, Moved, Position, Publication, Raw
from everywire.metrics import Metrics
from everywire.wildcards import Patterns, wild

__all__ = ["MemoryBroker"]


class MemoryBroker:
    """Keeps everything in this process, within `budget` bytes.

    `clock` gives seconds and never goes back; `new_epoch` gives a string never given before; `later` calls a function in so many
    seconds: without it what is over (an entry's time, a lease) is noticed only when something else is asked of the broker. `alone` is
    what `Broker.alone` says: False where several hubs share it. Beyond the
    budget logs that nothing was ever published to go first, unless they are watched: reading is enough to
    make one, and must not cost others their history. Then the log used longest ago is forgotten: its
    channel goes on under a new epoch, and whoever watches it is told. `journal` learns of every change of a log.

    Invariants: `_logs` is ordered by use, the latest last; `_cost` is the sum of the logs' costs; `_blank`
    holds the channels whose log was never published to and that are not watched.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        new_epoch: Callable[[], str],
        *,
        later: Later | None = None,
        budget: int = 256 * 1024 * 1024,
        alone: bool = True,
        metrics: Metrics | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.alone: Final = alone
        self._clock = clock
        self._journal = journal
        self._new_epoch = new_epoch
        self.orders: Final = Count(new_epoch)
        self._budget = budget
        self._metrics = metrics or Metrics()
        self._deliver: Deliver = _nobody
        self._logs: OrderedDict[str, Log] = OrderedDict()
        self._blank: dict[str, None] = {}
        self._cost = 0
        self._watched: set[str] = set()
        self._patterns = Patterns()
        self._expiries = Expiries(clock, later, self._holds, self._expire)
        self._occurrences = Occurrences(self._metrics)
        self._places = Places(clock, new_epoch, self._tell, self._occurrences, later)
        self._records = Records(clock)
        self._queues = Queues(clock, self._tell)

    @property
    def cost(self) -> int:
        """Bytes taken of the budget, roughly."""
        return self._cost

    def listen(self, deliver: Deliver) -> None:
        """Have news of watched channels told to `deliver`."""
        self._deliver = deliver

    async def watch(self, channel: str) -> None:
        """Deliver the news of `channel`, or of all channels that it matches, from now on."""
        if wild(channel):
            self._patterns.add(channel)
            return
        self._watched.add(channel)
        self._blank.pop(channel, None)

    async def unwatch(self, channel: str) -> None:
        """Deliver its news no longer."""
        self._patterns.discard(channel)
        self._watched.discard(channel)
        if channel in self._logs:
            self._sort(channel)

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append `draft` and deliver it, all before this returns."""
        if retention is None:
            self.orders.begin()
            self._tell(_publication(channel, draft, None, self.orders))
            return Receipt(None, heard=self._watches(channel))
        self._expiries.look()
        log = self._log(channel, retention)
        before = log.cost
        if draft.key is not None and (known := log.keys.get(draft.key)) is not None:
            return Receipt(Position(log.epoch, known[1]), repeated=True)
        if draft.entry is not None:
            try:
                there = self._refused(log, draft, draft.entry, retention)
            finally:
                self._cost += log.cost - before
                before = log.cost
            if there is not None:
                return Receipt(Position(log.epoch, there), conflict=True)
        publication = self._append(channel, log, draft, retention)
        self._cost += log.cost - before
        self._tell(publication)
        self._shrink(channel)
        return Receipt(publication.position)

    def _refused(self, log: Log, draft: Draft, change: EntryChange, retention: Retention) -> int | None:
        """Give the offset that is in the entry in place of the one expected, now or when just this was refused; None where all is well.

        Raises `Refused` where there are too many entries.
        """
        if (refused := log.was_refused(draft)) is not None:
            there = refused[1]
            if there is None:
                too_many(retention.entries)
            return there
        if (there := _other(log, change)) is not None:
            log.refuse(draft, self._clock(), there)
            return there
        try:
            _entries(log).check(change, retention.entries)
        except Refused:
            log.refuse(draft, self._clock(), None)
            raise
        return None

    def _append(self, channel: str, log: Log, draft: Draft, retention: Retention) -> Publication:
        now = self._clock()
        self.orders.next()
        publication = _publication(channel, draft, Position(log.epoch, log.top + 1), self.orders)
        log.append(publication, now + retention.age)
        entry = None
        if draft.entry is not None:
            entry = self._set(channel, log, draft.entry, retention)
        if draft.key is not None:
            log.remember(draft.key, now + retention.window)
        log.prune(now, retention)
        self._blank.pop(channel, None)
        if self._journal is not None:
            self._journal.take(log.change(channel, draft.key, entry))
        return publication

    def _set(self, channel: str, log: Log, change: EntryChange, retention: Retention) -> Entry:
        """Let the newest publication of `log` be its entry's last."""
        entries = _entries(log)
        entries.retention = retention
        publication = log.entries[-1][1]
        entries.take(publication, retention.entries)
        age = retention.entry_age if change.ttl is None else change.ttl
        if not age or change.remove:
            return Entry(publication)
        deadline = self._clock() + age
        self._expiries.add(Expiry(deadline, channel, change.name, log.top, age))
        return Entry(publication, age, deadline)

    def _holds(self, channel: str, entry: str, offset: int) -> bool:
        """Say whether the entry is still as it was set at `offset`."""
        log = self._logs.get(channel)
        return log is not None and log.keyed is not None and log.keyed.offset(entry) == offset

    def _expire(self, channel: str, entry: str, offset: int, age: float) -> None:
        """Publish that an entry is over, `age` seconds after it was set, unless it was set again."""
        if not self._holds(channel, entry, offset):
            return
        if self._journal is not None and not self._journal.takes:
            self._expiries.add(Expiry(self._clock() + 1, channel, entry, offset, age))
            return
        log = self._logs[channel]
        before = log.cost
        assert log.keyed is not None
        draft = Draft(Raw(b"null"), log.keyed.time(entry) + round(1000 * age), entry=EntryChange(entry, remove=True))
        publication = self._append(channel, log, draft, log.keyed.retention)
        self._cost += log.cost - before
        self._tell(publication)
        self._shrink(channel)

    async def read(self, channel: str, query: Query, retention: Retention) -> Stretch:
        """Give what is kept."""
        self._expiries.look()
        log = self._log(channel, retention)
        bottom, top = log.bounds(query, self.orders.era)
        kept = log.backwards(bottom, top) if query.reverse else log.between(bottom, top)
        found = Stretch(log.position, tuple(islice(kept, query.limit)), self._whole(log, query), self.orders.position)
        self._shrink(channel)
        return found

    def _whole(self, log: Log, query: Query) -> bool:
        """Say whether the log has everything after where `query` asks from; it has to ask from somewhere."""
        since, order = query.since, query.since_order
        if order is not None and not self.orders.answers(order, log.lost):
            return False
        return log.answers(since) if since is not None else order is not None

    def _log(self, channel: str, retention: Retention) -> Log:
        """Give the log of `channel` as it is now, born if it has none."""
        log = self._logs.get(channel)
        if log is None:
            log = self._born(channel)
            self._sort(channel)
            return log
        self._logs.move_to_end(channel)
        before = log.cost
        log.prune(self._clock(), retention)
        self._cost += log.cost - before
        return log

    def _born(self, channel: str) -> Log:
        """Begin a log; whoever is told its epoch is told the same after a restart, also if nothing was published until then."""
        log = self._logs[channel] = Log(self._new_epoch(), self.orders.lost)
        self._cost += log.cost
        if self._journal is not None and self._journal.takes:
            self._journal.take(log.change(channel, None, None))
        return log

    def _sort(self, channel: str) -> None:
        """Note a log that nobody would miss."""
        if channel not in self._watched and self._logs[channel].top == 0:
            self._blank[channel] = None

    def _shrink(self, spared: str) -> None:
        """Forget blank logs, then those used longest ago, until the budget holds; `spared` only loses its oldest."""
        while self._cost > self._budget and self._blank:
            self.forget(next(iter(self._blank)))
        fruitless = 0
        while self._cost > self._budget and fruitless < 8:
            channel = next(iter(self._logs))
            if channel == spared:
                self._drop_oldest(self._logs[channel])
                if self._cost > self._budget and self._logs[channel].keyed is not None:
                    self._evict(channel)
                return
            freed = self._evict(channel)
            fruitless = 0 if freed else fruitless + 1

    def _drop_oldest(self, log: Log) -> None:
        """Forget the oldest of the only log there is, until the budget holds; what is gone shows in its positions.

        Entries do not: where they alone are too much, the whole log is lost.
        """
        while self._cost > self._budget and log.entries:
            before = log.cost
            log.drop_first()
            self._cost += log.cost - before

    def _evict(self, channel: str) -> bool:
        """Forget the log used longest ago; one that is empty and watched stays, there is nothing to gain."""
        if channel in self._watched and self._logs[channel].cost == LOG_COST:
            self._logs.move_to_end(channel)
            return False
        self._metrics.evictions += 1
        self.forget(channel)
        return True

    def forget(self, channel: str) -> None:
        """Lose the log of `channel`; one that is watched begins anew at once, and its watchers are told."""
        log = self._logs.pop(channel, None)
        self._blank.pop(channel, None)
        if log is None:
            return
        self._cost -= log.cost
        self.orders.forget(log.last)
        if self._journal is not None:
            self._journal.take(Forgotten(channel, log.last))
        if channel in self._watched:
            self._tell(Moved(channel, self._born(channel).epoch))

    def restore(self, channel: str, saved: SavedLog | None) -> None:
        """Put a log back as it was kept, in place of the one there is; None: nothing was ever kept of its epoch."""
        there = self._logs.pop(channel, None)
        self._blank.pop(channel, None)
        if there is not None:
            self._cost -= there.cost
        if saved is None:
            if there is None:
                return
            saved = SavedLog(channel, there.epoch, 0, lost=self.orders.lost)
        log = self._logs[channel] = Log.restored(saved)
        self._cost += log.cost
        self._sort(channel)
        for entry in saved.entries:
            name, position = entry.publication.entry, entry.publication.position
            if entry.age and name is not None and position is not None:
                self._expiries.add(Expiry(entry.deadline, channel, name, position.offset, entry.age))
        self._shrink(channel)

    async def ends(self, channels: Sequence[str]) -> tuple[Position | None, ...]:
        """Give where each log ends."""
        logs = (self._logs.get(channel) for channel in channels)
        return tuple(log.position if log is not None else None for log in logs)

    async def entries(self, channel: str, query: Query, retention: Retention) -> Snapshot:
        """Give entries of a keyed channel."""
        self._expiries.look()
        log, since = self._log(channel, retention), query.since
        entries = log.keyed if log.keyed is not None else Entries(0)
        if since is None or since.epoch != log.epoch or not entries.floor <= since.offset <= log.top:
            found = Snapshot(log.position, entries.all(query.limit), order=self.orders.position)
        else:
            after = since.offset if query.after is None else query.after
            changed = entries.after(after, since.offset, query.limit)
            found = Snapshot(log.position, changed, whole=True, order=self.orders.position)
        self._shrink(channel)
        return found

    async def enter(self, channel: str, seat: Seat, lease: float) -> str:
        """Hold a place, or renew what it tells of the member."""
        return self._places.enter(channel, seat, lease)

    async def exit(self, channel: str, session: str, holder: str) -> None:
        """Give a place up."""
        self._places.exit(channel, session, holder)

    async def renew(self, holder: str, lease: float) -> str:
        """Hold all that is the holder's for longer."""
        return self._places.renew(holder, lease)

    async def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        return self._places.members(channel)

    async def count(self, channel: str) -> tuple[int, int]:
        """Give how many sessions and users are there."""
        return self._places.count(channel)

    async def claim(self, holder: str, most: int, lease: float) -> tuple[Occurrence, ...]:
        """Take occurrences."""
        self._places.renew(holder, lease)
        return self._occurrences.claim(holder, most)

    async def done(self, holder: str, channel: str, sequence: int) -> None:
        """Let go of one."""
        self._places.settle()
        self._occurrences.done(holder, channel, sequence)

    async def push(self, queue: str, draft: Draft, holding: Holding) -> Pushed:
        """Put a publication into a queue."""
        publication = Publication(queue, draft.data, draft.time, sender=draft.sender, audience=draft.audience)
        return self._queues.push(queue, publication, holding)

    async def pull(self, queue: str, ticket: str) -> Pulled:
        """Take one."""
        return self._queues.pull(queue, ticket)

    async def put_back(self, queue: str, ticket: str) -> None:
        """Put it back."""
        self._queues.put_back(queue, ticket)

    async def bind(self, queue: str, channel: str, holding: Holding, ttl: float) -> None:
        """Have those of a channel put there."""
        self._queues.bind(queue, channel, holding, ttl)

    async def unbind(self, queue: str, channel: str) -> None:
        """Have them put there no longer."""
        self._queues.unbind(queue, channel)

    async def purge(self, prefix: str) -> None:
        """Forget queues."""
        self._queues.purge(prefix)

    async def put(self, name: str, record: bytes, ttl: float) -> None:
        """Keep a record."""
        self._records.put(name, record, ttl)

    async def get(self, name: str) -> bytes | None:
        """Give a record."""
        return self._records.get(name)

    async def drop(self, name: str) -> None:
        """Forget a record."""
        self._records.drop(name)

    async def tell(self, data: bytes) -> int:
        """Tell the node, which is the only one."""
        self._deliver(Note(data))
        return 1

    async def close(self) -> None:
        """Forget everything."""
        self._logs.clear()
        self._blank.clear()
        self._places.clear()
        self._occurrences.clear()
        self._records.clear()
        self._queues.clear()
        self._watched.clear()
        self._expiries.close()
        self._cost = 0

    def _tell(self, news: Publication | Joined | Left | Moved | Filled) -> None:
        if isinstance(news, Publication):
            self._queues.publish(news)
        if self._watches(news.channel):
            self._deliver(news)

    def _watches(self, channel: str) -> bool:
        return channel in self._watched or bool(self._patterns.matching(channel))


def _entries(log: Log) -> Entries:
    """Give the entries of `log`: what was removed before there were any is not known."""
    if log.keyed is None:
        log.keyed = Entries(log.top)
    return log.keyed


def _other(log: Log, change: EntryChange) -> int | None:
    """Give the offset of the publication in the entry, 0 for none, where it is not the one that `change` expects."""
    there = log.keyed.offset(change.name) if log.keyed is not None else 0
    return None if change.expect is None or change.expect == there else there


def _publication(channel: str, draft: Draft, position: Position | None, count: Count) -> Publication:
    change = draft.entry
    entry, removed = (change.name, change.remove) if change is not None and position is not None else (None, False)
    told = (draft.data, draft.time, position, draft.sender, entry, removed, draft.audience)
    return Publication(channel, *told, count.number, count.era)


def _nobody(_: News) -> None:
    """Stand in for the hub until one listens."""
