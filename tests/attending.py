"""An application as tests of official clients have it: it knows who is there, and a test can wait for what it becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from everywire import Caller, Everywire

__all__ = ["Attended"]


class Attended(Everywire):
    """Keeps who is connected; whoever changes what tests wait for sets `news`.

    Invariants: `callers` are the sessions that are connected, in the order of their coming.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(secret="a secret of some length", **options)
        self.callers: list[Caller] = []
        self.news = asyncio.Event()

    def caller(self, session: str) -> Caller:
        """Give the session of that name."""
        return next(caller for caller in self.callers if caller.session == session)

    async def until(self, there: Callable[[], object]) -> None:
        """Wait until something is so, as far as handlers and hooks make it so."""
        async with asyncio.timeout(10):
            while not there():
                self.news.clear()
                await self.news.wait()
