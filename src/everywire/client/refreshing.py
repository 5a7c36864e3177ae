"""Showing a newer token before the one shown last expires."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from everywire.client.tokens import NoToken, Token, ask
from everywire.errors import ConnectionClosed, Refused

__all__ = ["Refreshing"]

log = logging.getLogger("everywire.client")

_MARGIN = 30.0  # seconds before the end; of a shorter life, its last quarter
_AGAIN = 5.0  # seconds until the application is asked again, where it gave none


class Refreshing:
    """Asks the application for a token in time, and shows it by `show(token)`, which gives for how many milliseconds it holds.

    Where the token is text there is none that is newer. What goes wrong is logged: when the token has expired the server closes with 4402, and the next
    connection asks the application anyway.

    Invariants: at most one task, and none without a connection.
    """

    def __init__(self, token: Token | None, show: Callable[[str], Awaitable[float | None]]) -> None:
        self._token = token
        self._show = show
        self._task: asyncio.Task[None] | None = None

    def welcomed(self, expires: float | None) -> None:
        """A connection holds for `expires` milliseconds."""
        if expires is not None and callable(self._token):
            self._task = asyncio.get_running_loop().create_task(self._run(expires / 1000))

    def lost(self) -> None:
        """The connection is gone."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self, left: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + left
        try:
            while True:
                await asyncio.sleep(max(0.0, left - min(_MARGIN, left / 4)))
                try:
                    token = await ask(self._token)
                    expires = await self._show(token or "")
                except NoToken as none:
                    log.warning("the token is not refreshed: %s", none)
                    left = min(_AGAIN, (end - loop.time()) / 2)
                    await asyncio.sleep(max(0.1, left))
                    left = 0.0
                    continue
                if expires is None:
                    return
                left = expires / 1000
                end = loop.time() + left
        except (Refused, ConnectionClosed, TimeoutError) as no:
            log.warning("the token is not refreshed: %s", no)
