"""The map of a keyed channel, as far as it was told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from everywire.client.wire import Position, Publication, Subscribed

__all__ = ["KeyedMap"]


class KeyedMap:
    """The last publication of each entry.

    It may be told in pages; between two of them the map is not whole, and `asked_on` is where the next begins: never from `since` alone.

    Invariants: `_stale` are entries that an answer which begins anew has not named yet; they go when its last page has come.
    """

    def __init__(self) -> None:
        self.entries: dict[str, Publication[Any]] = {}
        self.asked_on: tuple[Position, Any] | None = None
        self._stale: set[str] = set()
        self.epoch: str | None = None

    def told(self, answer: Subscribed) -> Iterator[Publication[Any]]:
        """Take one page; give what it changes, in order."""
        assert answer.entries is not None
        assert answer.epoch is not None
        if not answer.recovered:
            self._stale = set(self.entries)
        news = self.epoch != answer.epoch
        for publication in answer.entries:
            name = publication.entry or ""
            known = self.entries.get(name)
            self._stale.discard(name)
            if publication.removed and known is None:
                continue
            if publication.removed or known is None or news or known.offset != publication.offset:
                yield publication
        if answer.more is not None:
            self.asked_on = (Position(answer.epoch, answer.offset), answer.after)
            return
        self.asked_on, self.epoch = None, answer.epoch
        stale, self._stale = self._stale, set()
        for name in sorted(stale):
            yield Publication(None, entry=name, removed=True)

    def change(self, publication: Publication[Any]) -> None:
        """Set or remove one entry."""
        if publication.entry is None:
            return
        if publication.removed:
            self.entries.pop(publication.entry, None)
        else:
            self.entries[publication.entry] = publication
