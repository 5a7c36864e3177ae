"""Records by name, each for its time."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Records"]


_COST = 250  # bytes that a record takes beside its name and what it holds, roughly


class Records:
    """Keeps records until their time is over, within `budget` bytes: beyond them those go that were put longest ago.

    Invariants: what is over is forgotten when it is asked for, and all of it whenever the records have doubled; `_kept` is in the
    order in which records were put; `cost` is what they take.
    """

    def __init__(self, clock: Callable[[], float], budget: int = 64 * 1024 * 1024) -> None:
        self._clock = clock
        self._budget = budget
        self.cost = 0
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._sweep_at = 1024

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, name: str, record: bytes, ttl: float) -> None:
        """Keep a record for `ttl` seconds."""
        self.drop(name)
        self._kept[name] = (self._clock() + ttl, record)
        self.cost += _COST + len(name) + len(record)
        while self.cost > self._budget and len(self._kept) > 1:
            self.drop(next(iter(self._kept)))
        if len(self._kept) > self._sweep_at:
            self._sweep()

    def get(self, name: str) -> bytes | None:
        """Give the record, if its time is not over."""
        deadline, record = self._kept.get(name, (0.0, None))
        if record is not None and deadline <= self._clock():
            self.drop(name)
            return None
        return record

    def drop(self, name: str) -> None:
        """Forget the record."""
        known = self._kept.pop(name, None)
        if known is not None:
            self.cost -= _COST + len(name) + len(known[1])

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self.cost = 0

    def _sweep(self) -> None:
        now = self._clock()
        for name in [name for name, (deadline, _) in self._kept.items() if deadline <= now]:
            self.drop(name)
        self._sweep_at = max(1024, 2 * len(self._kept))
