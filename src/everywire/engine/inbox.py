"""The messages on their way to a coroutine, and what it awaits to get them."""

from __future__ import annotations

from asyncio import AbstractEventLoop, CancelledError, Future, shield
from collections.abc import Callable, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any

try:
    import cython
except ImportError:  # plain Python where no compiler is installed
    from everywire.ws import plain as cython

if cython.compiled:
    from cython.cimports.everywire.engine.leaves import everywire_fast_inbox, everywire_fast_ready, everywire_poll

if TYPE_CHECKING:
    from everywire.errors import ConnectionClosed
    from everywire.ws.link import Link

    Wakeup = Callable[[Any], object]

__all__ = ["ITERATING", "READY", "RECEIVING", "Inbox", "Next", "Resumable", "Shielded", "Teller"]

RECEIVING, ITERATING = (
    0,
    1,
)  # how the end is told: by ConnectionClosed, or, where it was a good one, by StopAsyncIteration
_OVERHEAD = 64  # bytes that a message costs beside its own: a flood of empty ones fills an inbox as well


class Resumable:
    """What an inbox resumes straight from the turn, in place of waking a Task."""

    def resume(self) -> int:
        """Let the coroutine go on."""
        return 0


class Teller:
    """Says in other words what an inbox has for who awaits it."""

    def told(self, message: str | bytes) -> Any:
        """Give what stands for a message."""
        return message

    def ended(self, error: ConnectionClosed) -> Any:
        """Give what stands for the end, or raise it."""
        raise error


class Ready:
    """An awaitable that has its answer, None, at once."""

    def __await__(self) -> Generator[Any, Any, None]:
        return self

    def __iter__(self) -> Ready:
        return self

    def __next__(self) -> Any:
        raise StopIteration

    def send(self, value: object) -> Any:
        """Be done (the coroutine protocol, so that it may be made a task)."""
        raise StopIteration

    def throw(self, kind: Any, value: Any = None, trace: object = None) -> Any:
        """End by an exception (the coroutine protocol)."""
        raise kind if value is None else value

    def close(self) -> None:
        """End (the coroutine protocol)."""


READY = Ready()


class Shielded:
    """Awaits a future that others await too; nothing is made before somebody does. May be made a task, as a coroutine may."""

    __slots__ = ("future", "steps")

    def __init__(self, future: Future[None]) -> None:
        self.future = future
        self.steps: Generator[Any, None, None] | None = None

    def __await__(self) -> Generator[Any, None, None]:
        return shield(self.future).__await__()

    def send(self, value: Any) -> Any:
        """Step (the coroutine protocol)."""
        if self.steps is None:
            self.steps = self.__await__()
        return self.steps.send(value)

    def throw(self, kind: Any, value: Any = None, trace: Any = None) -> Any:
        """End by an exception (the coroutine protocol)."""
        if self.steps is None:
            self.steps = self.__await__()
        return self.steps.throw(kind if value is None else value)

    def close(self) -> None:
        """End (the coroutine protocol)."""
        if self.steps is not None:
            self.steps.close()


class Next:
    """What `recv` and `async for` await: the next message of an inbox. (The inbox itself would be taken for a Future, by `wait_for` and `gather`.)"""

    def __init__(self, inbox: Inbox, manner: int) -> None:
        self.inbox = inbox
        self.manner = manner
        self.begun = False

    def __await__(self) -> Generator[Any, Any, Any]:
        if not self.inbox.waiting:  # else somebody else's end would be told in this one's way
            self.inbox.manner = self.manner
        return self.inbox

    def send(self, value: object) -> Any:
        """Step (the coroutine protocol, so that it may be made a task)."""
        if self.begun or not self.inbox.waiting:
            self.begun = True
            self.inbox.manner = self.manner
        return self.inbox.__next__()

    def throw(self, kind: Any, value: Any = None, trace: object = None) -> Any:
        """End the waiting by an exception (the coroutine protocol)."""
        if self.begun:
            self.inbox.close()  # else it is somebody else who waits there
        raise kind if value is None else value

    def close(self) -> None:
        """End the waiting (the coroutine protocol)."""
        if self.begun:
            self.inbox.close()


