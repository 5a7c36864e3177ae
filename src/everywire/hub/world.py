"""What the hub needs from the world: time, timers, tasks and randomness, all handed in.

Tests hand in a loop with virtual time and seeded randomness, and get the same run every time.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar

__all__ = ["LoopWorld", "Timer", "World", "settled"]

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

    def new_id(self) -> str:
        """Mint 128 unguessable bits as text that is safe in URLs."""


class LoopWorld:
    """The world of one asyncio loop; `wall` and `new_id` may be replaced.

    Invariants: every task it started is held until it is done, because a loop holds tasks weakly.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        wall: Callable[[], int] | None = None,
        new_id: Callable[[], str] | None = None,
    ) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()
        self.now = loop.time
        self.wall = wall or _wall
        self.new_id = new_id or _new_id

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
        return self.task(_rest(work, waiting))

    def _done(self, value: Any) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        future.set_result(value)
        return future

    def _failed(self, failure: Exception) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        future.set_exception(failure)
        return future


class _Resumed(Awaitable[T]):
    """A coroutine that was stepped once already and waits for `waiting`, to be awaited to its end."""

    __slots__ = ("_waiting", "_work")

    def __init__(self, work: Coroutine[Any, Any, T], waiting: Any) -> None:
        self._work = work
        self._waiting = waiting

    def __await__(self) -> Generator[Any, Any, T]:
        waiting = self._waiting
        while True:
            try:
                got = yield waiting
            except GeneratorExit:
                self._work.close()
                raise
            except BaseException as failure:
                step: Callable[[], Any] = _thrower(self._work, failure)
            else:
                step = _sender(self._work, got)
            try:
                waiting = step()
            except StopIteration as end:
                value: T = end.value
                return value


def _thrower(work: Coroutine[Any, Any, Any], failure: BaseException) -> Callable[[], Any]:
    return lambda: work.throw(failure)


def _sender(work: Coroutine[Any, Any, Any], got: Any) -> Callable[[], Any]:
    return lambda: work.send(got)


async def _rest(work: Coroutine[Any, Any, T], waiting: Any) -> T:
    return await _Resumed(work, waiting)


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


def _wall() -> int:
    return time.time_ns() // 1_000_000


def _new_id() -> str:
    return secrets.token_urlsafe(16)
