"""WebSockets of a foreign server whose line another process holds: no socket of theirs can be handed over, so one of ours is, and what is said is passed on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Final

from everywire import engine as engines
from everywire.engine.websocket import WebSocket
from everywire.errors import CloseCode, ConnectionClosed, sendable
from everywire.http.handed import Handed
from everywire.http.head import BadRequest, HeadLimits, ResponseReader
from everywire.http.request import Headers, Request, Response, one_head
from everywire.servers.asgi.request import Receive, Send
from everywire.servers.options import Options
from everywire.ws.frames import CLIENT, mask_source
from everywire.ws.link import PlainLink

__all__ = ["Passed", "taken"]

_OPTIONS: Final = Options(max_size=None, max_fragments=None, ping_interval=None, compression=None, write_limit=None)
_LIMITS: Final = HeadLimits()
_OURS = frozenset({"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"})


class _Answering(PlainLink):
    """Reads the answer to a handshake; what follows a 101 waits for the WebSocket that takes this one's place."""

    def __init__(self, done: asyncio.Future[tuple[int, str, Headers]]) -> None:
        super().__init__()
        self._done: Final = done
        self.reader: Final = ResponseReader(_LIMITS)

    def feed(self, data: bytes) -> None:
        """Take bytes of the answer."""
        if self._done.done():
            self.reader.rest += data
            return
        try:
            found = self.reader.feed(data)
        except BadRequest:
            self.below.abort()
            return
        if found is not None:
            self.reading(False)
            self._done.set_result(found)

    def ended(self) -> None:
        """Learn that nothing follows."""
        self.below.abort()

    def lost(self, reason: BaseException | None) -> None:
        """Learn that the other process is gone, or lets us down."""
        self.below = None
        if not self._done.done():
            self._done.set_exception(ConnectionResetError("the process that holds this line does not answer"))


class Passed:
    """A WebSocket to the process that holds a line, beside that of the client."""

    def __init__(self, far: WebSocket, subprotocol: str | None) -> None:
        self._far: Final = far
        self.subprotocol: Final = subprotocol

    async def run(self, coming: asyncio.Future[Any] | None, receive: Receive, send: Send) -> None:
        """Pass on what is said, both ways, until one of them ends; each waits for the other to take it."""
        down = asyncio.ensure_future(self._down(send))
        up = asyncio.ensure_future(self._up(coming, receive))
        try:
            await asyncio.wait({down, up}, return_when=asyncio.FIRST_COMPLETED)
            if down.done() and down.exception() is not None:
                self._far.abort()
        finally:
            up.cancel()
            down.cancel()
            if not self._far.closed:
                self._far.start_close(CloseCode.GOING_AWAY, "")

    async def _up(self, coming: asyncio.Future[Any] | None, receive: Receive) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                event = await (receive() if coming is None else coming)
                coming = None
                if event["type"] == "websocket.disconnect":
                    self._ended(event.get("code") or int(CloseCode.NO_STATUS), event.get("reason") or "")
                    return
                if event["type"] == "websocket.receive":
                    await self._far.send(event["text"] if event.get("text") is not None else event["bytes"])

    def _ended(self, code: int, reason: str) -> None:
        if sendable(code) or code == CloseCode.NO_STATUS:
            self._far.start_close(code, reason)
        else:
            self._far.abort()

    async def _down(self, send: Send) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                message = await self._far.recv()
                await send({"type": "websocket.send", "text" if isinstance(message, str) else "bytes": message})
        code = self._far.close_code or CloseCode.ABNORMAL
        if sendable(code):
            await send({"type": "websocket.close", "code": int(code), "reason": self._far.close_reason})


async def taken(handed: Handed, request: Request, patience: float) -> Passed | Response:
    """Have the holder take a socket of ours as it would the client's, and give what it answers: the WebSocket that it becomes, or why not."""
    ours, theirs = socket.socketpair()
    with theirs:
        if not handed.give(theirs.fileno(), _head(request)):
            ours.close()
            return handed.refusal
    ours.setblocking(False)
    engine = engines.current()
    engine.watch(_OPTIONS.shortest())
    done: asyncio.Future[tuple[int, str, Headers]] = engine.loop.create_future()
    answering = _Answering(done)
    try:
        lowest = await engine.adopt(ours, answering, _OPTIONS.fin_timeout)
    except BaseException:
        ours.close()
        raise
    try:
        async with asyncio.timeout(patience):
            status, reason, headers = await done
        if status != 101:
            lowest.abort()
            return Response(status, reason + "\n")
        return Passed(_became(answering, engine), headers.get("sec-websocket-protocol"))
    except (TimeoutError, ConnectionResetError):
        lowest.abort()
        return Response(504, "the process that holds this line does not answer in time\n")
    except BaseException:
        lowest.abort()
        raise


def _became(answering: _Answering, engine: Any) -> WebSocket:
    below, answering.below = answering.below, None
    if below is None:
        raise ConnectionResetError
    websocket = WebSocket(CLIENT, _OPTIONS.manner(engine.clock, mask_source(os.urandom)), None, None, engine)
    below.put(websocket)
    below.reading(True)
    if answering.reader.rest:
        websocket.feed(answering.reader.rest)
    return websocket


def _head(request: Request) -> bytes:
    """Write the handshake of a client of our own, which offers no compression."""
    return one_head([f"GET {request.target} HTTP/1.1", *_fields(request)])


def _fields(request: Request) -> Iterator[str]:
    if "host" not in request.headers:
        yield "Host: "
    yield from (f"{name}: {value}" for name, value in request.headers if name.lower() not in _OURS)
    yield "Sec-WebSocket-Version: 13"
    yield f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}"
