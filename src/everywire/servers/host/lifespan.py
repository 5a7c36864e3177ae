"""The lifespan of an ASGI application: told of the start before its first request, and of the end after its last (lifespan specification 2.0)."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias, get_args

from everywire.errors import EverywireError
from everywire.servers.host.tracebacks import shortened

__all__ = ["Application", "Lifespan", "Mode", "StartupFailed", "where"]

Application: TypeAlias = Callable[[dict[str, Any], Any, Any], Awaitable[object]]
Mode: TypeAlias = Literal["auto", "on", "off"]

_log = logging.getLogger("everywire.host")
_NOT_THE_APPLICATION: Final = (  # where a line tells nothing of it; compiled modules say where they are below the sources
    os.path.join(Path(asyncio.__file__).parent, ""),
    os.path.join(Path(__file__).parents[2], ""),
    "src/everywire/",
)
_LAST_WORDS = 1.0  # seconds for an application that was cancelled
# By what it may say next: what it says, and what it may say then.
_SAID: Final = {
    "starting": {"lifespan.startup.complete": "running", "lifespan.startup.failed": "failed"},
    "ending": {"lifespan.shutdown.complete": "over", "lifespan.shutdown.failed": "over"},
}


class StartupFailed(EverywireError):
    """The application said that it cannot start, or raised where it must not. What it said is told without the lines of libraries."""

    def in_words(self) -> str:
        """Say it to people: in one line, or with a traceback below."""
        said = str(self).strip() or "it does not say why"
        separator = "\n" if "\n" in said else " "
        return f"the application does not start:{separator}{said}"


class Lifespan:
    """`async with Lifespan(app) as state`: the application runs in between; `state` is what each request is to have a copy of, None without lifespan.

    `mode` "auto" goes on without an application that raises, "on" does not, "off" asks for nothing. One that is not done with its end after `patience`
    seconds is cancelled, and `name` and the line where it hangs are logged.

    Invariants: `phase` is "starting", "running", "failed", "ending" or "over"; `_task` is there from entering on, unless the mode is "off"; `_news` is set
    whenever the phase changes or the task ends.
    """

    def __init__(
        self, app: Application, mode: Mode = "auto", *, name: str = "the application", patience: float | None = 10.0
    ) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"lifespan is 'auto', 'on' or 'off', not {mode!r}")
        self.phase = "starting"
        self._app: Final = app
        self._mode: Final = mode
        self._name: Final = name
        self._patience: Final = patience
        self._state: Final[dict[str, Any]] = {}
        self._asked: Final[asyncio.Queue[dict[str, Any]]] = asyncio.Queue()
        self._news: Final = asyncio.Event()
        self._task: asyncio.Task[object] | None = None
        self._heard = False  # it took what it was asked
        self._message = ""

    async def __aenter__(self) -> dict[str, Any] | None:
        """Start the application; raises `StartupFailed` with what it said, or where it raised and must not."""
        if self._mode == "off":
            return None
        self._task = asyncio.ensure_future(self._run())
        self._task.add_done_callback(self._ended)
        self._asked.put_nowait({"type": "lifespan.startup"})
        try:
            await self._changed("starting")
        except BaseException:
            await self._cancel()
            raise
        if self.phase == "failed":
            await self._cancel()
            raise StartupFailed(shortened(self._message))
        if self.phase == "running":
            return self._state
        self._without()
        return None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell the application of the end, and wait for it."""
        task = self._task
        if task is None or self.phase != "running":
            return
        if task.done():
            self._look()
            return
        self.phase = "ending"
        self._news.clear()
        self._asked.put_nowait({"type": "lifespan.shutdown"})
        try:
            async with asyncio.timeout(self._patience):
                await self._changed("ending")
        except TimeoutError:
            _log.error("%s hangs at shutdown%s: cancelled after %g seconds", self._name, where(task), self._patience)
        except asyncio.CancelledError:
            _log.error("%s hangs at shutdown%s: cancelled", self._name, where(task))
            await self._cancel()
            raise
        await self._cancel()
        self._look()

    def _ended(self, task: asyncio.Task[object]) -> None:
        if not task.cancelled():
            task.exception()  # whatever it is: it is looked at later, or said by the application itself
        self._news.set()

    async def _changed(self, phase: str) -> None:
        """Wait until it has said something in this phase, or is over."""
        assert self._task is not None
        while self.phase == phase and not self._task.done():
            self._news.clear()
            await self._news.wait()

    async def _run(self) -> object:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        return await self._app(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        message = await self._asked.get()
        self._heard = True
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        allowed = _SAID.get(self.phase, {})
        if kind not in allowed:
            expected = " or ".join(repr(each) for each in allowed) or "nothing"
            raise RuntimeError(f"Expected ASGI message {expected}, but got '{kind}'.")
        self._message = str(message.get("message", ""))
        if kind == "lifespan.shutdown.failed":
            _log.error("the shutdown of %s failed: %s", self._name, self._message)
        self.phase = allowed[kind]
        self._news.set()

    def _without(self) -> None:
        """Go on without lifespan, where the application raised or returned and may."""
        assert self._task is not None
        error = self._task.exception()
        if self._mode == "on":
            if error is not None:
                _log.error("%s raised at startup", self._name, exc_info=error)
            why = "returned without having started" if error is None else f"{type(error).__name__}: {error}"
            raise StartupFailed(why)
        if error is not None and self._heard:
            _log.warning("%s raised at startup, and is served without lifespan", self._name, exc_info=error)
        elif error is not None:
            _log.debug("%s has no lifespan: %s: %s", self._name, type(error).__name__, error)

    def _look(self) -> None:
        """Log what the application raised after it had begun."""
        assert self._task is not None
        if self._task.done() and not self._task.cancelled() and (error := self._task.exception()) is not None:
            _log.error("the lifespan of %s raised", self._name, exc_info=error)

    async def _cancel(self) -> None:
        """End the task, which nothing is asked of any more."""
        assert self._task is not None
        if self._task.done():
            return
        if self.phase in ("over", "failed"):
            await asyncio.wait([self._task], timeout=_LAST_WORDS)
        self._task.cancel()
        await asyncio.wait([self._task], timeout=_LAST_WORDS)


def where(task: asyncio.Task[Any]) -> str:
    """Name the innermost line of the application that a task waits at, as " in FILE, line NUMBER, FUNCTION"; nothing where that is not Python's."""
    frames = [frame for each in _waiting(task.get_coro()) if (frame := each.cr_frame) is not None]
    own = [frame for frame in frames if not frame.f_code.co_filename.startswith(_NOT_THE_APPLICATION)]
    if not own:
        return ""
    code = own[-1].f_code
    return f" in {code.co_filename}, line {own[-1].f_lineno}, {code.co_name}"


def _waiting(coroutine: Any) -> Iterator[Any]:
    """Give a coroutine, the one that it awaits, and so on; compiled ones have a wrapper between, which tells the collector alone what it wraps."""
    while coroutine is not None:
        if type(coroutine).__name__ == "coroutine_wrapper":
            (coroutine,) = gc.get_referents(coroutine) or (None,)
        elif hasattr(coroutine, "cr_frame"):
            yield coroutine
            coroutine = coroutine.cr_await
        else:
            return
