"""Requests that take their time to come: how many of one address are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from everywire.http.forwarded import site

__all__ = ["SlowRequests"]

_LOOK = 1.0  # seconds between two looks, at most


class _Opening(Protocol):
    since: float

    def slow(self) -> bool: ...

    def extra(self, name: str) -> object: ...

    def turn_away(self) -> None: ...


class SlowRequests:
    """Turns away what one address has begun and not completed beyond `most` requests, the oldest first.

    Who sends a request as others do is never counted: only what was there at an engine's sweep, and is still not complete when this one looks.
    Invariants: a timer is armed from `start` to `stop`, unless `most` is None.
    """

    def __init__(self, openings: Callable[[], Iterable[_Opening]], most: int | None) -> None:
        self._openings = openings
        self._most = most
        self._timer: asyncio.TimerHandle | None = None

    def start(self, every: float) -> None:
        """Look from now on, every `every` seconds or more often."""
        if self._most is not None:
            pause = min(_LOOK, every)
            self._timer = asyncio.get_running_loop().call_later(pause, self._turn, pause)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self, pause: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(pause, self._turn, pause)
        self.look()

    def look(self) -> None:
        """Turn away what is too much now."""
        if self._most is None:
            return
        found: dict[str, list[_Opening]] = {}
        for opening in self._openings():
            if opening.slow() and (address := _address(opening)) is not None:
                found.setdefault(address, []).append(opening)
        for openings in found.values():
            openings.sort(key=lambda opening: opening.since)
            for opening in openings[: max(0, len(openings) - self._most)]:
                opening.turn_away()


def _address(opening: _Opening) -> str | None:
    peer = opening.extra("peername")
    return site(str(peer[0])) if isinstance(peer, tuple) else None