class Inbox:
    """Messages on their way to the one coroutine that awaits them (by `Next`), in order.

    Awaiting gives the next message; when there is none and `end` was called, it raises. To a Task it looks like a Future that is done again and again.
    `source` (a Link) is told to stop reading above `limit` bytes and to go on below half of it.

    Invariants: `waiting` is True exactly while a coroutine is suspended here; `driver` is set only while `waiting`.
    """

    def __init__(self, loop: AbstractEventLoop, source: Link, limit: int) -> None:
        self._loop = loop
        self._asyncio_future_blocking = False
        self.source = source
        self.limit = limit
        self.messages: list[Any] = []
        self.head = 0
        self.size = 0
        self.full = False
        self.error: ConnectionClosed | None = None
        self.teller: Teller | None = None  # None: messages are told as they are, and the end is raised
        self.waiting = False
        self.manner = RECEIVING
        self.cancelled = False
        self.driver: Resumable | None = None
        self.callback: Wakeup | None = None
        self.context: Context | None = None

    # For the engine

    def put(self, message: str | bytes) -> None:
        """Add a message; `wake` follows when the turn's last one is in."""
        self.messages.append(message)
        self.size += len(message) + _OVERHEAD
        if self.size > self.limit and not self.full:
            self.full = True
            self.source.reading(False)

    def left(self) -> int:
        """Count the messages that nobody has read."""
        return len(self.messages) - self.head

    def end(self, error: ConnectionClosed) -> None:
        """Say that no message follows: after those that are here, awaiting raises `error`."""
        self.error = error
        self.wake()

    def wake(self) -> None:
        """Resume who waits. Only from the engine's turn, where no task is current."""
        if not self.waiting:
            return
        driver = self.driver
        if driver is not None:
            self.waiting = False
            self.driver = None
            driver.resume()
        elif self.callback is not None:
            self.waiting = False
            callback, self.callback = self.callback, None
            context, self.context = self.context, None
            self._loop.call_soon(callback, self, context=context)

    # For the coroutine

    def poll(self) -> Any:
        """Give the next message; itself where there is none yet."""
        if self.head < len(self.messages):
            message = self.messages[self.head]
            self.messages[self.head] = None
            self.head += 1
            self.size -= len(message) + _OVERHEAD
            if self.head == len(self.messages):
                self.messages.clear()
                self.head = 0
            elif self.head >= 256 and self.head * 2 >= len(self.messages):
                del self.messages[: self.head]
                self.head = 0
            if self.full and self.size * 2 < self.limit:
                self.full = False
                self.source.reading(True)
            return message if self.teller is None else self.teller.told(message)
        self.source.exhausted()
        if self.error is not None:
            if self.teller is not None:
                return self.teller.ended(self.error)
            raise (
                StopAsyncIteration if self.manner == ITERATING and self.error.code in (1000, 1001, 1005) else self.error
            )
        if self.waiting:
            raise RuntimeError("another coroutine is already waiting for a message of this connection")
        self.waiting = True
        self._asyncio_future_blocking = True
        return self

    def __await__(self) -> Generator[Any, Any, str | bytes]:
        return self

    def __iter__(self) -> Inbox:
        return self

    def __next__(self) -> Any:
        found = self.poll()
        if found is self:
            return self
        raise StopIteration(found)

    def send(self, value: object) -> Any:
        """Go on after a wake-up (the generator protocol)."""
        return self.__next__()

    def close(self) -> None:
        """End the waiting (the generator protocol)."""
        self.waiting = False
        self.driver = None
        self.callback = None
        self.context = None
        self.cancelled = False

    def throw(self, kind: Any, value: Any = None, trace: object = None) -> Any:
        """End the waiting by an exception (the generator protocol)."""
        self.close()
        raise kind if value is None else value

    # What a Task asks of a Future

    def get_loop(self) -> AbstractEventLoop:
        """Give the event loop."""
        return self._loop

    def add_done_callback(self, callback: Wakeup, *, context: Context | None = None) -> None:
        """Remember the Task's wake-up."""
        self.callback = callback
        self.context = context

    def remove_done_callback(self, callback: Wakeup) -> int:
        """Forget it."""
        self.callback = None
        return 1

    def cancel(self, msg: object = None) -> bool:
        """End the waiting by a cancellation of the Task."""
        if not self.waiting or self.callback is None:
            return False
        self.cancelled = True
        self.wake()
        return True

    def result(self) -> None:
        """Give nothing: the message is fetched by `poll`."""
        if self.cancelled:
            self.cancelled = False
            raise CancelledError


def poll_inbox(inbox: Inbox) -> Any:
    """Poll from C."""
    return inbox.poll()


if cython.compiled:
    everywire_fast_inbox(Inbox, cython.cast(everywire_poll, poll_inbox))  # type: ignore[possibly-undefined]
    everywire_fast_ready(Ready)  # type: ignore[possibly-undefined]
