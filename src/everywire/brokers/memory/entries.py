"""The entries of one keyed channel in memory."""

from __future__ import annotations

from itertools import takewhile
from typing import NoReturn

from everywire.brokers.base import Retention
from everywire.errors import Refused
from everywire.messages import EntryChange, Publication

__all__ = ["Entries", "too_many"]

_ENTRY_COST = 700  # bytes that an entry takes beside its data, roughly
_TOO_MANY = 108  # docs/protocol.md, "Error codes"


class Entries:
    """The last publication of each entry, and of those removed lately.

    Invariants: `_last` is ordered by offset; `_removed` are the names in it whose last publication removed them, the oldest first; whatever
    was removed after the offset `floor` is in it; `cost` is what all this takes of a budget.
    """

    __slots__ = ("_last", "_removed", "cost", "floor", "retention")

    def __init__(self, floor: int) -> None:
        self._last: dict[str, Publication] = {}
        self._removed: dict[str, None] = {}
        self.floor = floor
        self.retention = Retention(keyed=True)  # as the channel was published to last
        self.cost = 0

    def __len__(self) -> int:
        return len(self._last) - len(self._removed)

    def offset(self, name: str) -> int:
        """Give the offset of the publication that set the entry; 0 where there is none."""
        last = self._last.get(name)
        return 0 if last is None or last.removed else _offset(last)

    def time(self, name: str) -> int:
        """Give when the entry was set, in milliseconds since 1970."""
        return self._last[name].time

    def check(self, change: EntryChange, most: int) -> None:
        """Raise `Refused` where `change` would make more than `most` entries."""
        if not change.remove and len(self) >= most and not self.offset(change.name):
            too_many(most)

    def take(self, publication: Publication, most: int) -> None:
        """Take up the latest publication of an entry; `most` removed ones are remembered."""
        name = publication.entry
        assert name is not None
        self._forget(name)
        self._last[name] = publication
        self.cost += _cost(publication)
        if publication.removed:
            self._removed[name] = None
        while len(self._removed) > most:
            oldest = next(iter(self._removed))
            self.floor = _offset(self._last[oldest])
            self._forget(oldest)

    def _forget(self, name: str) -> None:
        if (last := self._last.pop(name, None)) is not None:
            self.cost -= _cost(last)
            self._removed.pop(name, None)

    def all(self, limit: int | None) -> tuple[Publication, ...]:
        """Give the first `limit` entries, by rising offset."""
        there = [each for each in self._last.values() if not each.removed]
        return tuple(there[:limit])

    def after(self, offset: int, removed_after: int, limit: int | None) -> tuple[Publication, ...]:
        """Give the first `limit` entries changed after `offset`; the removed only where that was after `removed_after`."""
        late = list(takewhile(lambda each: _offset(each) > offset, reversed(self._last.values())))
        late.reverse()
        return tuple([each for each in late if not each.removed or _offset(each) > removed_after][:limit])


def too_many(most: int) -> NoReturn:
    """Refuse one entry more than `most`."""
    raise Refused(f"no more than {most} entries", _TOO_MANY)


def _offset(publication: Publication) -> int:
    assert publication.position is not None  # what is kept has one
    return publication.position.offset


def _cost(publication: Publication) -> int:
    return _ENTRY_COST + memoryview(publication.data).nbytes
