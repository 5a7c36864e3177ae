"""One channel's log in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

from everywire.brokers.base import Retention
from everywire.messages import Position, Publication

__all__ = ["LOG_COST", "Log"]

# What one object costs beside its data, roughly; the budget counts with these.
LOG_COST = 1_000
_ENTRY_COST = 500
_KEY_COST = 250


class Log:
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
        self.cost = LOG_COST

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
        self.cost += _cost(publication)

    def drop_first(self) -> None:
        """Forget the oldest entry."""
        _, publication = self.entries.popleft()
        self.cost -= _cost(publication)

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


def _cost(publication: Publication) -> int:
    return _ENTRY_COST + memoryview(publication.data).nbytes
