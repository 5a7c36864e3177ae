"""The items of a client's stream on their way to a handler."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from everywire.errors import SessionGone, StreamBroken
from everywire.hub.calling.shapes import Shape
from everywire.messages import Data

if TYPE_CHECKING:
    from everywire.hub.calling.running import Running
    from everywire.hub.world import World

__all__ = ["FIRST_CREDIT", "UNBOUNDED", "Inflow"]

FIRST_CREDIT: Final = 16  # items that a client may send before it is given credit (docs/protocol.md)
UNBOUNDED: Final = 1 << 62  # items that whoever knows no credit may send, and takes
_ANYTHING: Final = Shape()
_OVERHEAD: Final = 64  # bytes that an item costs beside its own, where only bytes bound their number


class Inflow:
    """An asynchronous iterator of items, for one reader; credit is given as they are read, where it is `credited`.

    An item that is not as the stream's hint says raises `Refused`, which ends the call unless the handler catches it and reads on. A stream
    that the client broke off raises `StreamBroken`, once, behind its items.

    Invariants: what the client may still send, what waits here and what was read since credit was given last make up the window.
    """

    __slots__ = (
        "_call",
        "_closed",
        "_ended",
        "_error",
        "_items",
        "_left",
        "_overhead",
        "_read",
        "_shape",
        "_waiting",
        "_window",
        "_world",
    )

    def __init__(self, call: Running, world: World, *, credited: bool = True) -> None:
        self._call: Final = call
        self._world: Final = world
        self._shape = _ANYTHING
        self._window = FIRST_CREDIT if credited else UNBOUNDED
        self._left = self._window
        self._overhead: Final = 0 if credited else _OVERHEAD
        self._read = 0
        # A deque costs 600 bytes, and where there is credit this is short.
        self._items: list[Data] | deque[Data] = [] if credited else deque()
        self._ended = False
        self._error: str | None = None
        self._closed = False
        self._waiting: asyncio.Future[None] | None = None

    def open(self, shape: Shape, window: int) -> None:
        """Let a handler read items as `shape`, up to `window` of them under way at a time."""
        self._shape = shape
        if (more := window - self._window) > 0:
            self._window = window
            self._allow(more)

    def weigh(self, data: Data) -> int:
        """Give how many bytes an item that waits counts as."""
        return memoryview(data).nbytes + self._overhead

    def put(self, data: Data) -> str | None:
        """Take an item; gives what is wrong with that, None where nothing is."""
        if self._ended:
            return "an item after the end of its stream"
        if self._left <= 0:
            return "more items than credit"
        self._left -= 1
        self._items.append(data)
        self._wake()
        return None

    def end(self, error: str | None = None) -> None:
        """Take note that nothing more comes, because of an `error` where there is one; a second end is none."""
        if not self._ended:
            self._ended, self._error = True, error
            self._wake()

    def close(self) -> int:
        """Forget what waits, and give its size: the call is over."""
        size = sum(self.weigh(data) for data in self._items)
        self._items.clear()
        self._closed = True
        self._wake()
        return size

    def __aiter__(self) -> Inflow:
        return self

    async def __anext__(self) -> Any:
        if self._waiting is not None:
            raise RuntimeError("a stream has one reader at a time")
        while not self._items:
            if self._closed:
                raise SessionGone("the call is over: its stream cannot be read to the end")
            if self._error is not None:
                error, self._error = self._error, None
                raise StreamBroken(error)
            if self._ended:
                raise StopAsyncIteration
            self._waiting = self._world.promise()
            try:
                await self._waiting
            finally:
                self._waiting = None
        data = self._items.popleft() if isinstance(self._items, deque) else self._items.pop(0)
        self._call.taken(self.weigh(data))
        self._read += 1
        if 2 * self._read >= self._window and not self._ended:
            read, self._read = self._read, 0
            self._allow(read)
        return self._shape.read(data)

    def _allow(self, count: int) -> None:
        self._left += count
        self._call.ask_for(count)

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
