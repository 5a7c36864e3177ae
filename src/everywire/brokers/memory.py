"""The broker of a single node: logs and presence in this process's memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from everywire.brokers.base import Deliver, Draft, News, Query, Receipt, Retention, Stretch
from everywire.messages import Joined, Left, Member, Moved, Position, Publication
from everywire.metrics import Metrics

__all__ = ["MemoryBroker"]

# What one object costs beside its data, roughly; the budget counts with these.
_LOG_COST = 1_000
_ENTRY_COST = 500
_KEY_COST = 250


class _Log:
    """One channel's log.

    Invariants: `entries` hold the offsets `top - len(entries) + 1 … top` without a hole; each has a
    deadline after which it is not kept; `cost` is what this log takes of the budget.
    """

    __slots__ = ("cost", "entries", "epoch", "keys", "top")

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.top = 0
        self.entries: deque[tuple[float, Publication]] = deque()
        self.keys: dict[str, tuple[float, int]] = {}  # key: (deadline, offset), the oldest first
        self.cost = _LOG_COST

    @property
    def position(self) -> Position:
        """The end of the log."""
        return Position(self.epoch, self.top)

    @property
    def first(self) -> int:
        """The offset of the oldest entry; `top + 1` where none is kept."""
        return self.top - len(self.entries) + 1

    def append(self, publication: Publication, deadline: float) -> None:
        """Take up a publication that has the next offset."""
        self.top += 1
        self.entries.append((deadline, publication))
        self.cost += _entry_cost(publication)

    def drop_first(self) -> None:
        """Forget the oldest entry."""
        _, publication = self.entries.popleft()
        self.cost -= _entry_cost(publication)

    def remember(self, key: str, deadline: float) -> None:
        """Let `key` stand for the newest publication until `deadline`."""
        self.keys[key] = (deadline, self.top)
        self.cost += _KEY_COST + len(key)

    def prune(self, now: float, retention: Retention) -> None:
        """Forget what is too old or too much."""
        while self.entries and (len(self.entries) > retention.size or self.entries[0][0] <= now):
            self.drop_first()
        while self.keys:
            key, (deadline, _) = next(iter(self.keys.items()))
            if deadline > now and len(self.keys) <= retention.keys:
                break
            del self.keys[key]
            self.cost -= _KEY_COST + len(key)

    def answers(self, since: Position) -> bool:
        """Say whether everything after `since` is here."""
        return since.epoch == self.epoch and self.first - 1 <= since.offset <= self.top

    def between(self, after: int, before: int) -> Iterable[Publication]:
        """Give the kept publications between two offsets, the oldest first."""
        first = max(after + 1, self.first)
        start, stop = first - self.first, max(first, before) - self.first
        return (publication for _, publication in islice(self.entries, start, stop))

    def backwards(self, after: int, before: int) -> Iterable[Publication]:
        """Give the kept publications between two offsets, the latest first."""
        last = min(before - 1, self.top)
        start, stop = self.top - last, self.top - min(last, max(after, self.first - 1))
        return (publication for _, publication in islice(reversed(self.entries), start, stop))


def _entry_cost(publication: Publication) -> int:
    return _ENTRY_COST + memoryview(publication.data).nbytes


class MemoryBroker:
    """Keeps everything in this process, within `budget` bytes.

    `clock` gives seconds and never goes back; `new_epoch` gives a string never given before. Beyond the
    budget logs that nothing was ever published to go first, unless they are watched: reading is enough to
    make one, and must not cost others their history. Then the log used longest ago is forgotten: its
    channel goes on under a new epoch, and whoever watches it is told.

    Invariants: `_logs` is ordered by use, the latest last; `_cost` is the sum of the logs' costs; `_blank`
    holds the channels whose log was never published to and that are not watched; no place in a channel
    ends before the time in `_earliest`.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        new_epoch: Callable[[], str],
        *,
        budget: int = 256 * 1024 * 1024,
        metrics: Metrics | None = None,
    ) -> None:
        self._clock = clock
        self._new_epoch = new_epoch
        self._budget = budget
        self._metrics = metrics or Metrics()
        self._deliver: Deliver = _nobody
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._blank: dict[str, None] = {}
        self._cost = 0
        self._watched: set[str] = set()
        self._places: dict[str, dict[str, tuple[float, Member]]] = {}
        self._earliest: dict[str, float] = {}

    @property
    def cost(self) -> int:
        """Bytes taken of the budget, roughly."""
        return self._cost

    def listen(self, deliver: Deliver) -> None:
        """Have news of watched channels told to `deliver`."""
        self._deliver = deliver

    async def watch(self, channel: str) -> None:
        """Deliver the news of `channel` from now on."""
        self._watched.add(channel)
        self._blank.pop(channel, None)

    async def unwatch(self, channel: str) -> None:
        """Deliver its news no longer."""
        self._watched.discard(channel)
        if channel in self._logs:
            self._sort(channel)

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append `draft` and deliver it, all before this returns."""
        if retention is None:
            self._tell(Publication(channel, draft.data, draft.time, None, draft.sender))
            return Receipt(None)
        log = self._log(channel, retention)
        before = log.cost
        if draft.key is not None and (known := log.keys.get(draft.key)) is not None:
            self._metrics.repeats += 1
            return Receipt(Position(log.epoch, known[1]), repeated=True)
        publication = self._append(channel, log, draft, retention)
        self._cost += log.cost - before
        self._tell(publication)
        self._shrink(channel)
        return Receipt(publication.position)

    def _append(self, channel: str, log: _Log, draft: Draft, retention: Retention) -> Publication:
        now = self._clock()
        position = Position(log.epoch, log.top + 1)
        publication = Publication(channel, draft.data, draft.time, position, draft.sender)
        log.append(publication, now + retention.age)
        if draft.key is not None:
            log.remember(draft.key, now + retention.window)
        log.prune(now, retention)
        self._blank.pop(channel, None)
        self._metrics.publications += 1
        return publication

    async def read(self, channel: str, query: Query, retention: Retention) -> Stretch:
        """Give what is kept."""
        log = self._log(channel, retention)
        since, before = query.since, query.before
        bottom = since.offset if since is not None and since.epoch == log.epoch else 0
        top = before.offset if before is not None and before.epoch == log.epoch else log.top + 1
        kept = log.backwards(bottom, top) if query.reverse else log.between(bottom, top)
        whole = since is not None and log.answers(since)
        found = Stretch(log.position, tuple(islice(kept, query.limit)), whole)
        self._shrink(channel)
        return found

    def _log(self, channel: str, retention: Retention) -> _Log:
        """Give the log of `channel` as it is now, born if it has none."""
        log = self._logs.get(channel)
        if log is None:
            log = self._logs[channel] = _Log(self._new_epoch())
            self._cost += log.cost
            self._sort(channel)
            return log
        self._logs.move_to_end(channel)
        before = log.cost
        log.prune(self._clock(), retention)
        self._cost += log.cost - before
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
                return
            freed = self._evict(channel)
            fruitless = 0 if freed else fruitless + 1

    def _drop_oldest(self, log: _Log) -> None:
        """Forget the oldest of the only log there is, until the budget holds; what is gone shows in its positions."""
        while self._cost > self._budget and log.entries:
            before = log.cost
            log.drop_first()
            self._cost += log.cost - before

    def _evict(self, channel: str) -> bool:
        """Forget the log used longest ago; one that is empty and watched stays, there is nothing to gain."""
        if channel in self._watched and self._logs[channel].cost == _LOG_COST:
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
        if channel in self._watched:
            anew = self._logs[channel] = _Log(self._new_epoch())
            self._cost += anew.cost
            self._tell(Moved(channel, anew.epoch))

    async def enter(self, channel: str, member: Member, lease: float) -> None:
        """Hold a place, or renew it and what it tells of the member."""
        self._expire(channel)
        places = self._places.setdefault(channel, {})
        known = member.session in places
        deadline = self._clock() + lease
        places[member.session] = (deadline, member)
        self._earliest[channel] = min(deadline, self._earliest.get(channel, deadline))
        if not known:
            self._tell(Joined(channel, member))

    async def exit(self, channel: str, session: str) -> None:
        """Give a place up."""
        self._expire(channel)
        self._vacate(channel, [session])

    async def renew(self, places: Sequence[tuple[str, str]], lease: float) -> None:
        """Hold places for longer."""
        for channel in {channel for channel, _ in places}:
            self._expire(channel)
        deadline = self._clock() + lease
        for channel, session in places:
            held = self._places.get(channel, {})
            if session in held:
                held[session] = (deadline, held[session][1])
                self._earliest[channel] = min(deadline, self._earliest[channel])

    async def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        self._expire(channel)
        return tuple(member for _, member in self._places.get(channel, {}).values())

    async def close(self) -> None:
        """Forget everything."""
        self._logs.clear()
        self._blank.clear()
        self._places.clear()
        self._earliest.clear()
        self._watched.clear()
        self._cost = 0

    def _expire(self, channel: str) -> None:
        """End what is over; looks at the places only when one of them may be, not at each join."""
        now = self._clock()
        if now < self._earliest.get(channel, now + 1):
            return
        places = self._places[channel]
        self._vacate(channel, [name for name, (deadline, _) in places.items() if deadline <= now])
        if places:
            self._earliest[channel] = min(deadline for deadline, _ in places.values())

    def _vacate(self, channel: str, sessions: Iterable[str]) -> None:
        places = self._places.get(channel, {})
        for session in sessions:
            if session in places:
                _, member = places.pop(session)
                self._tell(Left(channel, member))
        if not places:
            self._places.pop(channel, None)
            self._earliest.pop(channel, None)

    def _tell(self, news: News) -> None:
        if news.channel in self._watched:
            self._deliver(news)


def _nobody(_: News) -> None:
    """Stand in for the hub until one listens."""
