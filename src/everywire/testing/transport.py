"""A transport that keeps what is sent until somebody takes it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

from everywire.payloads import Payload

__all__ = ["CrowdedTransport", "MemoryCarrier", "MemoryTransport"]


class MemoryCarrier:
    """Writes one payload to many memory transports."""

    __slots__ = ()

    def send_many(self, wires: Iterable[MemoryTransport], payload: Payload) -> None:
        """Queue `payload` on every transport that is open."""
        for wire in wires:
            wire.send((payload,))


CARRIER: Final = MemoryCarrier()


class MemoryTransport:
    """Keeps payloads on their way to the client in `outbox`; `closed` is (code, reason) once it is."""

    __slots__ = ("closed", "outbox")

    carrier = CARRIER

    def __init__(self) -> None:
        self.outbox: deque[str | bytes] = deque()
        self.closed: tuple[int, str] | None = None

    @property
    def wire(self) -> Any:
        """The transport itself."""
        return self

    @property
    def crowded(self) -> bool:
        """Never."""
        return False

    @property
    def queued(self) -> int:
        """Bytes that wait to be taken, characters of text counted as bytes."""
        return sum(len(data) for data in self.outbox)

    def send(self, payloads: Sequence[Payload]) -> None:
        """Queue `payloads`; nothing when closed."""
        if self.closed is None:
            self.outbox.extend(payload.data for payload in payloads)

    def take(self) -> str | bytes:
        """Give the client what was queued first."""
        return self.outbox.popleft()

    async def drain(self) -> None:
        """There is always room."""

    def close(self, code: int, reason: str = "") -> None:
        """Take nothing more."""
        if self.closed is None:
            self.closed = (code, reason)


class CrowdedTransport(MemoryTransport):
    """A transport that has room only while at most `crowd` payloads wait to be taken, as a slow line has."""

    __slots__ = ("_crowd", "_loop", "_room")

    def __init__(self, crowd: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._crowd = crowd
        self._loop = loop
        self._room: asyncio.Future[None] | None = None

    @property
    def crowded(self) -> bool:
        """Say whether it has no room."""
        return self.closed is None and len(self.outbox) > self._crowd

    def take(self) -> str | bytes:
        """Give the client what was queued first."""
        taken = super().take()
        self._make_room()
        return taken

    async def drain(self) -> None:
        """Wait until enough was taken, or nothing can be sent any more."""
        while self.crowded:
            if self._room is None:
                self._room = self._loop.create_future()
            await asyncio.shield(self._room)  # several may wait, and one of them be cancelled

    def close(self, code: int, reason: str = "") -> None:
        """Take nothing more."""
        super().close(code, reason)
        self._make_room()

    def _make_room(self) -> None:
        if self._room is not None and not self.crowded:
            room, self._room = self._room, None
            room.set_result(None)
