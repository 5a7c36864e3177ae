"""When entries of keyed channels are over."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import NamedTuple, Protocol, TypeAlias

__all__ = ["Expiries", "Expiry", "Later", "Timer"]


class Timer(Protocol):
    """Something due later."""

    def cancel(self) -> None: ...


Later: TypeAlias = Callable[[float, Callable[[], None]], Timer]
"""Calls a function in so many seconds."""


class Expiry(NamedTuple):
    """What was set at `offset` is over at `deadline`, `age` seconds after that."""

    deadline: float
    channel: str
    entry: str
    offset: int
    age: float


class Expiries:
    """One timer for the earliest of all deadlines; `over(channel, entry, offset, age)` is called for each that has passed.

    Deadlines are never taken back: an entry that was set again is at another offset, and `over` does nothing then. `holds(channel, entry,
    offset)` says whether it is still as it was, so that deadlines do not pile up. Without `later` they are seen by `look` alone.

    Invariants: a timer runs for the earliest deadline, or an earlier time, while there is any; `_sweep_at` is at least twice what was
    left by the last sweep.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        later: Later | None,
        holds: Callable[[str, str, int], bool],
        over: Callable[[str, str, int, float], None],
    ) -> None:
        self._clock = clock
        self._later = later
        self._holds = holds
        self._over = over
        self._heap: list[Expiry] = []
        self._sweep_at = 256
        self._timer: Timer | None = None
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, expiry: Expiry) -> None:
        """Have an entry over at its deadline."""
        heappush(self._heap, expiry)
        if len(self._heap) > self._sweep_at:
            self._heap = [each for each in self._heap if self._holds(*each[1:4])]
            heapify(self._heap)
            self._sweep_at = max(256, 2 * len(self._heap))
        self._wind()

    def look(self) -> None:
        """End what is over by now."""
        while self._heap and self._heap[0][0] <= self._clock():
            over = heappop(self._heap)
            self._over(over.channel, over.entry, over.offset, over.age)

    def close(self) -> None:
        """Forget all."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wind(self) -> None:
        """Have the timer run for the earliest deadline."""
        if self._later is None or not self._heap:
            return
        due = self._heap[0][0]
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self._later(max(0.0, due - self._clock()), self._fire)

    def _fire(self) -> None:
        self._timer = None
        self.look()
        self._wind()
