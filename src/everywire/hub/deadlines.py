"""Many equal deadlines on one timer."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

from everywire.hub.world import Timer, World

__all__ = ["Deadlines"]

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """Calls `expire(key)` once for each key that was not discarded within `delay` seconds.

    Invariants: `_due` is ordered by its times, because every delay is the same; a timer is armed, for the
    first of them or earlier, whenever there is one.
    """

    def __init__(self, world: World, delay: float, expire: Callable[[K], None]) -> None:
        self._world = world
        self._delay = delay
        self._expire = expire
        self._due: dict[K, float] = {}
        self._timer: Timer | None = None

    def __contains__(self, key: object) -> bool:
        return key in self._due

    def __iter__(self) -> Iterator[K]:
        return iter([*self._due])

    def add(self, key: K) -> None:
        """Start the time for `key`, anew if it runs already."""
        self._due.pop(key, None)
        self._due[key] = self._world.now() + self._delay
        if self._timer is None:
            self._timer = self._world.later(self._delay, self._fire)

    def discard(self, key: K) -> None:
        """Stop the time for `key`; the timer is left to find nothing due."""
        self._due.pop(key, None)

    def close(self) -> None:
        """Forget all keys."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        now, fired = self._world.now(), self._timer
        try:
            while self._due:
                key, due = next(iter(self._due.items()))
                if due > now:
                    break
                del self._due[key]
                self._expire(key)  # if that adds one, it finds a timer: this one, until the next is armed
        finally:
            if self._timer is fired:
                self._timer = self._world.later(next(iter(self._due.values())) - now, self._fire) if self._due else None
