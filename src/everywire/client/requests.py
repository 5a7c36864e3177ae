"""Commands that await an answer, in the order in which they were made; some outlive the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from everywire.client.wire import Event, Failed, encode
from everywire.errors import CloseCode, ConnectionClosedError, Refused

__all__ = ["LIMIT_EXCEEDED", "Conflict", "Manner", "Requests", "refusal"]

LIMIT_EXCEEDED = 108
_TIMED_OUT = 113
_CONFLICT = 111
_WINDOW = 64  # commands unanswered at a time: a server rightly closes on who says more than it can work off


class Conflict(Refused):
    """Compare-and-set found another publication in the entry: the one at `offset`, 0 where there is none."""

    def __init__(self, reason: str, data: Any = None) -> None:
        super().__init__(reason, _CONFLICT, data=data)
        found = data.get("offset") if isinstance(data, dict) else None
        self.offset: int = found if isinstance(found, int) else 0


def refusal(event: Failed) -> Refused:
    """Give the exception that stands for a server's no."""
    if event.code == _CONFLICT:
        return Conflict(event.reason, event.data)
    return Refused(event.reason, event.code, temporary=event.temporary, data=event.data)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a command is treated.

    repeatable: a key, or its nature, makes saying it twice harmless, so it waits for the next connection. timeout: seconds until it has failed.
    cancelled: told of the command's number where the caller waits no longer for what was said. sent: called with its future once it was said.
    flowing: its answer may be long in coming, and is not what others wait for. fleeting: it does not wait for another connection, even where it was not said.
    """

    repeatable: bool = True
    timeout: float | None = None
    cancelled: Callable[[int], None] | None = None
    sent: Callable[[asyncio.Future[Any]], None] | None = None
    flowing: bool = False
    fleeting: bool = False

    def replaced(self, *, sent: Callable[[asyncio.Future[Any]], None]) -> Manner:
        """Give the same, with `sent`."""
        return replace(self, sent=sent)


@dataclass(slots=True)
class _Request:
    message: (
        str | bytes
    )  # encoded once, when it was made: what the application does with its data later changes nothing
    read: Callable[[Any], Any]
    future: asyncio.Future[Any]
    manner: Manner
    sent: bool = False
    timer: asyncio.TimerHandle | None = None
    late: TimeoutError | None = None

    @property
    def overdue(self) -> TimeoutError | None:
        """What it fails with where its time is over, though its timer has not run: the server, which counts from later on, may have said so just before."""
        over = self.timer is not None and self.timer.when() <= self.future.get_loop().time()
        return self.late if over else None


class Requests:
    """The unanswered commands of one client; `packed` ones are encoded as MessagePack.

    Invariants: at most `limit`; each future is settled once; the order of the dict is the order of the calls.
    """

    def __init__(self, limit: int, *, packed: bool = False) -> None:
        self._limit = limit
        self._packed = packed
        self._waiting: dict[int, _Request] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def risky(self) -> bool:
        """Whether something was said that would fail with this connection."""
        return any(request.sent and not request.manner.repeatable for request in self._waiting.values())

    def add(
        self, command: dict[str, Any], read: Callable[[Any], Any], manner: Manner | None = None
    ) -> asyncio.Future[Any]:
        """Keep `command` until it is answered; the future gets what `read` makes of the answer.

        It is not sent: `flush` does that. Raises `Refused` when too many wait already.
        """
        if len(self._waiting) >= self._limit:
            raise Refused(f"{self._limit} commands are waiting for the server already", LIMIT_EXCEEDED, temporary=True)
        manner = manner or Manner()
        loop = asyncio.get_running_loop()
        number = command["id"]
        message = encode(command, packed=self._packed)
        request = self._waiting[number] = _Request(message, read, loop.create_future(), manner)
        if manner.timeout is not None:
            request.late = TimeoutError(f"no answer to {command['type']} within {manner.timeout:g} s")
            request.timer = loop.call_later(manner.timeout, self._give_up, number, request.late)
        request.future.add_done_callback(lambda _: self._forgotten(number))  # the caller may have cancelled it
        return request.future

    def flush(self, send: Callable[[str | bytes], None]) -> None:
        """Send what was not sent over this connection yet, oldest first, as far as the window allows."""
        place = 0
        for request in [*self._waiting.values()]:
            if place >= _WINDOW:
                return
            place += not (request.manner.flowing and request.sent)
            if not request.sent:
                request.sent = True
                send(request.message)
                if request.manner.sent is not None:
                    request.manner.sent(request.future)

    def answer(self, number: int, event: Event) -> None:
        """Settle a command by what the server says to it."""
        request = self._take(number)
        if request is None or request.future.done():
            return
        if isinstance(event, Failed):
            late = request.overdue if event.code == _TIMED_OUT else None
            request.future.set_exception(late or refusal(event))
            return
        try:
            request.future.set_result(request.read(event))
        except AttributeError:
            request.future.set_exception(ConnectionClosedError(CloseCode.PROTOCOL_ERROR, "an answer of another kind"))
        except ValueError as error:  # what came is not of the type that was asked for
            request.future.set_exception(error)

    def lost(self, code: int) -> None:
        """The connection ended with `code`: whether a sent command was carried out is unknown, so only the repeatable is said again.

        Not after "too big", though: what was too big for this connection would end the next one too, and so on.
        """
        too_big = code == CloseCode.MESSAGE_TOO_BIG
        reason = "a command was too big for the server" if too_big else "the connection was lost before the answer"
        for number, request in [*self._waiting.items()]:
            if request.manner.fleeting or (request.sent and (too_big or not request.manner.repeatable)):
                self.fail(number, ConnectionClosedError(code if too_big else CloseCode.ABNORMAL, reason))
            request.sent = False

    def fail_all(self, error: Exception) -> None:
        """Fail everything that waits."""
        for number in [*self._waiting]:
            self.fail(number, error)

    def fail(self, number: int, error: Exception) -> None:
        """Fail one."""
        request = self._take(number)
        if request is not None and not request.future.done():
            request.future.set_exception(error)

    def _give_up(self, number: int, error: Exception) -> None:
        request = self._waiting.get(number)
        self.fail(number, error)
        self._cancelled(number, request)

    def _forgotten(self, number: int) -> None:
        self._cancelled(number, self._take(number))

    def _cancelled(self, number: int, request: _Request | None) -> None:
        if request is not None and request.sent and request.manner.cancelled is not None:
            request.manner.cancelled(number)

    def _take(self, number: int) -> _Request | None:
        request = self._waiting.pop(number, None)
        if request is not None and request.timer is not None:
            request.timer.cancel()
        return request
