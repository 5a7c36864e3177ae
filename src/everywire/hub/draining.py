"""Letting a node's clients go, one after another, before it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from everywire.hub.codes import Close

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["Draining"]

_TICK = 0.02  # seconds between two goodbyes


class Draining:
    """Closes every transport with 1012: `pace` of them per second, or faster where all would not be gone within `window` seconds.

    Clients come back at once, to whoever serves then; all of them in one moment would be a storm of our own making.
    """

    def __init__(self, hub: Hub, window: float, pace: float) -> None:
        self._hub = hub
        self._window = window
        self._rate = max(pace, len(hub.attachments) / window) if window else 0.0
        self._count = 0
        self._owed = 0.0
        self._last = hub.world.now()
        self._over: asyncio.Event = asyncio.Event()

    async def wait(self) -> int:
        """Let them go; gives how many there were."""
        self._tick()
        await self._over.wait()
        return self._count

    def _tick(self) -> None:
        here = len(self._hub.attachments)
        if not here:
            self._over.set()
            return
        now = self._hub.world.now()
        if self._window:
            # What a stall kept back is not made up for: the end is late by that instead.
            self._owed += self._rate * min(now - self._last, 2 * _TICK)
        else:
            self._owed = here
        self._last = now
        for attachment in [*self._hub.attachments][: int(self._owed)]:
            self._owed -= 1
            self._count += 1
            attachment.close(Close.RESTART, "the server restarts")
        self._hub.world.later(_TICK, self._tick)
