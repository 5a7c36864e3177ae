"""A transport that keeps what is sent until somebody takes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

from everywire.payloads import Payload

__all__ = ["MemoryCarrier", "MemoryTransport"]


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

    def send(self, payloads: Sequence[Payload]) -> None:
        """Queue `payloads`; nothing when closed."""
        if self.closed is None:
            self.outbox.extend(payload.data for payload in payloads)

    def close(self, code: int, reason: str = "") -> None:
        """Take nothing more."""
        if self.closed is None:
            self.closed = (code, reason)
