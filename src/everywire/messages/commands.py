"""Commands: what a client wants of the hub."""

from __future__ import annotations

from typing import Literal, TypeAlias

from everywire.messages.flow import Cancel, Credit, End, Item
from everywire.messages.values import Audience, Data, EntryChange, Policy, Position, Raw, Ref, Secretive, Value

__all__ = [
    "Adjust",
    "Answer",
    "Call",
    "Command",
    "Connect",
    "Decline",
    "History",
    "Leave",
    "Malformed",
    "Ping",
    "Pong",
    "Presence",
    "Publish",
    "ReadEntries",
    "Refresh",
    "Subscribe",
    "Unsubscribe",
]


class Connect(Secretive, frozen=True):
    """Become a session, or continue the one whose secret is `resume`.

    `auth` is all that the client shows, for the application alone; `space` is the one of several sessions of a client that it is.
    `lasting`: the client has a way to continue it; if not, it is over as soon as the transport is lost.
    `caught_up` is for clients that remember one order for all their channels: "era:order" of the last publication that they were told,
    empty where there was none. Whether or not it is continued, they subscribe to nothing again: either all that the session missed in all
    its channels is told after `Connected`, or another session begins, with `resumed` false. None: the client asks for each channel.
    `name` is what the session is called if it begins: its public id, minted by the dialect. One that another session has is not taken.
    `keyed`: it is made of a secret that the client keeps, and the session of that name goes on, of the same user, as if its secret had been
    shown. Its client asks for no channel again. With an empty `caught_up` it acknowledges what it has, and the hub remembers that for it.
    """

    ref: Ref
    token: str | None = None
    info: Raw | None = None
    resume: str | None = None
    auth: Raw | None = None
    space: str = ""
    caught_up: str | None = None
    lasting: bool = True
    name: str | None = None
    keyed: bool = False

    def __post_init__(self) -> None:
        if self.keyed and not self.name:
            raise ValueError("a session that a key names has a name")


class Refresh(Secretive, frozen=True):
    """Show a newer token before the one shown last expires."""

    ref: Ref
    token: str


class Subscribe(Value, frozen=True):
    """Hear a channel from now on; first what came after `since`, or the `rewind` latest publications.

    `rewind_from` (milliseconds since 1970) rewinds to what was published from then on. `pages` is how many answers the client takes to
    this one command. `delta`: the client can put together a publication from the one before and their difference. A `channel` with
    wildcards is every channel whose name matches. `after` is how far an earlier page of a keyed channel's entries went, which began at `since`.
    """

    ref: Ref | None
    channel: str
    since: Position | None = None
    rewind: int = 0
    pages: int = 1
    rewind_from: int | None = None
    policy: Policy | None = None
    delta: bool = False
    after: int | None = None


class Adjust(Value, frozen=True):
    """Have another delivery policy from now on."""

    ref: Ref
    channel: str
    policy: Policy


class Unsubscribe(Value, frozen=True):
    """Hear a channel no longer."""

    ref: Ref
    channel: str


class Publish(Value, frozen=True):
    """Append `data` to a channel; the same `key` again within its window is the same publication.

    An ephemeral publication is told to who listens now; it is not kept and has no position. `entry` says what it does to a keyed channel.
    """

    ref: Ref
    channel: str
    data: Data
    key: str | None = None
    ephemeral: bool = False
    entry: EntryChange | None = None
    audience: Audience | None = None


class History(Value, frozen=True):
    """Read what a channel keeps: after `since`, before `before`, at most `limit`, the latest first if `reverse`.

    `from_time` (milliseconds since 1970) leaves out what was published earlier.
    """

    ref: Ref
    channel: str
    since: Position | None = None
    limit: int | None = None
    reverse: bool = False
    before: Position | None = None
    from_time: int | None = None


class ReadEntries(Value, frozen=True):
    """Read the entries of a keyed channel as they are now; with `since` and `after`, what follows an earlier page."""

    ref: Ref
    channel: str
    since: Position | None = None
    after: int | None = None


class Presence(Value, frozen=True):
    """Ask who is in a channel; `brief` asks only how many."""

    ref: Ref
    channel: str
    brief: bool = False


class Call(Value, frozen=True):
    """Have the handler called `name` work on `data` and answer, within `timeout` seconds.

    `credit` is how many items of a stream the client takes before it gives more. `streams` is how many streams from the client the
    handler takes: items and an end of each follow under the same `ref`; `streaming` says that it is one. `positional`: `data` is an array of
    the arguments. Nothing is answered to a negative `ref`.
    `awaits` is for languages in which the client says what it awaits, one answer or a stream of them, and knows neither credit nor the
    case of a name: it is always answered then, by an end or a refusal where it cancels, too. Several `streams` are for them alone.
    """

    ref: Ref
    name: str
    data: Data | None = None
    timeout: float | None = None
    credit: int = 0
    streaming: bool = False
    positional: bool = False
    streams: int = 0
    awaits: Literal["one", "stream"] | None = None


class Answer(Value, frozen=True):
    """What the client's handler returned to the server's call `call`. `positional`: `data` is an array of several, or null for nothing at all."""

    call: int
    data: Data
    positional: bool = False


class Decline(Value, frozen=True):
    """Why the client does not answer the server's call `call`."""

    call: int
    code: int
    reason: str


class Ping(Value, frozen=True):
    """Ask for a `Ponged`."""

    ref: Ref


class Pong(Value, frozen=True):
    """Answer a `Beat`."""


class Leave(Value, frozen=True):
    """End the session for good, without lingering."""


class Malformed(Value, frozen=True):
    """The client said something with a known type and no meaning; it is refused, the session lives."""

    ref: Ref
    reason: str


Command: TypeAlias = (
    Connect
    | Refresh
    | Subscribe
    | Adjust
    | Unsubscribe
    | Publish
    | History
    | ReadEntries
    | Presence
    | Call
    | Item
    | End
    | Credit
    | Cancel
    | Answer
    | Decline
    | Ping
    | Pong
    | Leave
    | Malformed
)
