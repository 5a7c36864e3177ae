"""What the hub needs from the world: time, timers, tasks and randomness, all handed in.

Tests hand in a loop with virtual time and seeded randomness, and get the same run every time.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar

__all__ = ["LoopWorld", "Timer", "World", "pause", "settled"]

T = TypeVar("T")


class Timer(Protocol):
    """Something due later."""

    def cancel(self) -> None: ...


class World(Protocol):
    """Time, timers, tasks and randomness."""

    def now(self) -> float:
        """Give seconds on a clock that never goes back."""

    def wall(self) -> int:
        """Give milliseconds since 1970."""

    def later(self, delay: float, action: Callable[[], None]) -> Timer:
        """Call `action` in `delay` seconds."""

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Run `work` at once, up to where it first has to wait; the rest of it is a task.

        Work that never waits is over when this returns, without a task and without a turn of the loop.
        """

    def task(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Run `work` as a task of its own, from the next turn of the loop."""

    def promise(self) -> asyncio.Future[Any]:
        """Give something to wait for, which whoever has it keeps or breaks."""

    def aside(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run `work` in a thread, with the context variables that hold here; nothing else waits for it."""

    def from_thread(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` on the loop and wait for what comes of it; for what runs aside."""

    def here(self) -> bool:
        """Say whether the caller is in the thread of this world."""

    def hop(self, action: Callable[[], None]) -> None:
        """Call `action` in the thread of this world, from any other."""

    def new_id(self) -> str:
        """Mint 128 unguessable bits as text that is safe in URLs."""


class LoopWorld:
    """The world of one asyncio loop; `wall` and `new_id` may be replaced. Without `threads` what is to run aside runs here.

    Invariants: every task it started is held until it is done, because a loop holds tasks weakly.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        wall: Callable[[], int] | None = None,
        new_id: Callable[[], str] | None = None,
        threads: bool = True,
    ) -> None:
        self._loop = loop
        self._threads = threads
        self._thread = threading.get_ident()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.now = loop.time
        self.wall = wall or _wall
        self.new_id = new_id or _new_id

    def here(self) -> bool:
        """Say whether the caller is in the loop's thread."""
        return threading.get_ident() == self._thread

    def hop(self, action: Callable[[], None]) -> None:
        """Call `action` in the loop's thread."""
        self._loop.call_soon_threadsafe(action)

    def later(self, delay: float, action: Callable[[], None]) -> Timer:
        """Call `action` in `delay` seconds."""
        return self._loop.call_later(delay, action)

    def task(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Run `work` as a task."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Run `work` at once, up to where it first has to wait."""
        try:
            waiting = work.send(None)
        except StopIteration as end:
            return self._done(end.value)
        except Exception as failure:
            return self._failed(failure)
        return self.task(_Resumed(work, waiting))

    def promise(self) -> asyncio.Future[Any]:
        """Give something to wait for."""
        return self._loop.create_future()

    def aside(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run `work` in one of the loop's threads."""
        if self._threads:
            return self._loop.run_in_executor(None, contextvars.copy_context().run, work)
        try:
            return self._done(work())
        except Exception as failure:
            return self._failed(failure)

    def from_thread(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` on the loop and wait for what comes of it."""

        async def run() -> T:
            return await work()

        if not self._threads:
            return self._without_waiting(run())
        if asyncio._get_running_loop() is self._loop:
            raise RuntimeError("this is the loop's own thread: await it instead")
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _without_waiting(self, work: Coroutine[Any, Any, T]) -> T:
        future = self.start(work)
        if not future.done():
            future.cancel()
            raise RuntimeError("this world has no threads, and what is to run on its loop would have to wait")
        return future.result()

    def _done(self, value: Any) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        future.set_result(value)
        return future

    def _failed(self, failure: Exception) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        future.set_exception(failure)
        return future


class _Resumed(Coroutine[Any, Any, T]):
    """A coroutine that was stepped once already, and yielded `waiting`: for a task it begins with that."""

    __slots__ = ("_fresh", "_waiting", "_work")

    def __init__(self, work: Coroutine[Any, Any, T], waiting: Any) -> None:
        self._work = work
        self._waiting = waiting
        self._fresh = True

    def send(self, value: Any) -> Any:
        """Step."""
        if not self._fresh:
            return self._work.send(value)
        self._fresh = False
        waiting, self._waiting = self._waiting, None
        return waiting

    def throw(self, *failure: Any) -> Any:
        """Step by an exception; even a task that is cancelled before it began ends the work this way."""
        self._fresh = False
        return self._work.throw(*failure)

    def close(self) -> None:
        """Give the work up."""
        self._work.close()

    def __await__(self) -> Generator[Any, Any, T]:
        return self._work.__await__()


async def settled(world: World, value: Any) -> Any:
    """Give `value`, or what it comes to where it is awaitable.

    An application's coroutine runs in a task of its own: it may use timeouts and task groups, which
    work that was merely started cannot offer before it first waits.
    """
    if inspect.iscoroutine(value):
        return await world.task(value)
    if inspect.isawaitable(value):
        return await value
    return value


async def pause(world: World, delay: float) -> None:
    """Come back in `delay` seconds."""
    await world.task(asyncio.sleep(delay))


def _wall() -> int:
    return time.time_ns() // 1_000_000


def _new_id() -> str:
    return secrets.token_urlsafe(16)
