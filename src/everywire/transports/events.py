"""Sessions that are one HTTP response, or the answer to one request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

from everywire.http.streamed import Outlet
from everywire.payloads import Payload
from everywire.transports.http import LineLimits

__all__ = ["EventTransport", "OneCarrier", "Writer"]

_SLOW, _GONE = 4413, 1006


class Writer(Protocol):
    """Who makes bytes of payloads; called for each, in order, also from within a fan-out: it says nothing to the hub."""

    def write(self, payload: Payload) -> bytes:
        """Give what the payload adds to the body; maybe nothing."""

    def goodbye(self, code: int, reason: str) -> bytes:
        """Give the last words of a body whose transport was closed."""

    def told(self) -> None:
        """Learn, after a turn, that there were payloads in it."""

    def lost(self, code: int) -> None:
        """Learn that the transport is closed, whoever did that; never from inside a call to it."""


class OneCarrier:
    """Hands one payload to many transports, each of which writes it in its own way."""

    __slots__ = ()

    def send_many(self, wires: Iterable[EventTransport], payload: Payload) -> None:
        """Queue `payload` on every transport; closed ones are passed over."""
        for wire in wires:
            wire.put(payload)


CARRIER: Final = OneCarrier()


class EventTransport:
    """A transport that lives as long as one response; what comes before its `start` is held.

    Invariants: `_held` is empty once `_outlet` is set; nothing is written once `closed` is.
    """

    __slots__ = (
        "_changed",
        "_due",
        "_held",
        "_later",
        "_limits",
        "_outlet",
        "_room",
        "_size",
        "_writer",
        "begun",
        "closed",
    )

    carrier = CARRIER

    def __init__(self, limits: LineLimits, later: Callable[[float, Callable[[], None]], Any], writer: Writer) -> None:
        self._limits = limits
        self._later = later
        self._writer = writer
        self._held: list[bytes] = []
        self._size = 0
        self._outlet: Outlet | None = None
        self._room: asyncio.Future[None] | None = None
        self.closed: tuple[int, str] | None = None
        self.begun = False  # whether the response has
        self._due = False  # `told` is
        self._changed: asyncio.Future[None] | None = None

    @property
    def wire(self) -> Any:
        """The transport itself."""
        return self

    @property
    def behind(self) -> bool:
        """Whether not all that was written has left."""
        return self._outlet is not None and self._outlet.queued() > 0

    @property
    def crowded(self) -> bool:
        """Whether more is held or queued than a client should have waiting."""
        return self._waiting() > self._limits.write_high

    def _waiting(self) -> int:
        return self._size if self._outlet is None else self._outlet.queued()

    def send(self, payloads: Sequence[Payload]) -> None:
        """Queue `payloads`."""
        for payload in payloads:
            self.put(payload)

    def put(self, payload: Payload) -> None:
        """Queue one."""
        if self.closed is not None:
            return
        piece = self._writer.write(payload)
        if self._outlet is None:
            self._held.append(piece)
            self._size += len(piece)
        else:
            self._outlet.write(piece)
            self._judge(self._outlet)
        if not self._due:
            self._due = True
            self._later(0.0, self._tell)

    def _tell(self) -> None:
        self._due = False
        self._look()
        self._writer.told()

    def _judge(self, outlet: Outlet) -> None:
        """Cut off who reads too slowly."""
        if outlet.queued() <= self._limits.write_limit:
            return
        outlet.push()
        if outlet.queued() > self._limits.write_limit:
            self._close(_SLOW, "too slow")
            outlet.abort()

    async def news(self) -> None:
        """Wait until something is told, too much is held, or it is closed: who waits looks for himself."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)

    def _look(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None and not changed.done():
            changed.set_result(None)

    async def drain(self) -> None:
        """Await room; a response that is held back because of that begins."""
        while self.closed is None and self.crowded:
            if self._room is None:
                self._room = asyncio.get_running_loop().create_future()
            if self._outlet is not None:
                self._outlet.crowd(self._limits.write_high // 2)
            self._look()
            await asyncio.shield(self._room)

    def _make_room(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye, and end the response."""
        if self.closed is None:
            outlet = self._outlet
            self._close(code, reason)
            if outlet is not None:
                outlet.write(self._writer.goodbye(code, reason))
                outlet.end()

    def _close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self._outlet = None
        self._make_room()
        self._look()
        self._later(0.0, lambda: self._writer.lost(code))

    # The response, as the producer of its body

    def start(self, outlet: Outlet) -> EventTransport:
        """Begin the response with what is held."""
        self.begun = True
        outlet.write(b"".join(self._held))
        self._held.clear()
        self._size = 0
        if self.closed is not None:
            outlet.write(self._writer.goodbye(*self.closed))
            outlet.end()
        else:
            self._outlet = outlet
        self._make_room()
        return self

    def give_up(self) -> None:
        """Close, unless the response has begun."""
        if not self.begun:
            self.close(_GONE)

    def drained(self) -> None:
        """Let the commands go on."""
        self._make_room()

    def gone(self) -> None:
        """Take notice that the client is gone."""
        if self.closed is None:
            self._close(_GONE, "")
