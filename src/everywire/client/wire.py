"""What goes over the native wire, as the client sees it: events decoded, commands encoded.

The data of the application is decoded too; the server's own messages (`everywire.messages`) leave it as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast, get_args, get_origin

import msgspec
from msgspec import Struct

from everywire.dialects.native import PACKED_SUBPROTOCOL, SUBPROTOCOL
from everywire.messages import Policy, PolicyKind, Position

__all__ = [
    "PACKED_SUBPROTOCOL",
    "SUBPROTOCOL",
    "Adjusted",
    "Beat",
    "Called",
    "Cancelled",
    "Connected",
    "Credit",
    "End",
    "Entries",
    "Event",
    "Failed",
    "Item",
    "Joined",
    "Left",
    "Member",
    "Moved",
    "Page",
    "Passed",
    "Policy",
    "Ponged",
    "Position",
    "Publication",
    "Published",
    "Publishing",
    "Refreshed",
    "Result",
    "Roster",
    "Subscribed",
    "Unsubscribed",
    "as_json",
    "encode",
    "read",
    "said_policy",
]

T = TypeVar("T")


class Member(Struct, frozen=True):
    """A session in a channel: `user` is whom the server authenticated, `info` what the client said about itself.

    Where the channel's presence counts users, it is a user with `tabs` sessions, and `session` the first of them. `dialect` is what
    its client speaks: "native", "socketio", …
    """

    session: str
    user: str | None = None
    info: Any = None
    tabs: int = 1
    dialect: str = "native"


class Publication(Struct, Generic[T], frozen=True):
    """Channel data. `offset` is None where it was ephemeral; `time` is in milliseconds since 1970, by the server's clock.

    `sender` is None where the server itself published. `entry` is the entry of a keyed channel that it set, or `removed`. `channel` says where, with
    wildcards.
    """

    data: T = cast(Any, None)
    time: int = 0
    offset: int | None = None
    sender: Member | None = msgspec.field(default=None, name="from")
    entry: str | None = None
    removed: bool = False
    channel: str = ""


class Heartbeat(Struct, frozen=True):
    """Milliseconds: the server speaks at least every `every`, and is late only after `patience` more."""

    every: float
    patience: float


class Connected(Struct, frozen=True, tag="connected"):
    """The server's welcome. `expires`: the token has to be refreshed within so many milliseconds; `channels`: what the server subscribed us to."""

    id: int
    session: str
    user: str | None
    resume: str
    resumed: bool
    heartbeat: Heartbeat
    expires: float | None = None
    channels: list[str] = []


class Refreshed(Struct, frozen=True, tag="refreshed"):
    """The newer token holds, for `expires` milliseconds where that is bounded."""

    id: int
    expires: float | None = None


class Subscribed(Struct, frozen=True, kw_only=True, tag="subscribed"):
    """The subscription holds, or, with `more`, a page on the way there; epoch and offset are the position after `publications`.

    `more` is "follows" where the next page comes by itself, "ask" where it is to be asked for. Without `id` the server began the subscription. With
    wildcards there is no position. `entries` is a keyed channel: all of it, or with `recovered` what changed; `after` is how far a page of it goes.
    """

    id: int | None = None
    channel: str
    epoch: str | None = None
    offset: int = 0
    recovered: bool
    publications: list[Publication[Any]]
    members: list[Member] = []
    more: Literal["follows", "ask"] | None = None
    entries: list[Publication[Any]] | None = None
    after: Any = None


class _Policy(Struct, frozen=True):
    kind: PolicyKind
    interval: float = 0
    size: int = 0


class Adjusted(Struct, frozen=True, tag="policy"):
    """The delivery policy that holds now."""

    id: int
    channel: str
    policy: _Policy

    @property
    def meant(self) -> Policy:
        """The policy, its times in seconds."""
        return Policy(self.policy.kind, self.policy.interval / 1000, self.policy.size)


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


class Publishing(Publication[Any], frozen=True, tag="publication"):
    """A publication as it happens; `delta` where its data is told as the difference from the publication with the offset `base`."""

    delta: dict[str, Any] | None = None
    base: int = 0


class Passed(Struct, frozen=True, tag="passed"):
    """The log is at this position; `count` publications up to there are left out on purpose."""

    channel: str
    epoch: str
    offset: int
    count: int = 1


class Joined(Struct, frozen=True, tag="join"):
    """A member came."""

    channel: str
    member: Member


class Left(Struct, frozen=True, tag="leave"):
    """A member went."""

    channel: str
    member: Member


class Page(Struct, Generic[T], frozen=True, tag="history"):
    """A stretch of a channel's history; epoch and offset are the end of the log.

    With `more` the server cut it; `after` is how far it went, where all of that was for others.
    """

    id: int
    channel: str
    epoch: str
    offset: int
    publications: list[Publication[T]]
    more: bool = False
    recovered: bool = False
    after: int | None = None

    @property
    def position(self) -> Position:
        """The end of the log."""
        return Position(self.epoch, self.offset)


