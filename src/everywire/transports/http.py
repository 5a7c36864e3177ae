"""Sessions on lines: numbered payloads that wait for the HTTP requests that fetch them."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from everywire.bounds import AMOUNT, COUNT, check
from everywire.http.streamed import Outlet
from everywire.payloads import BodyFormat, Payload

__all__ = ["CARRIER", "LineCarrier", "LineLimits", "LineTransport", "OutOfStep"]

_OVERHEAD = 64  # bytes that a payload costs beside its own
_SLOW, _BROKEN, _MOVED = 4413, 1002, 1000
_BOUNDS = {"write_high": AMOUNT, "write_limit": COUNT, "keep": AMOUNT, "unacknowledged": AMOUNT}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimits:
    """Bounds of one line's queue, in bytes: `write_high`, above which its commands wait; `write_limit`, above which it is closed.

    Of what left by a stream the latest `keep` are kept, for a client that loses the stream and asks on. Where a client acknowledges what it has, its commands
    wait above `unacknowledged`. Raises `ValueError` for numbers that make no sense.
    """

    write_high: int = 1 << 16
    write_limit: int = 1 << 20
    keep: int = 1 << 16
    unacknowledged: int = 1 << 19

    def __post_init__(self) -> None:
        check(self, _BOUNDS)


class OutOfStep(Exception):
    """A client says that it has what was never sent, or asks for what is no longer kept; `code` is what its line is closed with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class LineListener(Protocol):
    """Who looks after a line."""

    def deaf(self, *, gone: bool) -> None:
        """Learn that a stream takes nothing any more: its client is `gone`, or it has had as much as its format allows. Also from within a fan-out."""

    def lost(self, code: int) -> None:
        """Learn that the transport is closed, whoever did that; never from inside a call to it."""


class LineCarrier:
    """Queues one payload on many lines: written once for each format that is streamed in."""

    __slots__ = ()

    def send_many(self, wires: Iterable[LineTransport], payload: Payload) -> None:
        """Queue `payload` on every line; closed ones are passed over."""
        pieces: dict[BodyFormat, bytes] = {}
        for wire in wires:
            wire.put(payload, pieces)


CARRIER: Final = LineCarrier()


