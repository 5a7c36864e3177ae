"""The WebSocket that applications hold: messages by coroutine or callback, with back-pressure both ways."""

from __future__ import annotations

import asyncio
import logging
from asyncio import iscoroutine
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from itertools import count
from typing import TYPE_CHECKING, Any

from everywire.engine.drive import drive, spare
from everywire.engine.inbox import ITERATING, READY, RECEIVING, Inbox, Next, Shielded
from everywire.errors import CloseCode, ConnectionClosed
from everywire.http.request import Request, Response
from everywire.ws.connection import CLOSED, OPEN, Connection
from everywire.ws.frames import BINARY, FIN, PING, PONG, RSV1, TEXT, encode, frame

try:
    import cython
except ImportError:  # plain Python where no compiler is installed
    from everywire.ws import plain as cython  # noqa: F401

if TYPE_CHECKING:
    from everywire.ws.connection import Manner
    from everywire.ws.deflate import Compressor, Inflation

    Message = str | bytes | bytearray | memoryview
    OnMessage = Callable[["WebSocket", Any], object]
    OnClose = Callable[["WebSocket", int, str], object]

__all__ = ["WebSocket", "broadcast", "post", "start_handler"]

log = logging.getLogger("everywire.websocket")
_numbers = count()


class WebSocket(Connection):
    """One open WebSocket connection, server or client side.

    Messages come by `recv`, by `async for message in ws`, or to the callback `on_message(ws, message)`; a handler uses one of these.
    `request` is the HTTP request that opened it, `subprotocol` what was agreed on, `latency` the seconds of the last measured ping, `closed` says
    whether it is over; then `close_code` and `close_reason` say how. Attributes of your own may be added.

    Not promised: that a message handed to `send` has reached the peer. Not for use from other threads.
    """

    def __init__(
        self,
        role: int,
        manner: Manner,
        compressor: Compressor | None,
        inflation: Inflation | None,
        engine: Any,
    ) -> None:
        Connection.__init__(self, role, manner, compressor, inflation)
        self.engine = engine
        self.opened_by: Request | bytes | None = None
        self.response: Response | None = None
        self.subprotocol: str | None = None
        self.on_message: OnMessage | None = None
        self.on_close: OnClose | None = None
        self.latency = 0.0
        self.inbox: Inbox | None = None
        self.busy = False
        self.over = False
        self.stopped = False  # by an application's error: no more messages
        self.allowance = 0
        self.pings: dict[bytes, tuple[asyncio.Future[float], float]] | None = None
        self.room: asyncio.Future[None] | None = None
        self.farewell: asyncio.Future[None] | None = None
        self.task: Any = None
        self.ground: Any = None  # the lowest storey, once it is over

    # Receiving

    def deliver(self, message: str | bytes) -> None:
        """Take a message from the connection."""
        if self.on_message is None or self.busy:
            self._incoming().put(message)
        else:
            self._call(message)

    def delivered(self) -> None:
        """Let the waiting coroutine have this turn's messages."""
        if self.inbox is not None:
            self.inbox.wake()

    def unread(self) -> bool:
        """Say whether messages wait to be read."""
        return self.busy or self._left() > 0

    def _left(self) -> int:
        return 0 if self.inbox is None else self.inbox.left()

    def full(self) -> bool:
        """Say whether more messages wait than `read_limit` allows."""
        return self.state == OPEN and self.inbox is not None and self.inbox.full

    def reading(self, on: bool) -> None:
        """Start or stop taking bytes; first of all those that the decoder holds back."""
        if on:
            self.go_on()
            if self.full():
                return
        Connection.reading(self, on)

    def exhausted(self) -> None:
        """Learn that the application has read everything and asks for more."""
        if self.bidden:
            self.end_now()

    def _call(self, message: str | bytes) -> None:
        """Give a message to the callback; a coroutine runs in a task of its own, and what follows waits for it."""
        try:
            answer = self.on_message(self, message)  # type: ignore[misc]
            if answer is not None and answer is not READY and iscoroutine(answer):
                self._run_handler(answer)
        except (Exception, asyncio.CancelledError) as error:  # the latter of something that the callback looked at
            self.broken(error)

    def _run_handler(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a callback's coroutine: in the spare task where it ends without waiting, else in a task of its own."""
        driver, self.engine.spare = self.engine.spare, None
        if driver is None or not driver.is_spare():
            if driver is not None and driver.coroutine is None:
                driver.retire()
            self._wait_for(drive(coroutine, self.engine.loop))
        elif driver.try_run(coroutine):
            self.engine.spare = driver
            error = driver.outcome()
            if error is not None:
                self.broken(error)
            return
        else:
            self._wait_for(driver.task)
        if self.engine.spare is None:
            self.engine.spare = spare(self.engine.loop)

    def _wait_for(self, task: asyncio.Task[Any]) -> None:
        self.busy, self.task = True, task
        task.add_done_callback(self._handler_done)

    def _handler_done(self, task: asyncio.Task[Any]) -> None:
        self.busy, self.task = False, None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.broken(error)
        while self._left() and not self.busy and not self.stopped and (self.state == OPEN or self.peer_code):
            self.busy = True  # taking it may have more decoded, which belongs behind it
            message, self.busy = self._incoming().poll(), False
            self._call(message)
        if not self.busy:
            self.exhausted()
        if self.over and not self.busy:
            self._tell_closed()

    def faulted(self, code: int, reason: str) -> None:
        """Say in the log, in one line, what the peer did wrong."""
        log.info("closed a connection: %d %s", code, reason)

    def broken(self, error: BaseException) -> None:
        """Close with 1011 after an application's error, told once in the log and never to the peer."""
        log.error("error in the handler of a connection", exc_info=error)
        self.stopped = True
        self.fail(CloseCode.INTERNAL_ERROR, "internal error")

    def _incoming(self) -> Inbox:
        if self.inbox is None:
            self.inbox = Inbox(self.engine.loop, self, self.manner.read_limit)
            if self.over:
                self.inbox.error = self.outcome()
        return self.inbox

    def recv(self) -> Awaitable[str | bytes]:
        """Await the next message: str or bytes. Raises `ConnectionClosedOK` or `ConnectionClosedError` when none follows.

        Cancelling loses nothing. Only one coroutine may wait at a time: another one gets `RuntimeError`.
        """
        return Next(self._incoming(), RECEIVING)

    def __aiter__(self) -> WebSocket:
        return self

    def __anext__(self) -> Awaitable[str | bytes]:
        return Next(self._incoming(), ITERATING)

    # Sending

    def send(self, message: Message | Iterable[Message] | AsyncIterable[Message]) -> Awaitable[None]:
        """Send one message: str as text, bytes-like as binary; an iterable or async iterable of these goes out as fragments of one message.

        Awaiting the result waits while more than `write_high` bytes are queued for a slow peer. Not awaiting is allowed: beyond `write_limit` bytes the
        connection is closed with 1008. An iterable must be awaited. Raises `ConnectionClosed` when the connection is closing or closed.
        """
        if self.state != OPEN:
            raise self.outcome()
        if type(message) is str or type(message) is bytes or isinstance(message, (bytearray, memoryview, str)):
            before = self.below.queued()
            self.send_message(message)
            waiting = self.below.queued()
            if waiting > self.manner.high:
                self._judge(waiting - before)
                return self.drain()
            return READY
        return self._send_fragments(message)

    def write_frame(self, frame: bytes) -> None:
        """Send a frame made by `everywire.ws.frames.encode`, shared by reference among connections; nothing when closed."""
        if self.state == OPEN and self.below is not None:
            self.below.write(frame)
            if self.below.queued() > self.manner.write_limit:
                self._judge(len(frame))

    def _judge(self, size: int) -> None:
        """Cut a slow reader off, after `size` bytes were queued: one whose queue passes the limit although everything that can leave has left.

        A single frame beyond the limit is let in when nothing else waits, and is not counted until the queue is short again.
        """
        if self.below.queued() <= self.manner.write_limit + self.allowance:
            return
        self.below.push()
        waiting = self.below.queued()
        if waiting <= size:
            self.allowance = size
        elif waiting > self.manner.write_limit + self.allowance:
            self.cut_off()

    def drain(self) -> Awaitable[None]:
        """Await room to write: at once, unless more than `write_high` bytes are queued for a peer that reads slowly."""
        if self.state == OPEN and self.below.queued() > self.manner.high:
            return self._crowded()
        return READY

    def _crowded(self) -> Awaitable[None]:
        if self.room is None:
            self.room = self.engine.loop.create_future()
            self.below.crowd(self.manner.high // 2)
        return Shielded(self.room)

    def cut_off(self) -> None:
        """Close a peer that reads too slowly: 1008 (`Options.slow_code`), and what was queued for it is dropped."""
        log.warning("a slow reader was cut off: %d bytes queued", self.below.queued())
        self.below.discard()
        self.fail(self.manner.slow_code, "too slow")

    def drained(self) -> None:
        """Let senders go on."""
        Connection.drained(self)
        self.allowance = 0
        room, self.room = self.room, None
        if room is not None and not room.done():
            room.set_result(None)

    async def _send_fragments(self, message: Any) -> None:
        """Send the parts of one message as they come; a following message waits for nothing, so send from one coroutine."""
        opcode = 0
        before = None
        kind = None
        async for part in _parts(message):
            text = isinstance(part, str)
            if kind is None:
                kind = text
            elif kind is not text:
                raise TypeError("the parts of one message are all str or all bytes")
            if before is not None:
                await self._send_part(opcode, before, end=False)
                opcode = 0
            else:
                opcode = TEXT if text else BINARY
            before = part.encode() if isinstance(part, str) else bytes(memoryview(part))
        if before is not None:
            await self._send_part(opcode, before, end=True)

    async def _send_part(self, opcode: int, data: bytes, *, end: bool) -> None:
        if self.state != OPEN:
            raise self.outcome()
        self.send_fragment(opcode, data, end)
        if self.below.queued() > self.manner.high:
            await self._crowded()

    # Closing

    def close(self, code: int = 1000, reason: str = "") -> Awaitable[None]:
        """Begin the closing handshake with `code` and `reason` (cut to 123 bytes); await it to wait until the connection is over.

        Does nothing when it is closing already. Raises ValueError for a code that may not be sent; 1005 sends a close frame without one.
        """
        self.start_close(int(code), reason)
        return self.wait_closed()

    def _write_close(self, code: int, reason: str) -> None:
        full = self.inbox is not None and self.inbox.full
        Connection._write_close(self, code, reason)
        if full and not self.refused:
            self.reading(True)  # the answer comes behind messages that nobody reads any more

    def wait_closed(self) -> Awaitable[None]:
        """Await the end of the connection."""
        if self.over:
            return READY
        if self.farewell is None:
            self.farewell = self.engine.loop.create_future()
        return Shielded(self.farewell)

    def finished(self, reason: BaseException | None) -> None:
        """The connection is over: everybody who waits learns it."""
        self.over = True
        self.ground = self.extra("ground")
        room, self.room = self.room, None
        if room is not None and not room.done():
            room.set_result(None)
        if self.pings is not None:
            for waiter, _ in self.pings.values():
                if not waiter.done():
                    waiter.set_exception(self.outcome())
                    waiter.exception()
            self.pings = None
        if self.inbox is not None and (self.on_message is None or not self.busy):
            self.inbox.end(self.outcome())
        if not self.busy:
            self._tell_closed()

    def _tell_closed(self) -> None:
        if self.farewell is not None and not self.farewell.done():
            self.farewell.set_result(None)
        on_close, self.on_close = self.on_close, None
        if on_close is not None:
            try:
                on_close(self, self.peer_code or CloseCode.ABNORMAL, self.reason or "")
            except Exception:
                log.exception("error in on_close")

    @property
    def close_code(self) -> int | None:
        """The close code: the peer's; 1006 when it is over and the peer's close frame never came; None before."""
        return self.peer_code or (CloseCode.ABNORMAL if self.over else None)

    # Pinging

    def ping(self, data: str | bytes | None = None) -> Awaitable[float]:
        """Send a ping with `data` (bytes, at most 125; chosen for you by default); await the result for the seconds until its pong."""
        if self.state != OPEN:
            raise self.outcome()
        if self.pings is None:
            self.pings = {}
        payload = next(_numbers).to_bytes(8, "big") if data is None else _control_payload(data)
        if payload in self.pings:
            raise ValueError("a ping with these bytes is still unanswered")
        waiter: asyncio.Future[float] = self.engine.loop.create_future()
        self.pings[payload] = (waiter, self.manner.clock())
        self.send_frame(FIN | PING, payload)
        return waiter

    def pong(self, data: str | bytes = b"") -> Awaitable[None]:
        """Send a pong that answers nothing: a one-way sign of life (RFC 6455 5.5.3)."""
        if self.state == OPEN:
            self.send_frame(FIN | PONG, _control_payload(data))
        return READY

    def ponged(self, data: bytes) -> None:
        """Match a pong with its ping; earlier pings count as answered too (RFC 6455 5.5.3)."""
        if self.pings is None or data not in self.pings:
            return
        now = self.manner.clock()
        for payload in list(self.pings):
            waiter, sent = self.pings.pop(payload)
            if not waiter.done():
                waiter.set_result(now - sent)
            if payload == data:
                self.latency = now - sent
                break

    # Facts

    @property
    def request(self) -> Request | None:
        """The HTTP request that opened the connection. It is kept as bytes until somebody asks."""
        found = self.opened_by
        if isinstance(found, bytes):
            found = self.opened_by = Request.from_head(found)
        if found is not None and found.facts is None:
            found.facts = self
        return found

    @property
    def closed(self) -> bool:
        """Whether the connection is over."""
        return self.state == CLOSED

    @property
    def close_reason(self) -> str:
        """The reason in the peer's close frame, or ours for closing; empty where none was given."""
        return self.reason or ""

    @property
    def id(self) -> int:
        """A number that tells this connection from others that live at the same time."""
        return id(self)

    @property
    def remote_address(self) -> Any:
        """The peer's address, as its socket names it; still known when the connection is over."""
        return self.extra("peername") if self.ground is None else self.ground.extra("peername")

    @property
    def local_address(self) -> Any:
        """Our address, as the socket names it."""
        return self.extra("sockname")

    async def __aenter__(self) -> WebSocket:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close(1000 if exc[0] is None else 1011)

    def __repr__(self) -> str:
        return f"<WebSocket {'client' if self.client else 'server'} {('open', 'closing', 'closed')[self.state]}>"


def _control_payload(data: str | bytes) -> bytes:
    payload = data.encode() if isinstance(data, str) else bytes(memoryview(data))
    if len(payload) > 125:
        raise ValueError("a ping or pong has at most 125 bytes")  # RFC 6455 5.5
    return payload


async def _parts(message: Any) -> AsyncIterator[Message]:
    """Give the parts of an iterable or async iterable."""
    if hasattr(message, "__aiter__"):
        async for part in message:
            yield part
    elif isinstance(message, dict) or not hasattr(message, "__iter__"):
        raise TypeError(f"a message is str, bytes-like, or an iterable of these, not {type(message).__name__}")
    else:
        for part in message:
            yield part


def start_handler(websocket: WebSocket, handler: Callable[[WebSocket], Awaitable[object]]) -> None:
    """Run `handler(websocket)` in a driven task, and close when it ends."""
    websocket.task = drive(_handle(websocket, handler), websocket.engine.loop)


async def _handle(websocket: WebSocket, handler: Callable[[WebSocket], Awaitable[object]]) -> None:
    """Run a handler to its end: 1000 when it returns, 1011 when it raises."""
    try:
        await handler(websocket)
    except asyncio.CancelledError:
        websocket.start_close(CloseCode.GOING_AWAY, "")
        raise
    except ConnectionClosed as error:
        if websocket.state == OPEN:  # another connection's end, then
            websocket.broken(error)
    except Exception as error:
        websocket.broken(error)
    else:
        await websocket.close()


def broadcast(connections: Iterable[WebSocket], message: Message) -> None:
    """Send `message` to all `connections` that are open: framed once, compressed once for all that share the way of compressing.

    A connection whose peer reads too slowly is closed (see `WebSocket.send`); the others do not wait for it.
    """
    shared: dict[Any, bytes | None] = {}
    before: Any = shared  # no connection's compressor
    ready: bytes | None = None
    for websocket in connections:
        compressor = websocket.compressor
        if compressor is not before or websocket.client:  # most share what the one before them has
            ready = None if websocket.client else _shared_frame(shared, compressor, message)
            before = compressor
        if ready is not None:
            websocket.write_frame(ready)
        elif websocket.state == OPEN:
            websocket.send(message)
            before = shared


def post(websocket: WebSocket, message: Message) -> None:
    """Send `message` to one connection as `broadcast` does to many."""
    if websocket.compressor is None and not websocket.client:
        websocket.write_frame(encode(message))
    else:
        broadcast((websocket,), message)


def _shared_frame(shared: dict[Any, bytes | None], compressor: Compressor | None, message: Message) -> bytes | None:
    """Give the frame that all connections with this `compressor` share, made at first need; None where each needs its own."""
    if compressor not in shared:
        data = message.encode() if isinstance(message, str) else bytes(memoryview(message))
        opcode = TEXT if isinstance(message, str) else BINARY
        if compressor is None or len(data) < compressor.threshold:
            shared[compressor] = frame(FIN | opcode, data)
        elif compressor.shared_key is None:
            shared[compressor] = None
        else:
            shared[compressor] = frame(FIN | RSV1 | opcode, compressor.deflate(data))
    return shared[compressor]
