"""Sessions on WebSockets that another server holds: it frames, and takes one message at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from everywire.engine.inbox import READY
from everywire.http.request import Request
from everywire.payloads import Payload
from everywire.transports.http import LineLimits
from everywire.transports.websocket import WebSocketTransport

__all__ = ["ForeignCarrier", "ForeignTransport", "ForeignWebSocket"]

_OVERHEAD = 64  # bytes that a message costs beside its own
_BURST = 1 << 22  # bytes that may be queued at once, above the limit, for a client that has read all that came before
_SLOW = 4413  # as docs/protocol.md says
_ABRUPTLY = 1006
_log = logging.getLogger("everywire.websocket")


class ForeignWebSocket:
    """One open WebSocket of another server: what is said to its client waits here until that server takes it, by `next` and `left`.

    Invariants: `_size` is what stands in `_queue` and what was taken and has not `left`, which is there exactly while `_busy`; once `ending` is set, with
    a code and a reason, nothing more is queued.
    """

    __slots__ = ("_allowance", "_busy", "_ended", "_limits", "_news", "_queue", "_room", "_size", "ending", "request")

    below: Any = None  # there is no storey of ours below it

    def __init__(self, request: Request, limits: LineLimits, ended: Callable[[], None]) -> None:
        """`ended` is called when its end begins."""
        self.request: Final = request
        self._ended: Final = ended
        self._limits: Final = limits
        self._queue: deque[str | bytes] = deque()
        self._size = 0
        self._allowance = 0  # above the limit, until the queue is short again
        self._busy = False
        self._room: asyncio.Future[None] | None = None
        self._news: asyncio.Future[None] | None = None
        self.ending: tuple[int, str] | None = None

    # What the gateway asks of it

    def put(self, data: str | bytes) -> None:
        """Queue a message; nothing where it is ending."""
        if self.ending is not None:
            return
        size = len(data) + _OVERHEAD
        self._queue.append(data)
        self._size += size
        if self._size > self._limits.write_limit + self._allowance:
            self._judge(size)
        _wake(self, "_news")

    def _judge(self, size: int) -> None:
        """Cut off who reads too slowly: a message by itself, and what comes at once while nothing is held up, have their chance to leave."""
        if self._size == size or (not self._busy and self._size <= self._limits.write_limit + _BURST):
            self._allowance = self._size
            return
        _log.warning("a slow reader was cut off: %d bytes queued", self._size)
        self._drop()
        self.close(_SLOW, "too slow")

    def _drop(self) -> None:
        self._size -= sum(len(data) + _OVERHEAD for data in self._queue)
        self._queue.clear()

    @property
    def queued(self) -> int:
        """Bytes that wait for the client."""
        return self._size

    @property
    def crowded(self) -> bool:
        """Whether more than `write_high` bytes wait."""
        return self.ending is None and self._size > self._limits.write_high

    def drain(self) -> Awaitable[None]:
        """Await room: at once, unless more than `write_high` bytes wait."""
        return self._drain() if self.crowded else READY

    async def _drain(self) -> None:
        while self.crowded:
            if self._room is None:
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Take nothing more; what is queued goes ahead of the end."""
        if self.ending is None:
            self.ending = (code, reason)
            _wake(self, "_room")
            _wake(self, "_news")
            self._ended()

    def ended(self) -> None:
        """End it without a word."""
        self.close(_ABRUPTLY)

    # What its server asks of it

    async def next(self) -> str | bytes | None:
        """Give the message that is to be sent next; None once none follows, and `ending` says how it ends."""
        self._busy = False
        while not self._queue:
            if self.ending is not None:
                return None
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        self._busy = True
        return self._queue.popleft()

    def left(self, data: str | bytes) -> None:
        """Learn that a message was taken."""
        self._size -= len(data) + _OVERHEAD
        if self._size <= self._limits.write_high // 2:
            self._allowance = 0
            _wake(self, "_room")

    def gone(self) -> None:
        """Learn that the client is gone: nothing more is sent."""
        self._drop()
        self.ended()


def _wake(websocket: ForeignWebSocket, who: str) -> None:
    waiting = getattr(websocket, who)
    if waiting is not None:
        setattr(websocket, who, None)
        if not waiting.done():
            waiting.set_result(None)


class ForeignCarrier:
    """Queues one payload on many WebSockets, each of which is framed by its own server."""

    __slots__ = ()

    def send_many(self, wires: Iterable[ForeignWebSocket], payload: Payload) -> None:
        """Queue `payload` on every WebSocket; closed ones are passed over."""
        data = payload.data
        for wire in wires:
            wire.put(data)


CARRIER: Final = ForeignCarrier()


class ForeignTransport(WebSocketTransport):
    """One WebSocket of another server as a transport."""

    __slots__ = ()

    carrier = CARRIER
    kind = "websocket"

    def send(self, payloads: Sequence[Payload]) -> None:
        """Queue `payloads`, each as one message."""
        for payload in payloads:
            self.wire.put(payload.data)

    @property
    def crowded(self) -> bool:
        """Whether more than `write_high` bytes are queued."""
        return bool(self.wire.crowded)

    @property
    def queued(self) -> int:
        """Bytes that wait for the client."""
        return int(self.wire.queued)
