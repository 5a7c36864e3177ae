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
from everywire.payloads import BodyFormat, Codec, Payload

__all__ = ["Decoder", "Deliver", "Dialect", "Heartbeat", "Intent", "Leave", "NewId", "Open", "Reply", "Upgrade"]

NewId: TypeAlias = Callable[[], str]
"""Mints an unguessable id, safe in URLs."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the request and forget it."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """How a client moves from one transport to a better one: payloads that are recognised and sent.

    The client sends `probe` on the new transport and is told `answer`; `nudge` frees a hanging
    receiver of the old one; `commit` makes the new one the transport.
    """

    probe: Payload
    answer: Payload
    commit: Payload
    nudge: Payload


@dataclass(frozen=True, slots=True)
class Open:
    """Make the exchange a transport.

    `id` names the session where the dialect knows one before the first message; `subprotocol` is what
    a WebSocket handshake selects; `greeting` is sent first; `body_format` is how an HTTP transport
    writes; `unknown` is the answer where `id` must exist already and does not.
    """

    id: str | None = None
    subprotocol: str | None = None
    greeting: tuple[Payload, ...] = ()
    body_format: BodyFormat | None = None
    upgrade: Upgrade | None = None
    unknown: Reply | None = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """Give `payloads`, which came as a request's body, to the session `id`, then `answer`."""

    id: str
    payloads: tuple[str | bytes, ...]
    answer: Reply
    unknown: Reply


@dataclass(frozen=True, slots=True)
class Leave:
    """End the session `id`, then `answer`."""

    id: str
    answer: Reply
    unknown: Reply


Intent: TypeAlias = Reply | Open | Deliver | Leave


class Decoder(Protocol):
    """The reading half of a dialect: one per transport, because languages have state."""

    def decode(self, data: str | bytes) -> Iterator[Command]:
        """Give the commands in one payload, lazily: one is handled before the next is read.

        Raises `ProtocolError` where the payload is beyond the language; what was given before counts.
        """


class Dialect(Protocol):
    """One wire language.

    `codec` is the language's default; `heartbeat` is how it notices a dead link.
    """

    @property
    def name(self) -> str: ...

    @property
    def codec(self) -> Codec: ...

    @property
    def heartbeat(self) -> Heartbeat: ...

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Say what `request` wants; None where it is not for this dialect."""

    def decoder(self) -> Decoder:
        """Give a decoder for one new transport."""
