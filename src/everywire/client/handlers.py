"""The client's own handlers: the server calls, they answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, Protocol, TypeVar

import msgspec

from everywire.client.wire import Called, Cancelled
from everywire.errors import Refused

__all__ = ["Handlers"]

log = logging.getLogger("everywire.client")

H = TypeVar("H", bound=Callable[..., Any])
_INTERNAL, _BAD_REQUEST, _LIMIT, _UNKNOWN, _TIMED_OUT = 100, 107, 108, 109, 113
_MOST = 256  # calls at a time


class _Say(Protocol):
    def __call__(self, command: dict[str, Any], /) -> None: ...


class Handlers:
    """Answers the server's calls by name.

    Invariants: a call is answered once, or not at all where the server or its connection is gone; at most `_MOST` are worked on; `_working` holds those
    that this connection's server waits for.
    """

    def __init__(self, say: _Say) -> None:
        self._say = say
        self._handlers: dict[str, tuple[Callable[..., Any], Any]] = {}
        self._working: dict[int, asyncio.Task[None]] = {}

    @property
    def busy(self) -> bool:
        """Whether the server waits for an answer."""
        return bool(self._working)

    def add(self, name: str, kind: Any) -> Callable[[H], H]:
        """Give a decorator that registers the handler of `name`, whose data is of type `kind`."""

        def register(handler: H) -> H:
            if not callable(handler):
                raise TypeError(f"the handler of {name} is a function, not {handler!r:.80}")
            if name in self._handlers:
                raise ValueError(f"{name} has a handler already")
            self._handlers[name] = (handler, kind)
            return handler

        return register

    def called(self, event: Called) -> None:
        """The server calls."""
        if event.name not in self._handlers:
            self._decline(event.call, _UNKNOWN, f"unknown name: {event.name}")
        elif len(self._working) >= _MOST:
            self._decline(event.call, _LIMIT, f"{_MOST} calls are being answered already")
        else:
            task = self._working[event.call] = asyncio.get_running_loop().create_task(self._work(event))
            task.add_done_callback(lambda _: self._over(event.call, task))

    def cancelled(self, event: Cancelled) -> None:
        """The server waits no longer."""
        task = self._working.get(event.call)
        if task is not None:
            task.cancel()

    def lost(self) -> None:
        """Nobody waits any longer."""
        for task in self._working.values():
            task.cancel()
        self._working = {}  # the next connection's server counts its calls from 1 again

    def _over(self, call: int, task: asyncio.Task[None]) -> None:
        if self._working.get(call) is task:
            del self._working[call]

    async def _work(self, event: Called) -> None:
        handler, kind = self._handlers[event.name]
        try:
            async with asyncio.timeout(None if event.timeout is None else event.timeout / 1000):
                answer = handler(msgspec.convert(event.data, kind))
                if isawaitable(answer):
                    answer = await answer
            if self._wanted(event.call):
                self._say({"type": "answer", "call": event.call, "data": answer})
        except Refused as no:
            self._fail(event.call, no.code, no.reason)
        except msgspec.ValidationError as error:
            self._fail(event.call, _BAD_REQUEST, str(error))
        except TimeoutError:
            self._fail(event.call, _TIMED_OUT, "the call timed out")
        except Exception:
            log.exception("error in the handler of %s", event.name)
            self._fail(event.call, _INTERNAL, "internal error")

    def _fail(self, call: int, code: int, reason: str) -> None:
        if self._wanted(call):
            self._decline(call, code, reason)

    def _wanted(self, call: int) -> bool:
        """Say whether the server waits for what this task does: a handler may take its time to end, and the next connection has its own call of that number."""
        return self._working.get(call) is asyncio.current_task()

    def _decline(self, call: int, code: int, reason: str) -> None:
        self._say({"type": "answer", "call": call, "error": {"code": code, "reason": reason[:1024]}})
