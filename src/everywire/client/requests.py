"""Commands that await an answer, in the order in which they were made; some outlive the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from everywire.client.wire import Event, Failed, encode
from everywire.errors import CloseCode, ConnectionClosedError, Refused

__all__ = ["LIMIT_EXCEEDED", "Requests", "refusal"]

LIMIT_EXCEEDED = 108
_WINDOW = 64  # commands unanswered at a time: a server rightly closes on who says more than it can work off


def refusal(event: Failed) -> Refused:
    """Give the exception that stands for a server's no."""
    return Refused(event.reason, event.code, temporary=event.temporary)


@dataclass(slots=True)
class _Request:
    text: str  # encoded once, when it was made: what the application does with its data later changes nothing
    read: Callable[[Any], Any]
    future: asyncio.Future[Any]
    repeatable: bool  # a key, or its nature, makes saying it twice harmless: so it waits for the next connection
    sent: bool = False
    timer: asyncio.TimerHandle | None = None


class Requests:
    """The unanswered commands of one client.

    Invariants: at most `limit`; each future is settled once; the order of the dict is the order of the calls.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[int, _Request] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(
        self, command: dict[str, Any], read: Callable[[Any], Any], *, repeatable: bool, timeout: float | None = None
    ) -> asyncio.Future[Any]:
        """Keep `command` until it is answered, for `timeout` seconds at most; the future gets what `read` makes of the answer.

        It is not sent: `flush` does that. Raises `Refused` when too many wait already.
        """
        if len(self._waiting) >= self._limit:
            raise Refused(f"{self._limit} commands are waiting for the server already", LIMIT_EXCEEDED, temporary=True)
        loop = asyncio.get_running_loop()
        number = command["id"]
        request = self._waiting[number] = _Request(encode(command), read, loop.create_future(), repeatable)
        if timeout is not None:
            late = TimeoutError(f"no answer to {command['type']} within {timeout:g} s")
            request.timer = loop.call_later(timeout, self._fail, number, late)
        request.future.add_done_callback(lambda _: self._take(number))  # the caller may have cancelled it
        return request.future

    def flush(self, send: Callable[[str], None]) -> None:
        """Send what was not sent over this connection yet, oldest first, as far as the window allows."""
        for place, request in enumerate(self._waiting.values()):
            if place >= _WINDOW:
                return
            if not request.sent:
                request.sent = True
                send(request.text)

    def answer(self, number: int, event: Event) -> None:
        """Settle a command by what the server says to it."""
        request = self._take(number)
        if request is None or request.future.done():
            return
        if isinstance(event, Failed):
            request.future.set_exception(refusal(event))
            return
        try:
            request.future.set_result(request.read(event))
        except AttributeError:
            request.future.set_exception(ConnectionClosedError(CloseCode.PROTOCOL_ERROR, "an answer of another kind"))

    def lost(self, code: int) -> None:
        """The connection ended with `code`: whether a sent command was carried out is unknown, so only the repeatable is said again.

        Not after "too big", though: what was too big for this connection would end the next one too, and so on.
        """
        too_big = code == CloseCode.MESSAGE_TOO_BIG
        reason = "a command was too big for the server" if too_big else "the connection was lost before the answer"
        for number, request in [*self._waiting.items()]:
            if request.sent and (too_big or not request.repeatable):
                self._fail(number, ConnectionClosedError(code if too_big else CloseCode.ABNORMAL, reason))
            request.sent = False

    def fail_all(self, error: Exception) -> None:
        """Fail everything that waits."""
        for number in [*self._waiting]:
            self._fail(number, error)

    def _fail(self, number: int, error: Exception) -> None:
        request = self._take(number)
        if request is not None and not request.future.done():
            request.future.set_exception(error)

    def _take(self, number: int) -> _Request | None:
        request = self._waiting.pop(number, None)
        if request is not None and request.timer is not None:
            request.timer.cancel()
        return request
