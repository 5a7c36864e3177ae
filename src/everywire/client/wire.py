"""What goes over the native wire, as the client sees it: events decoded, commands encoded.

The data of the application is decoded too; the server's own messages (`everywire.messages`) leave it as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct

from everywire.dialects.native import SUBPROTOCOL
from everywire.messages import Position

__all__ = [
    "SUBPROTOCOL",
    "Beat",
    "Connected",
    "Event",
    "Failed",
    "Joined",
    "Left",
    "Member",
    "Moved",
    "Page",
    "Ponged",
    "Position",
    "Publication",
    "Published",
    "Publishing",
    "Result",
    "Roster",
    "Subscribed",
    "Unsubscribed",
    "encode",
    "read",
]


class Member(Struct, frozen=True):
    """A session in a channel: `user` is whom the server authenticated, `info` what the client said about itself."""

    session: str
    user: str | None = None
    info: Any = None


class Publication(Struct, frozen=True):
    """Channel data. `offset` is None where it was ephemeral; `time` is in milliseconds since 1970, by the server's clock.

    `sender` is None where the server itself published.
    """

    data: Any
    time: int = 0
    offset: int | None = None
    sender: Member | None = msgspec.field(default=None, name="from")


class Heartbeat(Struct, frozen=True):
    """Milliseconds: the server speaks at least every `every`, and is late only after `patience` more."""

    every: float
    patience: float


class Connected(Struct, frozen=True, tag="connected"):
    """The server's welcome."""

    id: int
    session: str
    user: str | None
    resume: str
    resumed: bool
    heartbeat: Heartbeat


class Subscribed(Struct, frozen=True, tag="subscribed"):
    """The subscription holds, or, with `more`, a page on the way there; epoch and offset are the position after `publications`.

    `more` is "follows" where the next page comes by itself, "ask" where it is to be asked for.
    """

    id: int
    channel: str
    epoch: str
    offset: int
    recovered: bool
    publications: list[Publication]
    members: list[Member] = []
    more: Literal["follows", "ask"] | None = None


class Unsubscribed(Struct, frozen=True, tag="unsubscribed"):
    """The subscription is over; without `id` the server ended it."""

    channel: str
    id: int | None = None
    reason: str = "the server ended it"


class Published(Struct, frozen=True, tag="published"):
    """A publication is in the log, or was told if it was ephemeral."""

    id: int
    channel: str
    epoch: str | None = None
    offset: int | None = None


class Publishing(Publication, frozen=True, tag="publication"):
    """A publication as it happens."""

    channel: str = ""


class Joined(Struct, frozen=True, tag="join"):
    """A member came."""

    channel: str
    member: Member


class Left(Struct, frozen=True, tag="leave"):
    """A member went."""

    channel: str
    member: Member


class Page(Struct, frozen=True, tag="history"):
    """A stretch of a channel's history; epoch and offset are the end of the log. With `more` the server cut it."""

    id: int
    channel: str
    epoch: str
    offset: int
    publications: list[Publication]
    more: bool = False

    @property
    def position(self) -> Position:
        """The end of the log."""
        return Position(self.epoch, self.offset)


class Roster(Struct, frozen=True, tag="presence"):
    """Who is in a channel."""

    id: int
    channel: str
    members: list[Member]


class Result(Struct, frozen=True, tag="result"):
    """What a call's handler gave back."""

    id: int
    data: Any = None


class Failed(Struct, frozen=True, tag="error"):
    """A command was refused."""

    id: int
    code: int
    reason: str
    temporary: bool = False


class Beat(Struct, frozen=True, tag="ping"):
    """The server asks whether we live."""


class Ponged(Struct, frozen=True, tag="pong"):
    """The answer to our ping."""

    id: int


class Moved(Struct, frozen=True, tag="moved"):
    """A channel's log was lost and begins anew."""

    channel: str
    epoch: str


Event: TypeAlias = (
    Connected
    | Subscribed
    | Unsubscribed
    | Published
    | Publishing
    | Joined
    | Left
    | Page
    | Roster
    | Result
    | Failed
    | Beat
    | Ponged
    | Moved
)

_KNOWN = frozenset(kind.__struct_config__.tag for kind in get_args(Event))
_decode = msgspec.json.Decoder(Event | list[Event]).decode
_encode = msgspec.json.Encoder().encode


def read(message: str | bytes) -> Iterator[Event]:
    """Give the events in one message; those of a type that is not known here are passed over.

    Raises `ValueError` for what is not JSON, or lacks what its type must have.
    """
    try:
        said = _decode(message)
    except msgspec.ValidationError:
        yield from _known(msgspec.json.decode(message))
        return
    if isinstance(said, list):
        yield from said
    else:
        yield said


def _known(said: Any) -> Iterator[Event]:
    for item in said if isinstance(said, list) else [said]:
        kind = item.get("type") if isinstance(item, dict) else None
        if not isinstance(kind, str) or kind in _KNOWN:
            yield msgspec.convert(item, Event)


def encode(command: dict[str, Any]) -> str:
    """Write a command, without those of its fields that are None (but for `data`, which may be null).

    Raises `TypeError` for what JSON cannot say.
    """
    return _encode({name: value for name, value in command.items() if value is not None or name == "data"}).decode()
