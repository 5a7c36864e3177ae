"""Signals that end a server: clients are let go before it hears of them."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Final

__all__ = ["Signals"]

_MOMENT: Final = 0.1  # seconds that last words have to leave a server that drops them at once
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Puts itself before the server's own handlers of the signals that end it: those are called once `leave` is done, or at the second signal.

    A server waits for its responses to end before it says so by the lifespan: a stream that goes on for ever would keep it from ever ending. Where it hears of
    signals by asyncio it hears at once, and `leave` is done meanwhile. Without handlers of a server's own, and in other threads than the main one, nothing is
    done.

    Invariants: `_before` are the handlers that were there; once `_leaving` signals go to these.
    """

    def __init__(self, leave: Callable[[], Awaitable[None]]) -> None:
        self._leave: Final = leave
        self._loop: Final = asyncio.get_running_loop()
        self._before: dict[int, Any] = {}
        self._leaving: asyncio.Future[None] | None = None
        self._over = False
        self._handle: Final = self._come

    def begin(self) -> None:
        """Hear of signals from now on."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _ENDING:
            before = signal.getsignal(number)
            if callable(before) and not _nobodys(before):
                self._before[number] = before
                signal.signal(number, self._handle)

    def end(self) -> None:
        """Hear of them no more."""
        self._over = True
        if threading.current_thread() is threading.main_thread():
            for number, before in self._before.items():
                if signal.getsignal(number) == self._handle:  # else who came after us calls us on
                    signal.signal(number, before)

    def _come(self, number: int, frame: FrameType | None) -> None:
        if self._over or self._loop.is_closed():
            self._before[number](number, frame)
        else:
            self._loop.call_soon_threadsafe(self._heard, number)

    def _heard(self, number: int) -> None:
        before = self._before[number]
        if self._leaving is not None or self._over:
            before(number, None)
            return
        self._leaving = asyncio.ensure_future(self._leave())
        self._leaving.add_done_callback(lambda _: self._loop.call_later(_MOMENT, before, number, None))


def _nobodys(handler: Any) -> bool:
    """Say whether a handler is no server's, but Python's or that of `asyncio.run`, which is taken away with its loop."""
    runner = getattr(getattr(handler, "func", None), "__self__", None)
    return handler is signal.default_int_handler or isinstance(runner, asyncio.Runner)
