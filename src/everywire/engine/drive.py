"""How a handler runs: in a Task, yet resumed by each message straight from the engine's turn.

Theory of operation. The usual way (a Future, `call_soon`, a Task step) costs more than everything else that happens to a small message. Here a handler runs in
a real `asyncio.Task`, but the Task's coroutine is a `Driver`. While the handler awaits nothing but an `Inbox`, the Task stays parked on the Driver, and each
message resumes the handler from the turn, with its Task as the current one and its context entered. As soon as it awaits anything else, returns or raises,
the Driver wakes the Task and hands that over: from there on asyncio does what it always does. A Task that is not driven may await an inbox as well.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, CancelledError
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any

from everywire.engine.inbox import Inbox, Resumable

try:
    import cython
except ImportError:  # plain Python where no compiler is installed
    from everywire.ws import plain as cython

if cython.compiled:
    from cython.cimports.cpython.object import PyObject
    from cython.cimports.cpython.ref import Py_XDECREF
    from cython.cimports.everywire.engine.leaves import (
        PYGEN_NEXT,
        PYGEN_RETURN,
        PyContext_Enter,
        PyContext_Exit,
        PyIter_Send,
        everywire_raise_pending,
    )

try:
    from _asyncio import _enter_task, _leave_task
except ImportError:
    from asyncio.tasks import _enter_task, _leave_task

_running = asyncio.current_task

Wakeup = Callable[[Any], object]

__all__ = ["Driver", "drive", "spare"]


class Driver(Resumable):
    """The coroutine of a handler's Task: steps the handler, from the Task or, while it awaits only inboxes, from the turn.

    Invariants: `parked` is the inbox waited for while the Task is parked on this Driver; `held` keeps what the handler did (yielded, returned, raised) until
    the Task fetches it; both are never set together.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any] | None, loop: AbstractEventLoop, context: Context) -> None:
        self._loop = loop
        self._asyncio_future_blocking = False
        self.coroutine: Any = coroutine  # None for a spare driver
        self.context = context
        self.clean: Context | None = None
        self.task: Any = None
        self.parked: Inbox | None = None
        self.callback: Wakeup | None = None
        self.cancelled = False
        self.holding = False
        self.held: Any = None
        self.held_error: BaseException | None = None
        self.held_return = False

    def resume(self) -> int:
        """Let the handler go on, from the turn; wake the Task where it does anything but wait for the next message."""
        if not self._enter():
            self._loop.call_soon(self.resume_soon)
            return 0
        self.parked = None
        self._run()
        if self.parked is None:
            self.holding = True
            if (
                self.cancelled and not self._is_over() and self.held is not None
            ):  # it cancelled itself, then began to await this
                self.cancelled = False
                self.held.cancel()
            self._wake()
        return 0

    def _is_over(self) -> bool:
        """Say whether the handler has returned or raised."""
        return self.held_return or self.held_error is not None

    def resume_soon(self) -> None:
        """Resume on the loop's next pass: for a message that came while another task was running."""
        if self.parked is not None:
            self.resume()

    def try_run(self, coroutine: Coroutine[Any, Any, Any]) -> bool:
        """As a spare driver, run a handler from the turn. True: it is over, and `outcome` says how; False: it waits for something, this is its driver now."""
        self.coroutine = coroutine
        self._enter()
        self._run()
        if self._is_over():
            return True
        if self.parked is None:
            self.holding = True
            self._wake()
        return False

    def outcome(self) -> BaseException | None:
        """Give the error of a handler that `try_run` ended, and be a spare again."""
        error, self.held_error = self.held_error, None
        self.held = None
        self.held_return = False
        self.coroutine = None
        return error

    def is_spare(self) -> bool:
        """Say whether `try_run` may be called now: the Task is parked, its context untouched, no other task is running."""
        return (
            self.coroutine is None
            and self.callback is not None
            and self.context == self.clean
            and not _running(self._loop)
        )

    def retire(self) -> None:
        """As a spare driver, let the Task end."""
        self.holding = True
        self.held_return = True
        self._wake()

    def _enter(self) -> bool:
        """Make the Task the current one; False where another one is."""
        try:
            _enter_task(self._loop, self.task)
        except RuntimeError:
            return False
        return True

    def _run(self) -> int:
        """Step the handler as its Task would, which is the current one: in its context."""
        try:
            if cython.compiled:
                PyContext_Enter(self.context)
                try:
                    self._step()
                finally:
                    PyContext_Exit(self.context)
            else:
                self.context.run(self._step)
        finally:
            _leave_task(self._loop, self.task)
        return 0

    def _step(self) -> int:
        """Step the handler once; park where it waits for an inbox, else hold what it did."""
        if cython.compiled:
            result = cython.declare(cython.pointer(PyObject), cython.NULL)
            status = PyIter_Send(self.coroutine, None, cython.address(result))
            if status == PYGEN_NEXT:
                self._yielded(cython.cast(object, result))
            elif status == PYGEN_RETURN:
                self.held = cython.cast(object, result)
                self.held_return = True
            else:
                self._catch()
            Py_XDECREF(result)
        else:
            try:
                self._yielded(self.coroutine.send(None))
            except StopIteration as stop:
                self.held = stop.value
                self.held_return = True
            except BaseException as error:
                self.held_error = error
        return 0

    def _yielded(self, answer: Any) -> int:
        if type(answer) is Inbox:
            inbox = answer
            if inbox.waiting:
                inbox._asyncio_future_blocking = False
                inbox.driver = self
                self.parked = inbox
                return 0
        self.held = answer
        return 0

    def _catch(self) -> int:
        try:
            everywire_raise_pending()
        except BaseException as error:
            self.held_error = error
        return 0

    def _wake(self) -> int:
        callback, self.callback = self.callback, None
        if callback is not None:
            self._loop.call_soon(callback, self, context=self.context)
        return 0

    # What a Task asks of a coroutine

    def send(self, value: object) -> Any:
        """Step from the Task: hand over what is held, else let the handler go on."""
        if self.coroutine is None and not self.holding:
            self._asyncio_future_blocking = True
            return self
        if not self.holding:
            self._step()
        self.holding = False
        return self._go_on()

    def _hand_over(self) -> Any:
        held, self.held = self.held, None
        error, self.held_error = self.held_error, None
        if error is not None:
            raise error
        if self.held_return:
            raise StopIteration(held)
        return held

    def throw(self, kind: Any, value: Any = None, trace: object = None) -> Any:
        """Throw into the handler, from the Task (a cancellation); a handler that is over stays as it ended."""
        if self.coroutine is None:
            raise kind if value is None else value
        over = self.holding and self._is_over()
        self.holding = False
        self.parked = None
        if not over:
            self.held = None
            try:
                self._yielded(self.coroutine.throw(kind if value is None else value))
            except StopIteration as stop:
                self.held = stop.value
                self.held_return = True
            except BaseException as error:
                self.held_error = error
        return self._go_on()

    def _go_on(self) -> Any:
        """Park the Task where the handler waits for an inbox; else hand over what it did."""
        if self.parked is not None:
            self._asyncio_future_blocking = True
            return self
        return self._hand_over()

    def close(self) -> None:
        """Close the handler."""
        if self.coroutine is not None:
            self.coroutine.close()

    def __await__(self) -> Driver:
        return self

    def __iter__(self) -> Driver:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def __getattr__(self, name: str) -> Any:
        """Let debuggers and stack printers look at the handler: cr_frame, cr_code, cr_running, cr_await, __name__, __qualname__."""
        return getattr(self.coroutine, name)

    # What a Task asks of a Future

    def get_loop(self) -> AbstractEventLoop:
        """Give the event loop."""
        return self._loop

    def add_done_callback(self, callback: Wakeup, *, context: Context | None = None) -> None:
        """Remember the Task's wake-up."""
        self.callback = callback

    def remove_done_callback(self, callback: Wakeup) -> int:
        """Forget it."""
        self.callback = None
        return 1

    def cancel(self, msg: object = None) -> bool:
        """End the waiting: the Task is going to throw a cancellation into the handler."""
        if self.callback is None:
            # Woken, but the Task has not stepped yet: what the handler has begun to await is cancelled, and handed over so.
            return self.holding and not self._is_over() and self.held is not None and bool(self.held.cancel())
        if self.parked is not None:
            self.parked.driver = None
            self.parked.waiting = False
            self.parked = None
        self.cancelled = True
        self._wake()
        return True

    def result(self) -> None:
        """Give nothing, or the cancellation: what the handler did is fetched by `send`."""
        if self.cancelled:
            self.cancelled = False
            raise CancelledError


def drive(coroutine: Coroutine[Any, Any, Any], loop: AbstractEventLoop) -> Any:
    """Start a driven Task that runs `coroutine` in a copy of the current context; give the Task."""
    context = copy_context()
    driver = Driver(coroutine, loop, context)
    task: Any = asyncio.Task(driver, loop=loop, context=context)
    driver.task = task
    return task


def spare(loop: AbstractEventLoop) -> Driver:
    """Make a driver whose Task waits for a handler to run: most handlers of a message end without waiting, and leave it for the next one."""
    context = copy_context()
    driver = Driver(None, loop, context)
    driver.clean = context.copy()
    driver.task = asyncio.Task(driver, loop=loop, context=context)
    return driver
