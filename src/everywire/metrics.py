"""Counters that anyone may bump; whoever wants to export them reads the attributes."""

from __future__ import annotations

__all__ = ["Metrics"]


class Metrics:
    """What one node has counted since it started: plain integers, because they are bumped on hot paths.

    One instance belongs to one event loop; nothing here is safe to bump from several threads.
    """

    __slots__ = (
        "commands",
        "deliveries",
        "evictions",
        "notes_malformed",
        "payloads_received",
        "publications",
        "recoveries",
        "recoveries_failed",
        "refusals",
        "repeats",
        "sessions_opened",
        "sessions_resumed",
    )

    def __init__(self) -> None:
        self.commands = 0
        self.deliveries = 0
        self.evictions = 0
        self.notes_malformed = 0
        self.payloads_received = 0
        self.publications = 0
        self.recoveries = 0
        self.recoveries_failed = 0
        self.refusals = 0
        self.repeats = 0
        self.sessions_opened = 0
        self.sessions_resumed = 0

    def snapshot(self) -> dict[str, int]:
        """Give every counter by its name, as of now."""
        return {name: getattr(self, name) for name in self.__slots__}
