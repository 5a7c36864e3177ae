"""Sessions that outlive the WebSocket which carries them: what was said is kept until the client says that it has it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

from everywire.payloads import Carrier, Payload, Uncounted
from everywire.transports.http import LineLimits
from everywire.transports.websocket import WebSocketTransport

__all__ = ["CARRIER", "NumberedCarrier", "NumberedTransport"]

_OVERHEAD = 64  # bytes that a payload costs beside its own
_MOST_AGAIN = 20_000  # payloads that the client has, of which it is told anew that they are there
_SLOW = 4413


class _Listener(Protocol):
    def lost(self, code: int) -> None:
        """Learn that the transport is closed, whoever did that; never from inside a call to it."""


class NumberedCarrier:
    """Keeps one payload for many transports, and writes it to the WebSockets that carry them: framed once."""

    __slots__ = ()

    def send_many(self, wires: Iterable[NumberedTransport], payload: Payload) -> None:
        """Queue `payload` on every transport; closed ones are passed over."""
        counts = not isinstance(payload, Uncounted)
        below: dict[Carrier, list[Any]] = {}
        for wire in wires:
            if (not counts or wire.keep(payload.data)) and wire.below is not None and wire.closed is None:
                below.setdefault(wire.below.carrier, []).append(wire.below.wire)
        for carrier, sockets in below.items():
            carrier.send_many(sockets, payload)


CARRIER: Final = NumberedCarrier()


class NumberedTransport:
    """One line as a transport whose WebSockets come and go; payloads that are not `Uncounted` are numbered from 1.

    What counts is kept until it is acknowledged. From `limits.unacknowledged` bytes on, the client's commands wait; from `limits.write_limit` on, the line
    cannot go on over another WebSocket any more, and is closed if it has none.

    Invariants: `_kept` ends with number `last` and has `_size` bytes; it begins behind what was acknowledged, unless it is no longer `whole`. `below` carries
    the line and is None between two WebSockets; while it is not `flowing`, what counts is kept without being written. Numbers up to `_again` were said before
    this WebSocket; up to `_sure` the client has certainly counted: one that says, while it hears these again, that it has them all may be further behind.
    """

    __slots__ = (
        *("_again", "_kept", "_later", "_limits", "_listener", "_room", "_size", "_sure"),
        *("below", "closed", "flowing", "last", "whole"),
    )

    carrier = CARRIER
    kind = "websocket"

    def __init__(
        self,
        limits: LineLimits,
        later: Callable[[float, Callable[[], None]], Any],
        listener: _Listener,
        below: WebSocketTransport,
    ) -> None:
        """`later(delay, action)` calls `action` in `delay` seconds."""
        self._limits = limits
        self._later = later
        self._listener = listener
        self._kept: deque[str | bytes] = deque()
        self._size = self._again = self._sure = 0
        self._room: asyncio.Future[None] | None = None
        self.below: WebSocketTransport | None = below
        self.flowing = False
        self.closed: tuple[int, str] | None = None
        self.last = 0
        self.whole = True

    @property
    def wire(self) -> Any:
        """The transport itself."""
        return self

    # Down

    def send(self, payloads: Sequence[Payload]) -> None:
        """Queue `payloads`."""
        for payload in payloads:
            self.carrier.send_many((self,), payload)

    def keep(self, data: str | bytes) -> bool:
        """Keep what counts, and say whether it is to be written now."""
        if self.closed is not None:
            return False
        self._kept.append(data)
        self._size += len(data) + _OVERHEAD
        self.last += 1
        now = self.flowing
        if self._size > self._limits.write_limit and len(self._kept) > 1:
            self._give_up()
        return now

    def _give_up(self) -> None:
        """Keep no more than there is room for: who then loses the WebSocket begins anew."""
        self.whole = False
        self.flow()  # what waits for the client's first word has no more room than what waits for its acknowledgement
        while self._size > self._limits.write_limit and len(self._kept) > 1 and self.flowing:
            self._size -= len(self._kept.popleft()) + _OVERHEAD
        if self.below is None:
            self._close(_SLOW, "too slow")

    def flow(self) -> None:
        """Write what was kept, and everything from now on."""
        if not self.flowing and self.below is not None:
            self.flowing = True
            self.below.send([Payload(data) for data in self._kept])

    def acknowledge(self, number: int) -> None:
        """Forget payloads up to `number`, which the client has."""
        first, number = self.last - len(self._kept), min(number, self.last)
        self.whole = self.whole or number >= first
        for _ in range(number - first):
            self._size -= len(self._kept.popleft()) + _OVERHEAD
        if number > self._again:
            self._sure = max(self._sure, number)
        self.make_room()

    @property
    def crowded(self) -> bool:
        """Whether more waits to be acknowledged than should.

        What a WebSocket has queued is a part of that: while it is told again what it may have missed, its client says again as much.
        """
        return self.closed is None and self._size > self._limits.unacknowledged

    @property
    def queued(self) -> int:
        """Bytes that wait for the client."""
        return self._size

    async def drain(self) -> None:
        """Await room: at once, unless too much waits."""
        while self.crowded:
            if self._room is None:
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    def make_room(self) -> None:
        """Let those go on who wait for room; they look for themselves whether there is any."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def close(self, code: int, reason: str = "") -> None:
        """Take nothing more, and close the WebSocket if there is one."""
        if self.closed is None:
            below = self.below
            self._close(code, reason)
            if below is not None:
                below.close(code, reason)

    def _close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self.below = None
        self._kept.clear()
        self._size = 0
        self.make_room()
        self._later(0.0, lambda: self._listener.lost(code))

    # WebSockets

    def part(self) -> None:
        """Go on without a WebSocket."""
        self.below, self.flowing = None, False
        if not self.whole:
            self._close(_SLOW, "too slow")

    def resume(self, below: WebSocketTransport, sequence: Callable[[int], Payload], nothing: Payload) -> None:
        """Be carried by another WebSocket, beginning with what was not acknowledged; `sequence` words the number of that.

        Where the client may not have counted so far it begins earlier, by as much of `nothing`, which means nothing to who has heard that number.
        """
        self.below, self.flowing = below, False
        held = self.last - len(self._kept)
        behind = held - self._sure
        again = behind if behind <= _MOST_AGAIN else 0
        below.send((sequence(held - again + 1), *(nothing for _ in range(again))))
        self._again = self.last
        self.flow()
