"""A WebSocket request, answered by an ASGI application: accepted, denied, talked with (WebSocket message format 2.5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from everywire.engine.drive import drive
from everywire.engine.inbox import READY, Shielded
from everywire.engine.websocket import WebSocket
from everywire.errors import CloseCode, Disconnected, closed, sendable
from everywire.http.redaction import shown
from everywire.http.request import Request, Response
from everywire.http.streamed import Streamed
from everywire.servers.host.conversation import ACCEPTED, ASKED, DENYING, OVER, TALKING, Conversation
from everywire.servers.host.denial import Denial
from everywire.servers.host.fields import fields
from everywire.servers.native import NAME, Native
from everywire.servers.websocket import Early, Server, Welcome
from everywire.ws.connection import OPEN

__all__ = ["Guest", "answer"]

log = logging.getLogger("everywire.host")

Message = dict[str, Any]
Application = Callable[[dict[str, Any], Any, Any], Awaitable[object]]

_EXTENSIONS: dict[str, Any] = {"websocket.http.response": {}}
_HANDSHAKE = frozenset(  # what the handshake says itself
    {"connection", "upgrade", "sec-websocket-accept", "sec-websocket-extensions", "transfer-encoding", "content-length"}
)


def answer(app: Application, request: Request, scope: dict[str, Any], server: Server) -> asyncio.Future[Early]:
    """Ask `app` about a WebSocket request; gives what `Server.process_request` gives, when the application has said it.

    Raises `AbortHandshake` for what is no handshake; the application never hears of that. `scope` is that of the request: "subprotocols" are those offered.
    """
    server.check(request)
    told = scope["extensions"]
    scope["extensions"] = {
        **_EXTENSIONS,
        **{name: told[name] for name in told if name == "tls"},
    }  # the others are HTTP's
    guest = Guest(app, scope, asyncio.get_running_loop(), server.options.read_limit)
    scope["extensions"][NAME] = Native(request, guest.answer)
    guest.name = f"{request.method} {shown(request.target)}"
    server.outlive(guest.begin())
    return guest.answer


class Guest(Conversation):
    """One ASGI application, asked about one WebSocket.

    `answer` is a future of what becomes of the request; who cancels it tells that the client is gone.
    """

    name = "a request"  # for the log

    def __init__(
        self, app: Application, scope: dict[str, Any], loop: asyncio.AbstractEventLoop, read_limit: int | None
    ) -> None:
        super().__init__(loop, (1 << 60) if read_limit is None else read_limit)
        self.app: Application | None = app  # None once it is over
        self.scope = scope
        self.answer: asyncio.Future[Early] = loop.create_future()
        self.answer.add_done_callback(self._answered)
        self.denial: Denial | None = None
        self.open: asyncio.Future[None] | None = None
        self.task: Any = None
        self.error: BaseException | None = None  # that ended the application while the WebSocket was being opened

    def begin(self) -> asyncio.Task[None]:
        """Start the application, in a driven task; give that."""
        self.task = drive(self._run(), self.loop)
        task: asyncio.Task[None] = self.task
        return task

    async def _run(self) -> None:
        try:
            assert self.app is not None
            result = await self.app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self.cancelled()
            raise
        except (Exception, SystemExit) as error:  # who exits in a consumer means that consumer
            if _only_gone(error) and not self.is_open():
                self.gone()
            else:
                self.raised(error)
        else:
            self.returned(result)
        finally:
            self.app = None

    def is_open(self) -> bool:
        """Say whether the WebSocket is open."""
        return self.websocket is not None and self.websocket.state == OPEN

    # How the application ends

    def raised(self, error: BaseException) -> None:
        """Answer for an application that raised: 500, or `failed`; the traceback is in the log, and nowhere else."""
        self.tell("error in the application", error)
        if self.phase == ACCEPTED:
            self.error = error
        elif self.is_open():
            self.failed()
        else:
            self._end_unanswered()

    def returned(self, result: object) -> None:
        """Close for an application that returned without having done so."""
        if self.phase in (ASKED, DENYING) and not self.answer.done():
            self.tell("the application returned without an answer")
            self._end_unanswered()
        elif self.is_open():
            self.parted_silently()
        elif self.denial is not None and self.phase == DENYING:
            self.denial.break_off()

    def tell(self, what: str, error: BaseException | None = None) -> None:
        """Say in the log what the application did wrong."""
        log.error("%s: %s", what, self.name, exc_info=error)

    def failed(self) -> None:
        """End an open WebSocket for an application that raised."""
        self.websocket.fail(CloseCode.INTERNAL_ERROR, "internal error")

    def parted_silently(self) -> None:
        """End an open WebSocket for an application that returned."""
        self.websocket.start_close(CloseCode.NORMAL, "")

    def cancelled(self) -> None:
        """Close for an application that was cancelled, by the server's end."""
        if self.is_open():
            self.websocket.start_close(CloseCode.GOING_AWAY, "")
        else:
            self.deny(Response(503, "the server is going away"))

    def _end_unanswered(self) -> None:
        if self.denial is not None and not self.denial.answered:
            self.deny(self.denial.answer(b"", more=False))
        elif self.denial is not None:
            self.denial.break_off()
        else:
            self.deny(Response(500, "Internal Server Error"))

    def deny(self, response: Response | Streamed) -> None:
        """Answer the request without a WebSocket."""
        if not self.answer.done():
            self.answer.set_result(response)
            self.inbox.end(closed(CloseCode.ABNORMAL))

    def _answered(self, answer: asyncio.Future[Early]) -> None:
        if answer.cancelled():
            self.gone()

    def gone(self) -> None:
        """Learn that the client went before there was a WebSocket."""
        if self.websocket is None:
            self.phase = OVER
            if self.denial is not None:
                self.denial.gone()
            if self.open is not None and not self.open.done():
                self.open.set_result(None)
            if self.inbox.error is None:
                self.inbox.end(closed(CloseCode.ABNORMAL))

    # What the application says

    def other(self, message: Message) -> Awaitable[None]:
        """Take an event that is no message of an open WebSocket."""
        kind = message["type"]
        if self.answer.cancelled():
            raise Disconnected("the client is gone")
        if self.phase == ASKED:
            return self._first(kind, message)
        if self.phase == ACCEPTED:
            return self._when_open(message)
        if self.phase == TALKING:
            return self._close(kind, message)
        if self.phase == DENYING:
            return self._body(kind, message)
        if self.websocket is None and not self.answer.done():
            raise Disconnected("the client is gone")
        raise RuntimeError(f"Unexpected ASGI message '{kind}', after sending 'websocket.close' or a response.")

    def _first(self, kind: str, message: Message) -> Awaitable[None]:
        if kind == "websocket.accept":
            return self._accept(message)
        if kind == "websocket.close":
            self.deny(Response(403))
            self.phase = OVER
            return READY
        if kind == "websocket.http.response.start":
            self._start_denial(message)
            return READY
        raise RuntimeError(
            "Expected ASGI message 'websocket.accept', 'websocket.close' or 'websocket.http.response.start' "
            f"but got '{kind}'."
        )

    def _accept(self, message: Message) -> Awaitable[None]:
        subprotocol = message.get("subprotocol")
        if subprotocol is not None and subprotocol not in self.scope["subprotocols"]:
            raise ValueError(f"the client did not offer the subprotocol {subprotocol!r}")
        headers = fields(message.get("headers") or (), _HANDSHAKE)
        if any(name.lower() == "sec-websocket-protocol" for name, _ in headers):
            raise ValueError("the subprotocol is chosen by 'subprotocol', not by a header")
        self.open = self.loop.create_future()
        self.phase = ACCEPTED
        self.welcome(subprotocol, headers)
        return Shielded(self.open)

    def welcome(self, subprotocol: str | None, headers: Sequence[tuple[str, str]]) -> None:
        """Answer the request by a WebSocket."""
        self.answer.set_result(Welcome(self.opened, subprotocol, headers, self.gone))

    def opened(self, websocket: WebSocket) -> None:
        """Go on with the WebSocket, which is open now."""
        super().opened(websocket)
        websocket.task = self.task
        if self.open is not None and not self.open.done():
            self.open.set_result(None)
        if self.error is not None:
            self.failed()
        elif self.app is None:
            self.parted_silently()

    async def _when_open(self, message: Message) -> None:
        assert self.open is not None
        await asyncio.shield(self.open)
        if self.phase == OVER:
            raise Disconnected("the client is gone")
        await self.send(message)

    async def wait(self, message: Message) -> None:
        """Say `message` when there is room for it."""
        while (websocket := self.websocket).state == OPEN and websocket.queued() > websocket.manner.high:
            await websocket.drain()
        await self.send(message)

    def _close(self, kind: str, message: Message) -> Awaitable[None]:
        if kind != "websocket.close":
            raise RuntimeError(f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{kind}'.")
        code = message.get("code", CloseCode.NORMAL)
        reason = message.get("reason") or ""
        if not isinstance(code, int) or not sendable(code):
            raise ValueError(f"not a close code that may be sent: {code!r}")
        if not isinstance(reason, str):
            raise TypeError(f"the reason of a websocket.close is {type(reason).__name__}")
        if not self.is_open():
            raise Disconnected("the client is gone")
        self.phase = OVER
        self.websocket.start_close(code, reason)
        self.inbox.end(closed(code, reason))
        return READY

    def _start_denial(self, message: Message) -> None:
        status = message["status"]
        if not isinstance(status, int) or not 200 <= status < 600:
            raise RuntimeError(f"Invalid HTTP status code '{status}' in response.")
        self.denial = Denial(status, fields(message.get("headers") or ()), self.loop)
        self.phase = DENYING

    def _body(self, kind: str, message: Message) -> Awaitable[None]:
        if kind != "websocket.http.response.body":
            raise RuntimeError(f"Expected ASGI message 'websocket.http.response.body' but got '{kind}'.")
        assert self.denial is not None
        body = message.get("body", b"")
        if not isinstance(body, bytes | bytearray | memoryview):
            raise TypeError(f"the body of a response is {type(body).__name__}")
        more = bool(message.get("more_body", False))
        if not more:
            self.phase = OVER
        if self.denial.answered:
            return self.denial.write(bytes(body), more=more)
        self.deny(self.denial.answer(bytes(body), more=more))
        return READY


def _only_gone(error: BaseException) -> bool:
    """Say whether an error tells nothing but that the client is gone."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(Disconnected)[1] is None
    return isinstance(error, Disconnected)