class LineTransport:
    """One line as a transport: it outlives the requests that carry it.

    Payloads are numbered from 1. They are kept until the client says that it has them, or, while they are streamed, within `limits.keep`; what left by
    a `lossy` stream is not kept.

    Invariants: `_kept` ends with payload number `last`, and has `_size` bytes; at most one of `_outlet` and `_poll` is set, and neither once `closed` is;
    `turn` counts the requests that fetch payloads, and only the latest gets any; `_left` is how many bytes the stream may still take.
    """

    __slots__ = (
        *("_form", "_keep", "_kept", "_later", "_left", "_limits", "_listener", "_outlet", "_poll", "_room", "_size"),
        *("closed", "kind", "last", "turn"),
    )

    carrier = CARRIER

    def __init__(
        self, limits: LineLimits, later: Callable[[float, Callable[[], None]], Any], listener: LineListener
    ) -> None:
        """`later(delay, action)` calls `action` in `delay` seconds."""
        self._limits = limits
        self._later = later
        self._listener = listener
        self._kept: deque[str | bytes] = deque()
        self._size = 0
        self._outlet: Outlet | None = None
        self._form: BodyFormat | None = None
        self._poll: asyncio.Future[bool] | None = None
        self._room: asyncio.Future[None] | None = None
        self.turn = 0
        self._left = math.inf
        self._keep = limits.keep
        self.closed: tuple[int, str] | None = None
        self.kind: str | None = None  # how it is carried, where that is always in one way
        self.last = 0

    @property
    def wire(self) -> Any:
        """The transport itself."""
        return self

    @property
    def heard(self) -> bool:
        """Whether a request fetches payloads at this moment."""
        return self._outlet is not None or self._poll is not None

    @property
    def emptied(self) -> bool:
        """Whether nothing is kept for the client."""
        return not self._kept

    # Down

    def send(self, payloads: Sequence[Payload]) -> None:
        """Queue `payloads`."""
        for payload in payloads:
            self.put(payload, {})

    def put(self, payload: Payload, pieces: dict[BodyFormat, bytes]) -> None:
        """Queue one; `pieces` holds how it is written, by format, as far as somebody has written it."""
        if self.closed is not None:
            return
        data = payload.data
        self._kept.append(data)
        self._size += len(data) + _OVERHEAD
        self.last += 1
        if self._outlet is None or self._form is None:
            self._wake(displaced=False)
            if self._size > self._limits.write_limit and len(self._kept) > 1:
                self._cut_off()
            return
        piece = pieces.get(self._form)
        if piece is None:
            piece = pieces[self._form] = self._form.pack((data,))
        outlet = self._outlet
        outlet.write(piece)
        self._trim(outlet)
        self._left -= len(piece)
        if self._left <= 0:
            self._fill(outlet)

    def _fill(self, outlet: Outlet) -> None:
        """End a stream that has had as much as its format allows."""
        if self._outlet is outlet:
            self._outlet = self._form = None
            outlet.end()
            self.make_room()
            self._listener.deaf(gone=False)

    def _trim(self, outlet: Outlet) -> None:
        """Keep what may not have left, and a little more; cut off who does not take it."""
        most = self._limits.write_limit if self._keep else self._limits.write_limit + self._size
        if outlet.queued() > most and (len(self._kept) > 1 or not self._keep):
            outlet.push()  # how slow a client is cannot be judged before
            if outlet.queued() > most:
                self._cut_off()
                return
        if not self._keep:
            self._kept.clear()
            self._size = 0
            return
        most = self._keep + outlet.queued()
        while self._size > most and self._kept:
            self._size -= len(self._kept.popleft()) + _OVERHEAD

    def _cut_off(self) -> None:
        outlet = self._outlet
        self._kept.clear()
        self._size = 0
        self._close(_SLOW, "too slow")
        if outlet is not None:
            outlet.abort()

    @property
    def crowded(self) -> bool:
        """Whether more than `write_high` bytes wait for the client."""
        return self.closed is None and self.queued > self._limits.write_high

    async def drain(self) -> None:
        """Await room: at once, unless more than `write_high` bytes wait for the client."""
        while self.crowded:
            if self._room is None:
                self._room = asyncio.get_running_loop().create_future()
            if self._outlet is not None:
                self._outlet.crowd(self._limits.write_high // 2)
            await asyncio.shield(self._room)

    @property
    def queued(self) -> int:
        """Bytes that wait for the client."""
        return self._size if self._outlet is None else self._outlet.queued()

    def make_room(self) -> None:
        """Let those go on who wait for room; they look for themselves whether there is any."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def close(self, code: int, reason: str = "") -> None:
        """Take nothing more; what is kept may still be fetched."""
        if self.closed is not None:
            return
        outlet, form = self._outlet, self._form
        self._close(code, reason)
        if outlet is not None and form is not None:
            outlet.write(form.goodbye(code, reason))
            outlet.end()
            self._kept.clear()
            self._size = 0

    def _close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self._outlet = self._form = None
        self._wake(displaced=False)
        self.make_room()
        self._later(0.0, lambda: self._listener.lost(code))

    # The requests that fetch payloads

    def acknowledge(self, after: int) -> None:
        """Forget payloads up to number `after`, which the client has; raises `OutOfStep`."""
        first = self.last - len(self._kept)  # the number of the last one that is not kept
        if after > self.last:
            raise OutOfStep(_BROKEN, "there is no such message yet")
        if after < first:
            raise OutOfStep(_SLOW, "these messages are no longer kept")
        for _ in range(after - first):
            self._size -= len(self._kept.popleft()) + _OVERHEAD
        self.make_room()

    def displace(self) -> int:
        """End the request that fetches payloads, if there is one: another does that now, whose turn is given."""
        self.turn += 1
        outlet, self._outlet, self._form = self._outlet, None, None
        if outlet is not None:
            outlet.end()
        self._wake(displaced=True)
        return self.turn

    def _wake(self, *, displaced: bool) -> None:
        poll, self._poll = self._poll, None
        if poll is not None and not poll.done():
            poll.set_result(displaced)

    def stream(self, outlet: Outlet, form: BodyFormat, *, lossy: bool = False) -> Hearing:
        """Write what is kept, then everything, to `outlet`."""
        self.displace()
        outlet.write(form.prelude)
        piece = form.pack(tuple(self._kept)) if self._kept else b""
        outlet.write(piece)
        if self.closed is not None:
            outlet.write(form.goodbye(*self.closed))
            outlet.end()
            if lossy:
                self._kept.clear()
        else:
            self._outlet, self._form = outlet, form
            self._left = (form.limit or math.inf) - len(piece)
            self._keep = 0 if lossy else self._limits.keep
            self._trim(outlet)
            if self._left <= 0:
                self._fill(outlet)
        self.make_room()
        return Hearing(self, outlet)

    def fetch(self) -> list[str | bytes]:
        """Give what is kept."""
        self.displace()
        return list(self._kept)

    async def poll(self, wait: float, turn: int) -> list[str | bytes]:
        """Give what is kept, once there is something, after `wait` seconds in any case. Nothing where another request took over.

        `turn` is what `displace` gave when the request came: another may have come before this begins to run.
        """
        if turn != self.turn:
            return []
        if self._kept or self.closed is not None:
            return list(self._kept)  # it came since somebody looked, before this began to run
        first = self.last - len(self._kept)
        poll = self._poll = asyncio.get_running_loop().create_future()
        timer = self._later(wait, lambda: self._wake(displaced=False))
        try:
            displaced = await poll
        finally:
            timer.cancel()
            if self._poll is poll:
                self._poll = None
        moved = self.last - len(self._kept) != first  # another request was quicker, and what is kept begins later
        return [] if displaced or moved else list(self._kept)

    def release(self) -> list[str | bytes]:
        """Give what is kept, to be carried by another transport: this one takes nothing more, and nobody is told of its end."""
        self.displace()
        kept, self.closed = list(self._kept), self.closed or (_MOVED, "it is carried otherwise")
        self._kept.clear()
        self._size = 0
        self.make_room()
        return kept

    def unheard(self, outlet: Outlet) -> None:
        """Take notice that the client of a stream is gone."""
        if self._outlet is outlet:
            self._outlet = self._form = None
            self.make_room()
            self._listener.deaf(gone=True)


class Hearing:
    """One streamed response of a line, as the producer of its body."""

    __slots__ = ("_outlet", "_transport")

    def __init__(self, transport: LineTransport, outlet: Outlet) -> None:
        self._transport = transport
        self._outlet = outlet

    def drained(self) -> None:
        """Let the line's commands go on."""
        self._transport.make_room()

    def gone(self) -> None:
        """Let the line wait for its client to ask on."""
        self._transport.unheard(self._outlet)
