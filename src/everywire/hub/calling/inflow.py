"""The items of a client's stream on their way to a handler."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from everywire.errors import SessionGone
from everywire.hub.calling.shapes import Shape
from everywire.messages import Data

if TYPE_CHECKING:
    from everywire.hub.calling.running import Running
    from everywire.hub.world import World

__all__ = ["FIRST_CREDIT", "Inflow"]

FIRST_CREDIT: Final = 16  # items that a client may send before it is given credit (docs/protocol.md)
_ANYTHING: Final = Shape()


class Inflow:
    """An asynchronous iterator of items, for one reader; credit is given as they are read.

    An item that is not as the stream's hint says raises `Refused`, which ends the call unless the handler catches it and reads on.

    Invariants: what the client may still send, what waits here and what was read since credit was given last make up the window.
    """

    __slots__ = ("_call", "_closed", "_ended", "_items", "_left", "_read", "_shape", "_waiting", "_window", "_world")

    def __init__(self, call: Running, world: World) -> None:
        self._call: Final = call
        self._world: Final = world
        self._shape = _ANYTHING
        self._window = FIRST_CREDIT
        self._left = FIRST_CREDIT
        self._read = 0
        self._items: list[Data] = []  # a deque costs 600 bytes, and this is short
        self._ended = False
        self._closed = False
        self._waiting: asyncio.Future[None] | None = None

    def open(self, shape: Shape, window: int) -> None:
        """Let a handler read items as `shape`, up to `window` of them under way at a time."""
        self._shape = shape
        if (more := window - self._window) > 0:
            self._window = window
            self._allow(more)

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

    def end(self) -> None:
        """Take note that nothing more comes."""
        self._ended = True
        self._wake()

    def close(self) -> int:
        """Forget what waits, and give its size: the call is over."""
        size = sum(memoryview(data).nbytes for data in self._items)
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
            if self._ended:
                raise StopAsyncIteration
            self._waiting = self._world.promise()
            try:
                await self._waiting
            finally:
                self._waiting = None
        data = self._items.pop(0)
        self._call.taken(memoryview(data).nbytes)
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
