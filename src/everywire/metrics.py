"""Counters that anyone may bump; whoever wants to export them reads the attributes."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Final

__all__ = ["Durations", "Metrics"]


class Durations:
    """How long something took, as counts per bucket: `bounds` are upper bounds in seconds, the last bucket has none.

    Invariants: `counts` has one entry more than `bounds`; `total` is the sum of all durations.
    """

    __slots__ = ("counts", "total")

    bounds: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

    def __init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    def snapshot(self) -> dict[str, Any]:
        """Give the counts, and their sum in seconds."""
        return {"counts": list(self.counts), "total": self.total}


class Metrics:
    """What one node has counted since it started: plain integers, because they are bumped on hot paths.

    `disconnects` counts transports by the code they closed with, `refused` commands by the code of their
    refusal, `dropped` publications that subscribers were not told, by their policy. One instance
    belongs to one event loop; nothing here is safe to bump from several threads.
    """

    __slots__ = (
        "broker_links",
        "bytes_received",
        "changes_dropped",
        "commands",
        "deliveries",
        "disconnects",
        "dropped",
        "evictions",
        "forwards",
        "limited",
        "losses",
        "notes_malformed",
        "occurrences_dropped",
        "payloads_received",
        "publications",
        "publish_seconds",
        "recoveries",
        "recoveries_failed",
        "refusals",
        "refused",
        "repairs",
        "repeats",
        "sessions_opened",
        "sessions_resumed",
    )

    def __init__(self) -> None:
        self.broker_links = 0
        self.bytes_received = 0
        self.changes_dropped = 0
        self.commands = 0
        self.deliveries = 0
        self.disconnects: dict[int, int] = {}
        self.dropped: dict[str, int] = {}
        self.evictions = 0
        self.forwards = 0
        self.limited = 0
        self.losses = 0
        self.notes_malformed = 0
        self.occurrences_dropped = 0
        self.payloads_received = 0
        self.publications = 0
        self.publish_seconds = Durations()
        self.recoveries = 0
        self.recoveries_failed = 0
        self.refusals = 0
        self.refused: dict[int, int] = {}
        self.repairs = 0
        self.repeats = 0
        self.sessions_opened = 0
        self.sessions_resumed = 0

    def snapshot(self) -> dict[str, int]:
        """Give every plain counter by its name, as of now."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if isinstance(value, int)}
