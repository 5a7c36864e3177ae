"""Letting the clients of a hosted application go before its server ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Final

from everywire.engine.websocket import WebSocket
from everywire.errors import CloseCode
from everywire.servers import here
from everywire.servers.host.lifespan import where
from everywire.servers.websocket import Server

__all__ = ["Leaving"]

_log = logging.getLogger("everywire.host")
_TICK: Final = 0.02  # seconds between two looks
_WHY: Final = {CloseCode.SERVICE_RESTART: "the server restarts", CloseCode.GOING_AWAY: "the server is going away"}


class Leaving:
    """Closes the application's WebSockets with `code`, `pace` of them per second or all of them within `window` seconds, and waits until nothing is
    `under_way`: requests and conversations have `finish` seconds to come to their end.

    Those of an application that is mounted in it are let go by that: see `here`.

    Invariants: `_told` are those that were closed; `wait` ends once nobody is there and nothing is under way, or `_deadline` has passed. What is under way
    then is named in the log: it will be cut off.
    """

    def __init__(
        self, server: Server, under_way: Collection[asyncio.Task[Any]], code: CloseCode = CloseCode.SERVICE_RESTART
    ) -> None:
        self._server: Final = server
        self._under_way: Final = under_way
        self._code: Final = code
        self._told: set[object] = set()
        self._now: Final = asyncio.get_running_loop().time
        self._owed = 0.0
        self.hasten(0.0, 1.0, 0.0)

    def hasten(self, window: float, pace: float, finish: float) -> None:
        """Take other times, which begin now."""
        here = len(self._rest())
        self._rate = max(pace, here / window) if window else 0.0
        self._last = self._now()
        self._window = self._last + window
        self._deadline = self._last + max(window, finish)
        self._waited = max(window, finish) > 0

    async def wait(self) -> int:
        """Let them go; gives how many there were."""
        while True:
            rest = self._rest()
            now = self._now()
            over = now >= self._window
            self._owed = len(rest) if over else min(self._owed + self._rate * (now - self._last), len(rest))
            self._last = now
            for websocket in rest[: int(self._owed)]:
                self._owed -= 1
                self._told.add(websocket)
                websocket.start_close(self._code, _WHY[self._code])
            if not (self._here() or self._under_way):
                return len(self._told)
            if now >= self._deadline:
                if self._waited and self._under_way:
                    _log.warning(
                        "requests that are cut off: %d%s", len(self._under_way), where(next(iter(self._under_way)))
                    )
                return len(self._told)
            await asyncio.sleep(_TICK)

    def _here(self) -> list[WebSocket]:
        """Give the application's WebSockets: a task talks with each, which those of a hub do not have on its own server."""
        return [each for each in self._server.connections if each.task is not None and not here.apart(each.task)]

    def _rest(self) -> list[WebSocket]:
        """Give those that were not told yet."""
        return [each for each in self._here() if each not in self._told]
