"""The HTTP response by which an application denies a WebSocket (extension "websocket.http.response")."""

from __future__ import annotations

import asyncio

from everywire.errors import Disconnected
from everywire.http.request import Response
from everywire.http.streamed import Outlet, Streamed
from everywire.servers.host.fields import OF_BODY

__all__ = ["Denial"]

_HIGH = 1 << 16  # bytes of the body that wait for a client, above which the application does


class Denial:
    """One denying response, of which the body comes in pieces.

    Invariants: `outlet` is set once the head is written; `room` only while the application waits.
    """

    def __init__(self, status: int, headers: list[tuple[str, str]], loop: asyncio.AbstractEventLoop) -> None:
        self.status = status
        self.headers = headers
        self.loop = loop
        self.answered = False
        self.outlet: Outlet | None = None
        self.room: asyncio.Future[None] | None = None
        self.gone_away = False
        self.first = b""

    def answer(self, body: bytes, *, more: bool) -> Response | Streamed:
        """Give the answer that begins with `body`, or is that alone."""
        self.answered = True
        headers = [pair for pair in self.headers if pair[0].lower() not in OF_BODY]
        if not more:
            return Response(self.status, body, headers)
        self.first = body
        return Streamed(self.status, self._start, headers, self.gone)

    def _start(self, outlet: Outlet) -> Denial:
        self.outlet = outlet
        if self.first:
            outlet.write(self.first)
        self.drained()
        return self

    async def write(self, data: bytes, *, more: bool) -> None:
        """Add a piece; `Disconnected` where the client is gone."""
        while not self.gone_away and (self.outlet is None or self.outlet.queued() > _HIGH):
            if self.room is None:
                self.room = self.loop.create_future()
                if self.outlet is not None:
                    self.outlet.crowd(_HIGH // 2)
            await asyncio.shield(self.room)
        if self.gone_away or self.outlet is None:
            raise Disconnected("the client is gone")
        if data:
            self.outlet.write(data)
        if not more:
            self.outlet.end()

    def break_off(self) -> None:
        """End a body that the application does not complete, so that the client sees it."""
        if self.outlet is not None:
            self.outlet.abort()

    # What an outlet tells

    def drained(self) -> None:
        """Let the application go on."""
        room, self.room = self.room, None
        if room is not None and not room.done():
            room.set_result(None)

    def gone(self) -> None:
        """Learn that the client is gone."""
        self.gone_away = True
        self.drained()
