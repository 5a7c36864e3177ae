"""Payloads, and the interfaces of those who make and carry them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from everywire.messages import Event

__all__ = ["BodyFormat", "Carrier", "Codec", "Part", "Payload", "Transport", "Uncounted"]


class Payload:
    """One encoded message: `data` is what one WebSocket message carries, str for text, bytes for binary.

    A payload is shared by all who receive it and never changes.
    """

    __slots__ = ("data",)

    def __init__(self, data: str | bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"Payload({self.data!r})"


class Uncounted(Payload):
    """A payload that has no number where others have one: it is of its moment, and never said again."""

    __slots__ = ()


class Codec(Protocol):
    """The encoding half of a dialect: stateless, shared by all its sessions, compared by identity.

    It is the key of "encode once": a fan-out calls `encode` once per codec, not once per session. A
    filter, a delta, a version of a wire is another codec, wrapped around one.
    """

    @property
    def dialect(self) -> str:
        """The name of the dialect that it writes: others see it of a session whose client reads this."""

    def encode(self, event: Event) -> tuple[Payload, ...]:
        """Say `event` in the wire's language; an empty tuple where the language has no word for it."""


Part: TypeAlias = Callable[[Codec, int, str], tuple[Payload, ...] | None]
"""Words the end of one of several sessions on a transport: given its codec, a close code and a reason; None closes the transport with it."""


@dataclass(frozen=True, slots=True, eq=False)
class BodyFormat:
    """How payloads stand in the body of an HTTP response; compared by identity.

    `pack` writes some of them, as they follow each other; of a `one_shot` body that is all. `goodbye` is the last word of a line that was
    closed with a code and a reason, `prelude` the first of every body. A one-shot one that may be `compressed` is, where its client and the settings let it be.
    A streamed one ends once it has `limit` bytes beside its prelude, 0 for none: its client asks on, and a browser lets go of what it has read.
    """

    content_type: str
    pack: Callable[[Sequence[str | bytes]], bytes]
    goodbye: Callable[[int, str], bytes]
    prelude: bytes = b""
    one_shot: bool = False
    compressed: bool = False
    limit: int = 0


class Carrier(Protocol):
    """Writes one payload for many transports of one kind at once; compared by identity.

    `wires` are those transports' `wire`. Nothing is raised for a wire that is closed or closing.
    """

    def send_many(self, wires: Iterable[Any], payload: Payload) -> None:
        """Queue `payload` on every wire, framed once."""


class Transport(Protocol):
    """Carries one client's payloads, and outlives the HTTP requests that carry it.

    `wire` is what `carrier.send_many` takes for this transport. Nothing here blocks or raises because
    of the peer: what cannot be carried any more is told once, as the loss of the transport.
    """

    @property
    def carrier(self) -> Carrier: ...

    @property
    def wire(self) -> Any: ...

    @property
    def crowded(self) -> bool:
        """Whether there is no room: exactly while `drain` would wait. Asked often, and for many transports at once, so it has to be cheap."""

    def send(self, payloads: Sequence[Payload]) -> None:
        """Queue `payloads` in order."""

    def drain(self) -> Awaitable[None]:
        """Await room for more: at once while little is queued, and once nothing can be sent any more."""

    def close(self, code: int, reason: str = "") -> None:
        """Send what is queued, then close; the loss is told later, never from inside this call."""
