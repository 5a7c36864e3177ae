# cython: nonecheck=True
"""HTTP requests, answered by an ASGI application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from everywire.engine.drive import Driver, drive, spare
from everywire.http.request import Request, Response
from everywire.http.streamed import Streamed
from everywire.servers.host.exchange import Exchange
from everywire.servers.host.heads import Common

__all__ = ["EXTENSIONS", "HttpApp"]

EXTENSIONS: dict[str, Any] = {
    "http.response.trailers": {},
    "http.response.early_hint": {},
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
}


class HttpApp:
    """Has the ASGI application `app` answer requests; for one event loop.

    An application that answers without waiting for anything runs within the server's turn, in a task that is used again; any other has a task of its own.

    Invariants: `tasks` are those that have not ended, whether their response is complete or not; `_spare` is never running.
    """

    def __init__(
        self,
        app: Callable[..., Awaitable[object]],
        *,
        server: str | None = "everywire",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._common = Common(None if server is None else server.encode("latin-1"), clock)
        self._loop: Any = None
        self._spare: Driver | None = None
        self.tasks: set[asyncio.Task[Any]] = set()

    def answer(self, request: Request, scope: dict[str, Any]) -> Response | Streamed | Awaitable[Response | Streamed]:
        """Answer a request: give what the application says at once, or what that will be in; who cancels it is a client that is gone."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        exchange = Exchange(request, scope, loop, self._common)
        self._run(exchange)
        answer: Response | Streamed | None = exchange.answer
        if answer is None:
            return exchange.later()
        exchange.given = True
        return answer

    def _run(self, exchange: Exchange) -> None:
        coroutine = exchange.run(self._app)
        driver, self._spare = self._spare, None
        if driver is None or not driver.is_spare():
            if driver is not None and driver.coroutine is None:
                driver.retire()
            self._keep(drive(coroutine, self._loop))
        elif driver.try_run(coroutine):
            self._spare = driver
            error = driver.outcome()
            if isinstance(
                error, KeyboardInterrupt | SystemExit
            ):  # any other is answered for, and would end the turn of everybody
                raise error
            return
        else:
            self._keep(driver.task)
        if self._spare is None:
            self._spare = spare(self._loop)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def drain(self, seconds: float) -> None:
        """Give the application's tasks `seconds` to end, then cancel them; the last call."""
        if self.tasks:
            _, late = await asyncio.wait(self.tasks, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)
        driver, self._spare = self._spare, None
        if driver is not None and driver.coroutine is None:
            driver.retire()
