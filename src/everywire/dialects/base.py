"""What a dialect is: pure functions from requests and payloads to intents and commands.

A dialect decides and never acts: it has no I/O, no clock, no randomness. The gateway carries out
what it decided. Identifiers that must be minted while deciding come from the `new_id` handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from everywire.http.request import Request
from everywire.messages import Command, Heartbeat
from everywire.payloads import Codec, Payload

__all__ = ["Decoder", "Dialect", "Heartbeat", "Intent", "NewId", "Open", "Reply"]

NewId: TypeAlias = Callable[[], str]
"""Mints an unguessable id, safe in URLs."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the request and forget it."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Decoder(Protocol):
    """The reading half of a dialect: one per transport, because languages have state."""

    def decode(self, data: str | bytes) -> Iterator[Command]:
        """Give the commands in one payload, lazily: one is handled before the next is read.

        Raises `ProtocolError` where the payload is beyond the language; what was given before counts.
        """


@dataclass(frozen=True, slots=True)
class Open:
    """Make the exchange a transport, whose client reads `codec` and is read by `decoder`.

    `subprotocol` is what a WebSocket handshake selects, `greeting` is sent first.
    """

    codec: Codec
    decoder: Decoder
    subprotocol: str | None = None
    greeting: tuple[Payload, ...] = ()


Intent: TypeAlias = Reply | Open


class Dialect(Protocol):
    """One wire language; `heartbeat` is how it notices a dead link."""

    @property
    def name(self) -> str: ...

    @property
    def heartbeat(self) -> Heartbeat: ...

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Say what `request` wants; None where it is not for this dialect."""
