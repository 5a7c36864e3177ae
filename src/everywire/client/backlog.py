"""What was heard of a channel and not taken yet."""

from __future__ import annotations

from collections import deque
from typing import Any

from everywire.client.wire import Position, Publication

__all__ = ["Backlog"]


class Backlog:
    """Publications, and errors in their places, until an iteration takes them; each with the position after it.

    Invariants: in the order in which they came; positions never fall; an item without a position of its own leaves the iteration where it was.
    """

    def __init__(self, limit: int) -> None:
        self._limit = self._bound = limit
        self._items: deque[tuple[Publication[Any] | Exception, Position | None]] = deque()
        self._told: set[str] = set()  # entries that whoever iterates believes to be set

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether it holds as many as it should."""
        return len(self._items) >= self._bound

    def ends_with(self, kind: type[Exception]) -> bool:
        """Whether an error of that kind is the last."""
        return bool(self._items) and isinstance(self._items[-1][0], kind)

    def put(self, item: Publication[Any] | Exception, place: Position | None) -> None:
        """Add one."""
        self._items.append((item, place))

    def advance(self, place: Position) -> None:
        """Move the position after the last item: what lies between is not for us."""
        if self._items:
            self._items.append((self._items.pop()[0], place))

    def take(self) -> tuple[Publication[Any] | Exception, Position | None]:
        """Give the first."""
        item, place = self._items.popleft()
        if len(self._items) < self._limit:
            self._bound = self._limit
        if isinstance(item, Publication) and item.entry is not None:
            (self._told.discard if item.removed else self._told.add)(item.entry)
        return item, place

    def compact(self) -> None:
        """Keep the last change of each entry, and no removal of what nobody was told of: as many at most as there are entries, there and told."""
        last = {item.entry: place for place, (item, _) in enumerate(self._items) if isinstance(item, Publication)}
        kept: deque[tuple[Publication[Any] | Exception, Position | None]] = deque()
        for number, (item, place) in enumerate(self._items):
            if not isinstance(item, Publication) or (
                last[item.entry] == number and (not item.removed or item.entry in self._told)
            ):
                kept.append((item, place))
        self._items = kept
        self._bound = max(self._limit, 2 * len(kept))  # or each publication more would cost as much as all of them

    def clear(self) -> None:
        """Leave out everything."""
        self._items.clear()
