"""Work for an application's loop that may be asked for in any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from everywire.hub.world import World

__all__ = ["Elsewhere", "started"]

T = TypeVar("T")


class Elsewhere(Generic[T]):
    """What work on the application's loop comes to, for another thread: `result()` waits for it, a coroutine of another loop may await it."""

    def __init__(self, future: Future[T]) -> None:
        self._future = future

    def result(self, timeout: float | None = None) -> T:
        """Wait for it, `timeout` seconds at most, and give it; raises what it raised, or `TimeoutError`."""
        return self._future.result(timeout)

    def done(self) -> bool:
        """Say whether it is there."""
        return self._future.done()

    def watch(self, learn: Callable[[BaseException | None], None]) -> None:
        """Have `learn` told what it raised, or None, once it is over: in whatever thread that is."""
        self._future.add_done_callback(lambda done: learn(None if done.cancelled() else done.exception()))

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self._future).__await__()


def started(world: World, make: Callable[[], Coroutine[Any, Any, T]]) -> Awaitable[T]:
    """Start the work that `make` makes: at once in the loop's own thread; from another, as soon as the loop comes to it."""
    if world.here():
        return world.start(make())
    future: Future[T] = Future()

    def begin() -> None:
        world.start(make()).add_done_callback(lambda done: _settle(future, done))

    world.hop(begin)
    return Elsewhere(future)


def _settle(future: Future[T], done: asyncio.Future[T]) -> None:
    if done.cancelled():
        future.cancel()
    elif not future.set_running_or_notify_cancel():
        pass  # nobody waits any more
    elif (error := done.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(done.result())
