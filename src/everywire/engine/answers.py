"""What a request is answered with, and by whom."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from everywire.engine.websocket import WebSocket
from everywire.errors import HandshakeError
from everywire.http.handed import Handed
from everywire.http.head import HeadLimits
from everywire.http.redaction import shown
from everywire.http.request import Request, Response
from everywire.http.streamed import Streamed

if TYPE_CHECKING:
    from everywire.engine.opening import Opening

__all__ = ["Accepted", "Answer", "Site", "excuse", "given_up", "refusal"]

log = logging.getLogger("everywire.http")


class Accepted:
    """A request that becomes a WebSocket: the `response` (the 101 as bytes; a Response over HTTP/2), the connection, and what to call once it is open.

    `missed` is called in its place where the client was gone by then.
    """

    __slots__ = ("missed", "opened", "response", "websocket")

    def __init__(
        self,
        response: Response | bytes,
        websocket: WebSocket,
        opened: Callable[[WebSocket], object],
        missed: Callable[[], object] | None = None,
    ) -> None:
        self.response = response
        self.websocket = websocket
        self.opened = opened
        self.missed = missed


Answer = Response | Streamed | Accepted | Handed


class Site(Protocol):
    """Who answers requests. `limits` bound them; an idle keep-alive ends after `idle_timeout` seconds.

    A head must be there within `open_timeout` seconds, a body within what `limits.rate` adds to that; a WebSocket's handshake be answered.
    `streamed_bodies`: it answers requests before their bodies have come.
    """

    limits: HeadLimits
    open_timeout: float | None
    idle_timeout: float
    streamed_bodies: bool

    def answer(self, request: Request, loop: Any) -> Answer | Awaitable[Answer]:
        """Give the response, the WebSocket that it becomes, or who answers it elsewhere."""
        ...

    def joined(self, opening: Opening) -> None:
        """Learn of a new connection."""
        ...

    def left(self, opening: Opening) -> None:
        """Learn that it is gone, or has become a WebSocket."""
        ...


def given_up(request: Request, task: asyncio.Future[Any]) -> None:
    """Say in the log how an answer ended that nobody waits for any more, if it was an error; else tell the answer, where it wants to know (`missed`)."""
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        log.error("error while answering %s, which nobody waits for", shown(request.target), exc_info=error)
    elif (missed := getattr(task.result(), "missed", None)) is not None:
        missed()


def excuse(request: Request, error: BaseException, *, last: bool = False) -> Response:
    """Make the answer that an error leads to; one that is ours is told in the log alone. `last` as in `refusal`."""
    if isinstance(error, HandshakeError):
        return refusal(error, last=last)
    log.error("error while answering %s", shown(request.target), exc_info=error)
    return Response(500, "internal error")


def refusal(error: HandshakeError, *, last: bool = False) -> Response:
    """Make the response that refuses a request; `last` says that what follows it is never read as another one."""
    status = error.status or 400
    log.info("refused a handshake: %d %s", status, error.reason)
    headers = getattr(error, "headers", ())
    return Response(
        status, error.reason + "\n", [*headers, ("Connection", "close")] if last and status != 426 else headers
    )
