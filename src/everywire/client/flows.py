"""Streams of calls: items that come, and items that go, each only as far as the other side has room."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

from everywire.client.wire import Credit, Item, Result

__all__ = ["Flows", "Items", "Say", "Stream", "Upload"]

T = TypeVar("T")
Items: TypeAlias = AsyncIterable[Any] | Iterable[Any]
_FIRST = 16  # items that a client may send before the server gives credit


class Say(Protocol):
    """Says a command now."""

    def __call__(self, command: dict[str, Any], /) -> None: ...


class _Inflow:
    """What came of one stream, and was not taken yet.

    Invariants: at most `credit` items are in the queue or on their way; `ended` is settled after the last item was put in.
    """

    def __init__(self, number: int, credit: int, say: Say) -> None:
        self.number = number
        self.queue: deque[Any] = deque()
        self.news = asyncio.Event()
        self.ended: asyncio.Future[Any]
        self._credit = credit
        self._taken = 0
        self._say = say

    def put(self, data: Any) -> None:
        self.queue.append(data)
        self.news.set()

    def take(self) -> Any:
        self._taken += 1
        if 2 * self._taken >= self._credit and not self.ended.done():
            self._say({"type": "credit", "id": self.number, "count": self._taken})
            self._taken = 0
        return self.queue.popleft()

    def cancel(self) -> None:
        self.ended.cancel()
        self.queue.clear()
        self.news.set()


class Stream(Generic[T]):
    """The answer to a call, item by item: `async for item in stream`. Ask for one by `Client.stream`.

    Iterating raises what the call raises: `Refused`, `ConnectionClosedError` when the connection is lost, TimeoutError. `aclose`, or the end
    of `async with stream:`, tells the server that no more is wanted; so does forgetting the stream.
    """

    def __init__(self, flow: _Inflow, read: Callable[[Any], T]) -> None:
        self._flow = flow
        self._read = read
        self._loop = asyncio.get_running_loop()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        flow = self._flow
        while not flow.queue:
            if flow.ended.done():
                if not flow.ended.cancelled():
                    flow.ended.result()
                raise StopAsyncIteration
            flow.news.clear()
            await flow.news.wait()
        return self._read(flow.take())

    async def aclose(self) -> None:
        """Want no more."""
        self._flow.cancel()

    async def __aenter__(self) -> Stream[T]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if not self._flow.ended.done() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._flow.cancel)


class Upload:
    """Sends the items of `source` under the number of a call, as many as the server has room for, then the end.

    Invariants: no item is taken from `source` before there is credit for it; nothing is said after `call` is done.
    """

    def __init__(self, number: int, source: Items, say: Say) -> None:
        self.number = number
        self._source = source
        self._say = say
        self._credit = _FIRST
        self._room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, call: asyncio.Future[Any], fail: Callable[[int, Exception], None]) -> None:
        """Begin, until `call` is done; `fail(number, error)` is told what `source` raises."""
        if call.done() or self._task is not None:
            return
        self._task = asyncio.get_running_loop().create_task(self._run(fail))
        call.add_done_callback(lambda _: self._task and self._task.cancel())

    def granted(self, count: int) -> None:
        """The server has room for more."""
        self._credit += count
        self._room.set()

    async def _run(self, fail: Callable[[int, Exception], None]) -> None:
        iterator = _iterated(self._source)
        try:
            while True:
                while self._credit <= 0:
                    self._room.clear()
                    await self._room.wait()
                self._credit -= 1
                self._say({"type": "item", "id": self.number, "data": await anext(iterator)})
        except StopAsyncIteration:
            self._say({"type": "end", "id": self.number})
        except Exception as error:
            self._say({"type": "cancel", "id": self.number})
            fail(self.number, error)
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()


async def _counted(source: Iterable[Any]) -> AsyncIterator[Any]:
    for item in source:
        yield item


def _iterated(source: Items) -> AsyncIterator[Any]:
    if isinstance(source, AsyncIterable):
        return source.__aiter__()
    return _counted(source).__aiter__()


class Flows:
    """The streams of one client, by the number of their call."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._in: dict[int, _Inflow] = {}
        self._out: dict[int, Upload] = {}

    def inflow(self, number: int, credit: int) -> _Inflow:
        """Expect a stream; `begin` follows."""
        flow = self._in[number] = _Inflow(number, credit, self._say)
        return flow

    def begin(self, flow: _Inflow, call: asyncio.Future[Any]) -> None:
        """Have `flow` end with `call`."""
        flow.ended = call
        call.add_done_callback(lambda _: self._ended(flow))

    def _ended(self, flow: _Inflow) -> None:
        del self._in[flow.number]
        call = flow.ended
        if not call.cancelled() and call.exception() is None and isinstance(call.result(), Result):
            flow.put(cast(Result, call.result()).data)  # a handler without a stream: its result is the one item
        flow.news.set()

    def upload(self, number: int, source: Items) -> Upload:
        """Have a stream to send."""
        upload = self._out[number] = Upload(number, source, self._say)
        return upload

    def over(self, number: int) -> None:
        """The call is done."""
        self._out.pop(number, None)

    def heard(self, event: Item | Credit) -> None:
        """Take an item of the server's stream, or credit for ours; nothing of a call that is over."""
        match event:
            case Item(id=number, data=data):
                if (flow := self._in.get(number)) is not None:
                    flow.put(data)
            case Credit(id=number, count=count):
                if (upload := self._out.get(number)) is not None:
                    upload.granted(count)
