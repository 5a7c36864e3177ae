"""Events: what the hub tells a client. A `ref` names the command that the event answers."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec.structs import replace

from everywire.messages.flow import Cancel, Credit, End, Item
from everywire.messages.values import Audience, Data, Heartbeat, Member, Policy, Position, Raw, Ref, Secretive, Value

__all__ = [
    "Adjusted",
    "Beat",
    "Calling",
    "Changed",
    "Closing",
    "Connected",
    "Entries",
    "Event",
    "Joined",
    "Left",
    "Moved",
    "Page",
    "Passed",
    "Ponged",
    "Publication",
    "Published",
    "Refreshed",
    "Refusal",
    "Result",
    "Roster",
    "Subscribed",
    "Unsubscribed",
]


class Publication(Value, frozen=True):
    """Data published to a channel at `time` (milliseconds since 1970).

    `position` is None where it was ephemeral, and only there: a log counts what it does not keep. `sender` is None where the server
    itself published. `entry` is the entry of a keyed channel that it set, or `removed`. `audience` is for the hub, never for clients.
    `order` counts the publications of all channels together, in `era`, one life of that count: who was told this one in its turn has
    everything up to there, in all its channels. An ephemeral one has the number of the one before it. 0: nothing of the kind can be said.
    """

    channel: str
    data: Data
    time: int
    position: Position | None = None
    sender: Member | None = None
    entry: str | None = None
    removed: bool = False
    audience: Audience | None = None
    order: int = 0
    era: str = ""

    def unordered(self) -> Publication:
        """Give it without an order: who is told it so has not been told all that came before."""
        return replace(self, order=0, era="")


class Changed(Value, frozen=True):
    """A publication, said by its difference from the data of the one at offset `base`; `delta` is as in `everywire.deltas`."""

    publication: Publication
    base: int
    delta: Data


class Passed(Value, frozen=True):
    """The log is at `position` now; `count` publications up to there are left out on purpose: by policy, or not meant for this session."""

    channel: str
    position: Position
    count: int = 1


class Connected(Secretive, frozen=True):
    """The session is there: its public id, its user, and the secret that resumes it.

    `expires` is in how many seconds the token has to be refreshed; `channels` are those that the server subscribed the session to: each
    is followed by its `Subscribed`, without a `ref`.
    """

    ref: Ref
    session: str
    user: str | None
    resume: str
    resumed: bool
    heartbeat: Heartbeat
    expires: float | None = None
    channels: tuple[str, ...] = ()


class Refreshed(Value, frozen=True):
    """The newer token holds; `expires` as in `Connected`."""

    ref: Ref
    expires: float | None = None


class Subscribed(Value, frozen=True):
    """The subscription holds; `position` is the one after `publications`, None for a channel with wildcards.

    `recovered` is true only where a position was given and everything after it is in `publications`, as far as they go. With `more`
    they are one page of it and the subscription does not hold yet: the next page follows as another answer to the same command, or the
    client asks on from `position`. `entries` is a keyed channel as it was at `position`, or where `recovered`, those of its entries that
    changed, removed ones among them; where they are told, `publications` is empty. With `more` they go as far as the offset `after`, and
    the client asks on with both.
    `ref` is None where the server began the subscription. `order`, an era and a number in it, is how far all channels were counted when this one
    was read.
    """

    ref: Ref | None
    channel: str
    position: Position | None
    recovered: bool
    publications: tuple[Publication, ...] = ()
    members: tuple[Member, ...] | None = None
    more: Literal["follows", "ask"] | None = None
    entries: tuple[Publication, ...] | None = None
    after: int | None = None
    order: Position | None = None


class Adjusted(Value, frozen=True):
    """The delivery policy is `policy` now: what was asked for, within the channel's bounds."""

    ref: Ref
    channel: str
    policy: Policy


class Unsubscribed(Value, frozen=True):
    """The subscription is over; without `ref` the server ended it, for `reason`."""

    channel: str
    ref: Ref | None = None
    reason: str | None = None


class Published(Value, frozen=True):
    """The log counts the publication at `position`; it was told to all listeners, without one, if it was ephemeral."""

    ref: Ref
    channel: str
    position: Position | None


class Joined(Value, frozen=True):
    """A member came into a channel."""

    channel: str
    member: Member


class Left(Value, frozen=True):
    """A member is gone from a channel."""

    channel: str
    member: Member


class Page(Value, frozen=True):
    """A stretch of a channel's history; `position` is the end of the log.

    With `more` it was cut: a client asks on, after or before the last of `publications`; where there are none, since all that was looked at is for
    others, after or before the offset `after`. `recovered`: everything after the position that it was asked from is still kept, so that
    the first of `publications` continues it, whatever is left out between.
    """

    ref: Ref
    channel: str
    position: Position
    publications: tuple[Publication, ...]
    more: bool = False
    recovered: bool = False
    after: int | None = None


class Entries(Value, frozen=True):
    """The entries of a keyed channel as they were at `position`; `recovered`, `more` and `after` as in `Subscribed`."""

    ref: Ref
    channel: str
    position: Position
    entries: tuple[Publication, ...]
    recovered: bool = False
    more: bool = False
    after: int | None = None


class Roster(Value, frozen=True):
    """Who is in a channel: `sessions` and `users` count them; `members` is empty where only that was asked.

    Without `ref` nobody asked: some comings and goings were lost, and this is who is there now.
    """

    ref: Ref | None
    channel: str
    members: tuple[Member, ...]
    sessions: int = 0
    users: int = 0


class Result(Value, frozen=True):
    """What the handler of a call returned."""

    ref: Ref
    data: Data


class Calling(Value, frozen=True):
    """The server calls the client's handler `name`, and waits `timeout` seconds; `call` numbers the server's calls.

    Without a `timeout` its number is negative, and no answer is waited for. `positional`: `data` is an array of the arguments.
    `order` is up to where, in an era, whoever is told it has everything, in all its channels: of an empty era where there was nothing yet;
    None where nothing of the kind can be said. `aside` counts what it was told so, 0 if nobody counts.
    """

    call: int
    name: str
    data: Data | None = None
    timeout: float | None = None
    positional: bool = False
    order: Position | None = None
    aside: int = 0


class Refusal(Value, frozen=True):
    """A polite no to one command; `temporary` says that trying again later may help, `data` what else the application says of it."""

    ref: Ref
    code: int
    reason: str
    temporary: bool = False
    data: Raw | None = None


class Beat(Value, frozen=True):
    """The server is alive, and asks whether the client is."""


class Closing(Value, frozen=True):
    """We are about to close the transport, with `code` for `reason`; it is the last that is told.

    It is not told where the client, or the network, ends it.
    """

    code: int
    reason: str


class Ponged(Value, frozen=True):
    """The answer to a `Ping`."""

    ref: Ref


class Moved(Value, frozen=True):
    """A channel's log was lost and begins anew as `epoch`; subscriptions to it wait to be renewed."""

    channel: str
    epoch: str


Event: TypeAlias = (
    Connected
    | Refreshed
    | Subscribed
    | Adjusted
    | Unsubscribed
    | Published
    | Publication
    | Changed
    | Passed
    | Joined
    | Left
    | Page
    | Entries
    | Roster
    | Result
    | Item
    | End
    | Credit
    | Cancel
    | Calling
    | Refusal
    | Beat
    | Closing
    | Ponged
    | Moved
)
