"""One channel's log in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from everywire.brokers.base import Draft, Query, Retention
from everywire.brokers.memory.entries import Entries
from everywire.brokers.memory.journal import Entry, Kept, Key, Saved, SavedLog
from everywire.messages import EntryChange, Position, Publication

__all__ = ["LOG_COST", "Log"]

# What one object costs beside its data, roughly; the budget counts with these.
LOG_COST = 1_000
_ENTRY_COST = 500
_KEY_COST = 250
_REFUSED_FOR = 10.0  # seconds; whoever says something again over another link does so sooner


class Log:
    """One channel's log.

    Invariants: `entries` hold the offsets `top - len(entries) + 1 … top` without a hole; each has a
    deadline after which it is not kept; `cost` is what this log takes of the budget; `keyed` are the entries of a keyed channel,
    once it has any; `last` is the order of the latest publication, `lost` that of the latest that is not kept any more, or of whatever may
    have been lost before this log was born; `refused` what was refused of it lately, with when it was, and the offset that was in the way (None: too
    many entries).
    """

    __slots__ = ("_cost", "entries", "epoch", "keyed", "keys", "last", "lost", "refused", "top")

    def __init__(self, epoch: str, lost: int = 0) -> None:
        self.epoch = epoch
        self.top = 0
        self.last = 0
        self.lost = lost
        self.entries: deque[tuple[float, Publication]] = deque()
        self.keys: dict[str, tuple[float, int]] = {}  # key: (deadline, offset), the oldest first
        self.keyed: Entries | None = None
        self.refused: dict[tuple[str, EntryChange], tuple[float, int | None]] = {}
        self._cost = LOG_COST

    @property
    def cost(self) -> int:
        """What this log takes of the budget."""
        return self._cost if self.keyed is None else self._cost + self.keyed.cost

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
        self.last = publication.order
        self.entries.append((deadline, publication))
        self._cost += _cost(publication)

    def change(self, channel: str, key: str | None, entry: Entry | None) -> Kept:
        """Give what the newest publication, with its `key` and its `entry`, changed."""
        saved = Saved(self.entries[-1][1], self.entries[-1][0]) if self.entries else None
        remembered = Key(key, self.top, self.keys[key][0]) if key is not None and key in self.keys else None
        kept = Kept(channel, self.epoch, self.top, self.first, saved, remembered, entry, last=self.last, lost=self.lost)
        if self.keyed is None:
            return kept
        return replace(kept, floor=self.keyed.floor, retention=self.keyed.retention)

    @classmethod
    def restored(cls, saved: SavedLog) -> Log:
        """Make a log as it was kept."""
        log = cls(saved.epoch, saved.lost)
        log.top = saved.top - len(saved.publications)
        for each in saved.publications:
            log.append(each.publication, each.deadline)
        log.last = saved.last
        for key in saved.keys:
            log.keys[key.key] = (key.deadline, key.offset)
            log._cost += _KEY_COST + len(key.key)
        if saved.retention is not None:
            log.keyed = Entries(saved.floor)
            log.keyed.retention = saved.retention
            for entry in saved.entries:
                log.keyed.take(entry.publication, saved.retention.entries)
        return log

    def drop_first(self) -> None:
        """Forget the oldest entry."""
        _, publication = self.entries.popleft()
        self.lost = max(self.lost, publication.order)
        self._cost -= _cost(publication)

    def remember(self, key: str, deadline: float) -> None:
        """Let `key` stand for the newest publication until `deadline`."""
        self.keys[key] = (deadline, self.top)
        self._cost += _KEY_COST + len(key)

    def refuse(self, draft: Draft, now: float, there: int | None) -> None:
        """Refuse it also when it is said again: what its publisher was told stays true, even if it was said twice and both are on their way."""
        if draft.key is not None and draft.entry is not None:
            self.refused[draft.key, draft.entry] = (now, there)
            self._cost += _KEY_COST + len(draft.key)

    def was_refused(self, draft: Draft) -> tuple[float, int | None] | None:
        """Give when and why just this was refused."""
        return self.refused.get((draft.key or "", draft.entry)) if draft.entry is not None else None

    def prune(self, now: float, retention: Retention) -> None:
        """Forget what is too old or too much."""
        while self.refused:
            said, (when, _) = next(iter(self.refused.items()))
            if when + _REFUSED_FOR > now and len(self.refused) <= retention.keys:
                break
            del self.refused[said]
            self._cost -= _KEY_COST + len(said[0])
        while self.entries and (len(self.entries) > retention.size or self.entries[0][0] <= now):
            self.drop_first()
        while self.keys:
            key, (deadline, _) = next(iter(self.keys.items()))
            if deadline > now and len(self.keys) <= retention.keys:
                break
            del self.keys[key]
            self._cost -= _KEY_COST + len(key)

    def answers(self, since: Position) -> bool:
        """Say whether everything after `since` is here."""
        return since.epoch == self.epoch and self.first - 1 <= since.offset <= self.top

    def bounds(self, query: Query, era: str) -> tuple[int, int]:
        """Give the offsets between which `query` asks, both left out; the count of all logs is in its `era`."""
        since, before = query.since, query.before
        bottom = since.offset if since is not None and since.epoch == self.epoch else 0
        top = before.offset if before is not None and before.epoch == self.epoch else self.top + 1
        if query.from_time is not None:
            bottom = max(bottom, self._earlier(query.from_time))
        if query.since_order is not None and query.since_order.epoch == era:
            skipped = bisect_right(self.entries, query.since_order.offset, key=lambda entry: entry[1].order)
            bottom = max(bottom, self.first - 1 + skipped)
        return bottom, top

    def _earlier(self, time: int) -> int:
        """Give the offset before the first kept publication that is not earlier than `time`; the end where all are."""
        for skipped, (_, publication) in enumerate(self.entries):
            if publication.time >= time:
                return self.first - 1 + skipped
        return self.top

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


def _cost(publication: Publication) -> int:
    return _ENTRY_COST + memoryview(publication.data).nbytes
