"""Letting a node's clients go, one after another, before it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from everywire.hub.codes import Close

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub

__all__ = ["Draining"]

_TICK: Final = 0.02  # seconds between two goodbyes
_WHY: Final = {Close.RESTART: "the server restarts", Close.GOING_AWAY: "the server is going away"}


class Draining:
    """Closes every transport with `code`: `pace` of them per second, or faster where all would not be gone within `window` seconds.

    Clients come back at once, to whoever serves then; all of them in one moment would be a storm of our own making. One that something is under
    way for (a command, a call, a stream) keeps its place until that is over, and what it says meanwhile is answered as ever, for `finish` seconds
    at most: who is not done then goes at the same pace, early enough for the last of them to be gone by that time.

    Who comes meanwhile, over a connection that was kept, is let go as well. After both times only those that are there then are waited for: else
    a balancer that keeps asking over its connections would hold up the end for ever.

    Invariants: `_over` is set once nobody is there, or none of `_last_ones`, who are there when both times are over; before that it is None.
    """

    def __init__(self, hub: Hub, window: float, pace: float, finish: float = 0.0, code: Close = Close.RESTART) -> None:
        self._hub: Final = hub
        self._code: Final = code
        self._count = 0
        self._owed = 0.0
        self._last = hub.world.now()
        self._over: Final = asyncio.Event()
        self.hasten(window, pace, finish)

    def hasten(self, window: float, pace: float, finish: float) -> None:
        """Take other times, which begin now."""
        here = len(self._hub.attachments)
        self._window = window
        self._rate = max(pace, here / window) if window else 0.0
        self._deadline = self._hub.world.now() + finish
        self._end = self._hub.world.now() + max(window, finish)
        self._last_ones: set[Attachment] | None = None

    async def wait(self) -> int:
        """Let them go; gives how many there were."""
        self._tick()
        await self._over.wait()
        return self._count

    def _tick(self) -> None:
        here, now = len(self._hub.attachments), self._hub.world.now()
        if self._last_ones is None and now >= self._end:
            self._last_ones = {*self._hub.attachments}
        if not here or (self._last_ones is not None and self._last_ones.isdisjoint(self._hub.attachments)):
            self._over.set()
            return
        if self._window:
            # What a stall kept back is not made up for: the end is late by that instead.
            self._owed += self._rate * min(now - self._last, 2 * _TICK)
        else:
            self._owed = here
        self._last = now
        self._let_go(forced=now + (here / self._rate if self._window else 0.0) >= self._deadline)
        self._hub.world.later(_TICK, self._tick)

    def _let_go(self, *, forced: bool) -> None:
        """Say as many goodbyes as are owed."""
        for attachment in [*self._hub.attachments]:
            if self._owed < 1:
                return
            if attachment.open and (forced or not _occupied(attachment)):  # not gone with another on its transport
                self._owed -= 1
                self._count += 1
                attachment.close(self._code, _WHY[self._code])
        self._owed = min(self._owed, 1.0)  # those that are occupied are not to go in a crowd later


def _occupied(attachment: Attachment) -> bool:
    """Say whether something is under way that its client asked for, or was asked for, in any of its sessions: one takes the others along."""
    sharing = attachment.bundle.sessions if attachment.bundle is not None else ()
    others = [each.attachment for each in sharing if each.attachment is not None]
    return _at_work(attachment) or any(map(_at_work, others))


def _at_work(attachment: Attachment) -> bool:
    calls = attachment.calls
    asked = calls is not None and (calls.running or calls.asked)
    return bool(attachment.busy or attachment.refreshing or attachment.inbox or asked)
