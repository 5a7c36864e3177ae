"""Which channels of this process are in which groups."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Final

__all__ = ["Groups"]


class Groups:
    """The members of each group that are in this process, until they are taken out, or for `expiry` seconds after they were last added.

    Invariants: no group in `all` is empty; the members of each are in the order in which they were added last, with the time of that.
    """

    def __init__(self, expiry: float) -> None:
        self.all: dict[str, dict[str, float]] = {}
        self._expiry: Final = expiry
        self._lock = threading.Lock()

    def add(self, group: str, channel: str) -> bool:
        """Have `channel` in the group; true where the group had nobody here before."""
        with self._lock:
            members = self.all.get(group)
            if first := members is None:
                members = self.all[group] = {}
            members.pop(channel, None)
            members[channel] = monotonic()
        return first

    def discard(self, group: str, channel: str) -> bool:
        """Have it there no longer; true where the group has nobody here now, and had."""
        with self._lock:
            members = self.all.get(group)
            if members is None:
                return False
            members.pop(channel, None)
            if members:
                return False
            del self.all[group]
        return True

    def members(self, group: str) -> list[str]:
        """Give the channels in the group, the one first that was added first."""
        with self._lock:
            members = self.all.get(group)
            if members is None:
                return []
            since = monotonic() - self._expiry
            while members and next(iter(members.values())) < since:
                del members[next(iter(members))]
            if not members:
                del self.all[group]
            return [*members]

    def clear(self) -> None:
        """Have nobody in any group."""
        with self._lock:
            self.all.clear()
