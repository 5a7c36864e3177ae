"""Commands (client to hub) and events (hub to client): the whole contract between dialects and hub.

Every message is an immutable value. Application data travels as `msgspec.Raw`: JSON text that was
checked once, on its way in, and is forwarded byte for byte afterwards.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import Raw

__all__ = [
    "Beat",
    "Call",
    "Command",
    "Connect",
    "Connected",
    "Event",
    "Heartbeat",
    "History",
    "Joined",
    "Leave",
    "Left",
    "Malformed",
    "Member",
    "Moved",
    "Page",
    "Ping",
    "Pong",
    "Ponged",
    "Position",
    "Presence",
    "Publication",
    "Publish",
    "Published",
    "Raw",
    "Ref",
    "Refusal",
    "Result",
    "Roster",
    "Subscribe",
    "Subscribed",
    "Unsubscribe",
    "Unsubscribed",
]

Ref: TypeAlias = int | str
"""What a client calls one of its commands by; the answer repeats it."""


class _Value(msgspec.Struct, frozen=True):
    """An immutable message, or a part of one."""


class Position(_Value, frozen=True):
    """A place in a channel's log: the log's `epoch`, and the `offset` of a publication; 0 is before all."""

    epoch: str
    offset: int


class Member(_Value, frozen=True):
    """Who a session is to others: its public id, the user, and what the client told about itself."""

    session: str
    user: str | None = None
    info: Raw | None = None


class Heartbeat(_Value, frozen=True):
    """How a dead link is noticed: a beat every `every` seconds, an answer within `patience` more.

    `who_asks` is "server" or "client": the side that sends the beat.
    """

    every: float = 25.0
    patience: float = 10.0
    who_asks: str = "server"


# Commands: what a client wants.


class Connect(_Value, frozen=True):
    """Become a session, or continue the one whose secret is `resume`."""

    ref: Ref
    token: str | None = None
    info: Raw | None = None
    resume: str | None = None


class Subscribe(_Value, frozen=True):
    """Hear a channel from now on; first what came after `since`, or the `rewind` latest publications.

    `pages` is how many answers the client takes to this one command.
    """

    ref: Ref
    channel: str
    since: Position | None = None
    rewind: int = 0
    pages: int = 1


class Unsubscribe(_Value, frozen=True):
    """Hear a channel no longer."""

    ref: Ref
    channel: str


class Publish(_Value, frozen=True):
    """Append `data` to a channel; the same `key` again within its window is the same publication.

    An ephemeral publication is told to who listens now; it is not kept and has no position.
    """

    ref: Ref
    channel: str
    data: Raw
    key: str | None = None
    ephemeral: bool = False


class History(_Value, frozen=True):
    """Read what a channel keeps: after `since`, before `before`, at most `limit`, the latest first if `reverse`."""

    ref: Ref
    channel: str
    since: Position | None = None
    limit: int | None = None
    reverse: bool = False
    before: Position | None = None


class Presence(_Value, frozen=True):
    """Ask who is in a channel."""

    ref: Ref
    channel: str


class Call(_Value, frozen=True):
    """Have the handler called `name` work on `data` and answer."""

    ref: Ref
    name: str
    data: Raw | None = None


class Ping(_Value, frozen=True):
    """Ask for a `Ponged`."""

    ref: Ref


class Pong(_Value, frozen=True):
    """Answer a `Beat`."""


class Leave(_Value, frozen=True):
    """End the session for good, without lingering."""


class Malformed(_Value, frozen=True):
    """The client said something with a known type and no meaning; it is refused, the session lives."""

    ref: Ref
    reason: str


Command: TypeAlias = (
    Connect | Subscribe | Unsubscribe | Publish | History | Presence | Call | Ping | Pong | Leave | Malformed
)


# Events: what a client is told. A `ref` names the command that the event answers.


class Publication(_Value, frozen=True):
    """Data published to a channel at `time` (milliseconds since 1970).

    `position` is None where it was ephemeral, and only there: a log counts what it does not keep. `sender`
    is None where the server itself published.
    """

    channel: str
    data: Raw
    time: int
    position: Position | None = None
    sender: Member | None = None


class Connected(_Value, frozen=True):
    """The session is there: its public id, its user, and the secret that resumes it."""

    ref: Ref
    session: str
    user: str | None
    resume: str
    resumed: bool
    heartbeat: Heartbeat


class Subscribed(_Value, frozen=True):
    """The subscription holds; `position` is the one after `publications`.

    `recovered` is true only where a position was given and everything after it is in `publications`,
    as far as they go. With `more` they are one page of it and the subscription does not hold yet: the
    next page follows as another answer to the same command, or the client asks on from `position`.
    """

    ref: Ref
    channel: str
    position: Position
    recovered: bool
    publications: tuple[Publication, ...] = ()
    members: tuple[Member, ...] | None = None
    more: Literal["follows", "ask"] | None = None


class Unsubscribed(_Value, frozen=True):
    """The subscription is over; without `ref` the server ended it, for `reason`."""

    channel: str
    ref: Ref | None = None
    reason: str | None = None


class Published(_Value, frozen=True):
    """The log counts the publication at `position`; it was told to all listeners, without one, if it was ephemeral."""

    ref: Ref
    channel: str
    position: Position | None


class Joined(_Value, frozen=True):
    """A member came into a channel."""

    channel: str
    member: Member


class Left(_Value, frozen=True):
    """A member is gone from a channel."""

    channel: str
    member: Member


class Page(_Value, frozen=True):
    """A stretch of a channel's history; `position` is the end of the log.

    With `more` it was cut: a client asks on, after or before the last of `publications`.
    """

    ref: Ref
    channel: str
    position: Position
    publications: tuple[Publication, ...]
    more: bool = False


class Roster(_Value, frozen=True):
    """Who is in a channel."""

    ref: Ref
    channel: str
    members: tuple[Member, ...]


class Result(_Value, frozen=True):
    """What the handler of a call returned."""

    ref: Ref
    data: Raw


class Refusal(_Value, frozen=True):
    """A polite no to one command; `temporary` says that trying again later may help."""

    ref: Ref
    code: int
    reason: str
    temporary: bool = False


class Beat(_Value, frozen=True):
    """The server is alive, and asks whether the client is."""


class Ponged(_Value, frozen=True):
    """The answer to a `Ping`."""

    ref: Ref


class Moved(_Value, frozen=True):
    """A channel's log was lost and begins anew as `epoch`; subscriptions to it wait to be renewed."""

    channel: str
    epoch: str


Event: TypeAlias = (
    Connected
    | Subscribed
    | Unsubscribed
    | Published
    | Publication
    | Joined
    | Left
    | Page
    | Roster
    | Result
    | Refusal
    | Beat
    | Ponged
    | Moved
)
