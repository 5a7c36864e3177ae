"""Records by name, each for its time."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Records"]


class Records:
    """Keeps records until their time is over.

    Invariants: what is over is forgotten when it is asked for, and all of it whenever the records have doubled.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._sweep_at = 1024

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, name: str, record: bytes, ttl: float) -> None:
        """Keep a record for `ttl` seconds."""
        self._kept[name] = (self._clock() + ttl, record)
        if len(self._kept) > self._sweep_at:
            self._sweep()

    def get(self, name: str) -> bytes | None:
        """Give the record, if its time is not over."""
        deadline, record = self._kept.get(name, (0.0, None))
        if record is not None and deadline <= self._clock():
            del self._kept[name]
            return None
        return record

    def drop(self, name: str) -> None:
        """Forget the record."""
        self._kept.pop(name, None)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()

    def _sweep(self) -> None:
        now = self._clock()
        self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > now}
        self._sweep_at = max(1024, 2 * len(self._kept))