class Entries(Struct, frozen=True, tag="entries"):
    """The entries of a keyed channel as they were at `position`."""

    id: int
    channel: str
    epoch: str
    offset: int
    entries: list[Publication[Any]]
    recovered: bool = False
    more: bool = False
    after: Any = None

    @property
    def position(self) -> Position:
        """Where the log was then."""
        return Position(self.epoch, self.offset)

    def __iter__(self) -> Iterator[Publication[Any]]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, name: str) -> Publication[Any]:
        for each in self.entries:
            if each.entry == name:
                return each
        raise KeyError(name)


class Roster(Struct, frozen=True, tag="presence"):
    """Who is in a channel: a collection of members; `sessions` and `users` count them, even where only that was asked.

    Without `id` nobody asked: comings and goings may have been lost on their way to the server.
    """

    channel: str
    members: list[Member]
    id: int | None = None
    sessions: int = 0
    users: int = 0

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)


class Result(Struct, frozen=True, tag="result"):
    """What a call's handler gave back."""

    id: int
    data: Any = None


class Item(Struct, frozen=True, tag="item"):
    """One item of the stream that answers a call."""

    id: int
    data: Any = None


class End(Struct, frozen=True, tag="end"):
    """The stream that answers a call is over."""

    id: int


class Credit(Struct, frozen=True, tag="credit"):
    """The server has room for `count` more items of our stream."""

    id: int
    count: int


class Called(Struct, frozen=True, tag="call"):
    """The server calls us, and waits `timeout` milliseconds."""

    call: int
    name: str
    data: Any = None
    timeout: float | None = None


class Cancelled(Struct, frozen=True, tag="cancel"):
    """The server waits no longer for its call."""

    call: int


class Failed(Struct, frozen=True, tag="error"):
    """A command was refused; `data` is what else the application says of it."""

    id: int
    code: int
    reason: str
    temporary: bool = False
    data: Any = None


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
    | Refreshed
    | Subscribed
    | Adjusted
    | Unsubscribed
    | Published
    | Publishing
    | Passed
    | Joined
    | Left
    | Page[Any]
    | Entries
    | Roster
    | Result
    | Item
    | End
    | Credit
    | Called
    | Cancelled
    | Failed
    | Beat
    | Ponged
    | Moved
)

_KNOWN = frozenset((get_origin(kind) or kind).__struct_config__.tag for kind in get_args(Event))
_decode = msgspec.json.Decoder(Event | list[Event]).decode
_encode = msgspec.json.Encoder().encode
_PACKED_ODD = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")  # a double that is no finite number, as MessagePack has it
_unpack = msgspec.msgpack.Decoder(Event | list[Event]).decode
_pack = msgspec.msgpack.Encoder().encode


def read(message: str | bytes) -> Iterator[Event]:
    """Give the events in one message, text (JSON) or binary (MessagePack); those of a type that is not known here are passed over.

    Raises `ValueError` for what is neither, or lacks what its type must have.
    """
    text = isinstance(message, str)
    try:
        said = _decode(message) if text else _unpack(cast(bytes, message))
    except msgspec.ValidationError:
        yield from _known(msgspec.json.decode(message) if text else msgspec.msgpack.decode(cast(bytes, message)))
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


def encode(command: dict[str, Any], *, packed: bool = False) -> str | bytes:
    """Write a command, without those of its fields that are None (but for `data`, which may be null): as JSON text, or `packed`.

    Raises `TypeError` for what cannot be said so, OverflowError for a number that is too large, `ValueError` for nan and inf: JSON, which others are told,
    has no such numbers, and null would be said in their place.
    """
    said = {name: value for name, value in command.items() if value is not None or name == "data"}
    message = _pack(said) if packed else _encode(said)
    if _PACKED_ODD.search(message) if packed else b"null" in message:  # looked for only where one may be
        _check_numbers(_plain(said), "")
    return message if packed else message.decode()


def _plain(said: Any) -> Any:
    try:
        return msgspec.to_builtins(said)
    except TypeError:  # it holds what is encoded already: no number of ours
        return None


def _check_numbers(said: Any, place: str) -> None:
    match said:
        case float() if not isfinite(said):
            raise ValueError(f"{place} is {said}, a number that JSON does not have")
        case dict():
            for name, value in said.items():
                _check_numbers(value, f"{place}.{name}" if place else str(name))
        case list() | tuple() | set() | frozenset():
            for number, value in enumerate(said):
                _check_numbers(value, f"{place}[{number}]")


def as_json(message: str | bytes) -> str:
    """Give a message as JSON text, for a wire that carries nothing else; what is binary becomes its base64 text."""
    return message if isinstance(message, str) else _encode(msgspec.msgpack.decode(message)).decode()


def said_policy(policy: Policy | None) -> dict[str, Any] | None:
    """Give a policy as it is written: its times in milliseconds."""
    if policy is None:
        return None
    said = {"kind": policy.kind, "interval": round(policy.interval * 1000), "size": policy.size}
    return {name: value for name, value in said.items() if value}
