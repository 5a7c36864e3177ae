"""When the tokens of sessions expire: many times on one timer, by the clock on the wall."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from everywire.hub.session import Session
from everywire.hub.world import Timer, World

if TYPE_CHECKING:
    from everywire.hub.continuity.continuing import Earlier

__all__ = ["Expiries"]

_LOOK: Final = 30.0  # seconds; the wall's clock may be set, so it is looked at at least that often


class Expiries:
    """Calls `expire(session)` within a second after its identity's time, and `grace` seconds more, are over.

    Invariants: each session with a time stands under exactly one second of `_due`; `_seconds` is a heap of all keys of `_due`; a
    timer is armed whenever there is one.
    """

    def __init__(self, world: World, grace: float, expire: Callable[[Session], None]) -> None:
        self._world = world
        self._grace = grace
        self._expire = expire
        self._due: dict[int, dict[Session, None]] = {}
        self._seconds: list[int] = []
        self._homes: dict[Session, int] = {}
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._homes)

    def now(self) -> float:
        """Give seconds since 1970."""
        return self._world.wall() / 1000

    def over(self, session: Session | Earlier) -> bool:
        """Say whether the session's time and grace are over."""
        expires = session.identity.expires
        return expires is not None and self.now() >= expires + self._grace

    def left(self, session: Session) -> float | None:
        """Give the seconds until the session's token has to be refreshed; None where it never has."""
        expires = session.identity.expires
        return max(0.0, expires - self.now()) if expires is not None else None

    def add(self, session: Session) -> None:
        """Watch the session's time, in place of an earlier one."""
        self.discard(session)
        expires = session.identity.expires
        if expires is None:
            return
        second = math.ceil(expires + self._grace)
        self._homes[session] = second
        if second not in self._due:
            self._due[second] = {}
            heappush(self._seconds, second)
        self._due[second][session] = None
        if self._seconds[0] == second:
            self._arm()

    def discard(self, session: Session) -> None:
        """Watch it no longer."""
        second = self._homes.pop(session, None)
        if second is not None:
            del self._due[second][session]

    def close(self) -> None:
        """Watch nothing any more."""
        self._due.clear()
        self._seconds.clear()
        self._homes.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._seconds:
            self._timer = self._world.later(min(max(0.0, self._seconds[0] - self.now()), _LOOK), self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self.now()
        while self._seconds and self._seconds[0] <= now:
            for session in self._due.pop(heappop(self._seconds)):
                del self._homes[session]
                self._expire(session)
        self._arm()
