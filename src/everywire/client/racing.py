"""Two ways to one server at the same time: the first that brings a message stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from everywire.client.link import Dial, Socket
from everywire.errors import CloseCode

__all__ = ["Race"]

_CONTINUED = 4409  # the session went on over another connection
_PHOTO_FINISH = 10.0  # seconds after a race in which that other connection may be the one that lost


class Race:
    """A `Socket` that has a `rival` dialled where it brings nothing; `won(place)` says which of the two, 0 or 1, brought something first.

    What is said before anything is heard is said to both. The loser is cut, not closed: the server may have heard both, and what it has is one session
    then. Where that went on with the loser, the winner ends with a code that lets its client connect again.

    Invariants: `_open` has the sockets that run, by place, the winner's alone once it is there; `_said` is what was said until then; `down` is called once.
    """

    def __init__(
        self,
        heard: Callable[[str | bytes], None],
        down: Callable[[int, str], None],
        rival: Dial,
        won: Callable[[int], None],
    ) -> None:
        self.send: Callable[[str | bytes], object] = self._say
        self._heard, self._down, self._rival, self._won = heard, down, rival, won
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, Socket] = {}
        self._said: list[str | bytes] = []
        self._winner: int | None = None
        self._over = False
        self._finish = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._dialling: asyncio.Task[None] | None = None

    @property
    def silent(self) -> bool:
        """Whether nothing was heard."""
        return self._winner is None

    async def open(self, first: Dial, wait: float | None) -> None:
        """Open the first; the rival follows after `wait` seconds of silence. Raises what `first` raises."""
        self._open[0] = await first(*self._ends(0))
        if wait is not None and self._winner is None and not self._over:
            self._timer = self._loop.call_later(wait, self._late)
        self._settle()

    async def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close what runs."""
        self._stop()
        await asyncio.gather(*[each.close(code, reason) for each in self._open.values()])

    def abort(self) -> None:
        """Cut what runs."""
        self._stop()
        for each in [*self._open.values()]:
            each.abort()

    def _ends(self, place: int) -> tuple[Callable[[str | bytes], None], Callable[[int, str], None]]:
        def hears(message: str | bytes) -> None:
            if self._winner is None and not self._over:
                self._wins(place)
            if self._winner == place:
                self._heard(message)

        return hears, lambda code, reason: self._ended(place, code, reason)

    def _wins(self, place: int) -> None:
        self._winner = place
        if self._dialling is not None:
            self._finish = self._loop.time() + _PHOTO_FINISH
        self._won(place)
        self._settle()

    def _settle(self) -> None:
        """Go on with the winner alone, once it has won and is open: it may bring something before it says that it is."""
        if self._winner is None or self._winner not in self._open:
            return
        self._stop()
        self._said.clear()
        winner = self._open.pop(self._winner)
        losers, self._open = self._open, {self._winner: winner}
        self.send = winner.send
        for each in losers.values():
            each.abort()

    def _ended(self, place: int, code: int, reason: str) -> None:
        self._open.pop(place, None)
        if self._over or self._winner not in (None, place):
            return
        if self._winner is None and code == CloseCode.ABNORMAL and (self._open or self._under_way):
            return  # the other one may bring something yet
        self._over = True
        self.abort()
        ours = code == _CONTINUED and self._loop.time() < self._finish
        self._down(CloseCode.ABNORMAL if ours else code, reason)

    def _say(self, message: str | bytes) -> None:
        self._said.append(message)
        for each in [*self._open.values()]:
            each.send(message)

    @property
    def _under_way(self) -> bool:
        task = self._dialling
        return task is not None and not task.done() and task is not asyncio.current_task(self._loop)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._dialling is not None and self._under_way:
            self._dialling.cancel()
            self._dialling = None

    def _late(self) -> None:
        self._dialling = self._loop.create_task(self._dial())

    async def _dial(self) -> None:
        try:
            rival = await self._rival(*self._ends(1))
        except Exception as error:
            self._ended(1, CloseCode.ABNORMAL, str(error))
            return
        self._open[1] = rival
        for message in self._said:
            rival.send(message)
        self._settle()
