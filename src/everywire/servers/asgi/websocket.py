"""WebSockets over ASGI (asgiref, specs/www.rst, "WebSocket")."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Sequence
from inspect import isawaitable
from typing import Any, Final, Protocol

from everywire.engine.answers import excuse, given_up
from everywire.engine.websocket import WebSocket
from everywire.errors import CloseCode, EverywireError, reconnectable
from everywire.gateway import Answer, Gateway
from everywire.http.handed import Handed
from everywire.http.request import Request, Response
from everywire.hub.codes import Close
from everywire.servers.asgi.http import Answering, respond
from everywire.servers.asgi.passing import Passed, taken
from everywire.servers.asgi.request import Receive, Scope, Send, from_scope
from everywire.servers.native import offered
from everywire.servers.websocket import Welcome
from everywire.transports.foreign import ForeignWebSocket

__all__ = ["Opened", "Serving", "answer_websocket"]

_LATE: Final = Response(503, "the handshake was not answered in time\n")
_DENIAL = "websocket.http.response"
_PRIVATE = 3000  # from here on codes are nobody's but the application's, and libraries' (RFC 6455 7.4.2)
_LAST = 0.5  # seconds for a goodbye when the host gives up
_LONGEST = 123  # bytes of a reason (RFC 6455 5.5)
_log = logging.getLogger("everywire.websocket")


class Serving(Answering, Protocol):
    """The application, as a WebSocket sees it; a message has at most `max_size` bytes, its last words `close_timeout` seconds to leave."""

    gateway: Gateway
    max_size: float
    close_timeout: float
    opened: set[Opened]

    def subprotocol(self, offered: Sequence[str]) -> str | None:
        """Choose one of the subprotocols that a client offers."""


class _Left(Exception):
    """The client left before it was answered."""


async def answer_websocket(site: Serving, scope: Scope, receive: Receive, send: Send) -> None:
    """Carry one WebSocket from its handshake to its end."""
    if (await receive())["type"] != "websocket.connect":
        return
    request = from_scope(scope)
    handshake = _Handshake(site, request, receive)
    try:
        refusal: Answer | Handed | Passed | None = await handshake.answer()
        if isinstance(refusal, Handed):
            refusal = await taken(refusal, request, site.open_timeout)
        if isinstance(refusal, Passed):
            await send({"type": "websocket.accept", "subprotocol": refusal.subprotocol})
            await refusal.run(handshake.coming, receive, send)
            return
        if (native := offered(scope)) is not None:
            native.take(_welcome(site, request) if refusal is None else refusal)
            return
        if refusal is not None:
            await _refuse(scope, send, request, refusal)
            return
        await send({"type": "websocket.accept", "subprotocol": site.subprotocol(scope.get("subprotocols") or ())})
        await Opened(site, request, send).run(handshake.coming, receive)
    except (_Left, OSError):  # whoever sends to a client that is gone may be told so
        pass
    finally:
        handshake.end()


async def _refuse(scope: Scope, send: Send, request: Request, refusal: Answer) -> None:
    """Say why not, where the host can do that; else it answers 403."""
    if _DENIAL in (scope.get("extensions") or {}):
        await respond(send, request, refusal, _DENIAL)
    else:
        await send({"type": "websocket.close"})


def _welcome(site: Serving, request: Request) -> Welcome:
    """Have a server of ours, which hosts what we are mounted in, open a WebSocket of its own for us."""
    assert request.scope is not None
    gateway: Any = site.gateway

    def opened(websocket: WebSocket) -> None:
        left = websocket.on_close

        def closed(_: WebSocket, code: int, reason: str) -> None:
            if left is not None:
                left(websocket, code, reason)
            gateway.closed(websocket, code, reason)

        websocket.opened_by = request  # whose target begins where we are mounted
        websocket.on_message, websocket.on_close = gateway.received, closed
        try:
            gateway.opened(websocket)
        except Exception as error:
            websocket.broken(error)

    return Welcome(opened, site.subprotocol(request.scope.get("subprotocols") or ()))


class _Handshake:
    """What becomes of a request for a WebSocket; while that takes time, what the host tells next is waited for as well: `coming`."""

    def __init__(self, site: Serving, request: Request, receive: Receive) -> None:
        self._site = site
        self._request = request
        self._receive = receive
        self.coming: asyncio.Future[Any] | None = None

    async def answer(self) -> Answer | Handed | None:
        """Give the refusal, or who answers elsewhere; None where there is neither. `_Left` where the client did not wait."""
        try:
            given = self._site.answer(self._request)
        except Exception as error:
            return excuse(self._request, error)
        return await self._settled(given) if isawaitable(given) else given

    async def _settled(self, given: Awaitable[Answer | None]) -> Answer | None:
        asked, self.coming = asyncio.ensure_future(given), asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait({asked, self.coming}, timeout=self._site.open_timeout, return_when="FIRST_COMPLETED")
            if self.coming.done() and self.coming.result()["type"] == "websocket.disconnect":
                raise _Left
            if not asked.done() and self.coming.done():  # a host that tells of the connect once more
                await asyncio.wait({asked}, timeout=self._site.open_timeout)
            if not asked.done():
                return _LATE
        finally:
            if not asked.done():
                asked.cancel()
                asked.add_done_callback(lambda task: given_up(self._request, task))
        error = asked.exception()
        return excuse(self._request, error) if error is not None else asked.result()

    def end(self) -> None:
        """Wait for nothing more."""
        if self.coming is not None:
            self.coming.cancel()


class Opened:
    """A WebSocket that was accepted, until its end.

    Invariants: `_limit` is there while it runs; it ends then what still waits: at once when all is said, `close_timeout` seconds after the end began otherwise.
    """

    def __init__(self, site: Serving, request: Request, send: Send) -> None:
        self._site = site
        self._send = send
        self._limit: asyncio.Timeout | None = None
        self._left = False
        self.over: Final = asyncio.Event()
        self.websocket: Final = ForeignWebSocket(request, site.gateway.settings.limits, self._ending)

    async def run(self, coming: asyncio.Future[Any] | None, receive: Receive) -> None:
        """Carry what is said, both ways; `coming` is what was told already, or is waited for."""
        self._site.opened.add(self)
        sending: asyncio.Future[None] | None = None
        code, reason = int(CloseCode.ABNORMAL), ""
        try:
            async with asyncio.timeout(None) as self._limit:
                self._guarded(self._site.gateway.opened, self.websocket)
                sending = asyncio.ensure_future(self._send_all())
                code, reason = await self._receive_all(coming, receive)
        except TimeoutError:
            code, reason = self.websocket.ending or (code, reason)
        except asyncio.CancelledError:
            await self._given_up()
            raise
        finally:
            self._limit = None
            self._left = True
            self.websocket.gone()
            if sending is not None:
                sending.cancel()
            self._site.opened.discard(self)
            self._guarded(self._site.gateway.closed, self.websocket, code, reason)
            self.over.set()

    def _guarded(self, act: Any, *arguments: Any) -> Any:
        """Call the application; its error closes with 1011, and is told in the log alone."""
        try:
            return act(*arguments)
        except Exception as error:
            _log.error("error in the handler of a connection", exc_info=error)
            self.websocket.close(CloseCode.INTERNAL_ERROR, "internal error")
            return None

    def _ending(self) -> None:
        self._within(self._site.close_timeout)

    def _within(self, seconds: float) -> None:
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + seconds)

    # Up

    async def _receive_all(self, coming: asyncio.Future[Any] | None, receive: Receive) -> tuple[int, str]:
        """Take what the host tells, one message after the other; give how it ended."""
        while True:
            event = await (receive() if coming is None else coming)
            coming = None
            kind = event["type"]
            if kind == "websocket.disconnect":
                return event.get("code") or int(CloseCode.NO_STATUS), event.get("reason") or ""
            if kind == "websocket.receive" and self.websocket.ending is None:
                await self._take(_said(event))

    async def _take(self, message: str | bytes) -> None:
        most = self._site.max_size
        if len(message) > most or (isinstance(message, str) and len(message) * 4 > most < len(message.encode())):
            self.websocket.close(CloseCode.MESSAGE_TOO_BIG, "message too big")
            return
        rest = self._guarded(self._site.gateway.received, self.websocket, message)
        if rest is not None:
            try:
                await rest
            except Exception as error:
                _log.error("error in the handler of a connection", exc_info=error)
                self.websocket.close(CloseCode.INTERNAL_ERROR, "internal error")

    # Down

    async def _send_all(self) -> None:
        """Send what is queued, then the end."""
        websocket = self.websocket
        try:
            while (data := await websocket.next()) is not None:
                await self._send({"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data})
                websocket.left(data)
            await self._goodbye(*(websocket.ending or (CloseCode.NORMAL, "")))
        except OSError:
            pass  # it is gone
        except Exception as error:
            if not self._left:  # some hosts have no other word for it
                _log.warning("a WebSocket was lost as its server would not send", exc_info=error)
        websocket.gone()
        self._within(0)

    async def _goodbye(self, code: int, reason: str) -> None:
        if code == CloseCode.ABNORMAL:
            return  # who returns without a close has the host end the connection
        said = int(CloseCode.NORMAL if code == CloseCode.NO_STATUS else code)
        event = {
            "type": "websocket.close",
            "code": said,
            "reason": reason.encode()[:_LONGEST].decode("utf-8", "ignore"),
        }
        try:
            await self._send(event)
        except OSError:
            raise
        except Exception:
            if said == CloseCode.NORMAL or said >= _PRIVATE:
                raise
            # A page may say no others by itself, and some hosts keep to that, too (WHATWG WebSockets, close()).
            code = _PRIVATE + 500 + said % 1000 if reconnectable(said) else int(Close.BAD_MESSAGE)
            await self._send({**event, "code": code})

    async def _given_up(self) -> None:
        """Say goodbye where the host ends us: it goes away."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_LAST):
                await self._goodbye(CloseCode.GOING_AWAY, "the server is going away")


def _said(event: Any) -> str | bytes:
    """Give the message of an event, which has exactly one of text and bytes."""
    text, data = event.get("text"), event.get("bytes")
    if (text is None) == (data is None):
        raise EverywireError("the server told of a message that is not exactly one of text and bytes")
    said: str | bytes = data if text is None else text
    return said
