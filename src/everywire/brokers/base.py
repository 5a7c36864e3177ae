"""What a broker is: the carrier of publications, history, presence and records between nodes.

A channel is a log. Its epoch names one life of the log, its offsets count publications from 1. The
broker is where the log lives; hubs only listen to it, so that recovery needs nothing from a hub.

Ordering duties of every broker, without which hubs cannot keep their promises:

- what one channel's log takes up is delivered to every watching hub in the order of its offsets,
  before or after the publisher's `publish` returns, never out of order;
- what is delivered before `read` returns lies in what `read` returned, or was appended after it;
- an epoch is born with the data and lost with it: a log that was lost, even in part that its position
  does not show, goes on under another epoch, and watching hubs are told `Moved`, before the first
  publication of the new one;
- publications of all channels are counted together, `Publication.order`, and delivered to a hub in that order. The count has an era,
  as a log has an epoch. A publication is delivered without an order where one before it may have been lost, and `Gap` was not told yet.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from everywire.messages import Audience, Data, EntryChange, Joined, Left, Member, Moved, Position, Publication
from everywire.messages.values import Value

__all__ = [
    "Broker",
    "Deliver",
    "Draft",
    "Filled",
    "Gap",
    "Holding",
    "News",
    "Note",
    "Occurrence",
    "Pulled",
    "Pushed",
    "Query",
    "Receipt",
    "Relaying",
    "Retention",
    "Seat",
    "Snapshot",
    "Stretch",
]


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Note:
    """What one node tells others: `data` means something to hubs alone."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """News may have been lost, of all watched channels: the link to the broker was, or its queue overran."""


@dataclass(frozen=True, slots=True)
class Filled:
    """There is something in the queue called `channel`, which was empty: whoever pulls first gets it."""

    channel: str


News: TypeAlias = Publication | Joined | Left | Moved | Note | Gap | Filled
Deliver: TypeAlias = Callable[[News], None]
"""Takes what happened in a watched channel; synchronous, and must not call the broker back."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What a channel's log keeps: the latest `size` publications, none older than `age` seconds.

    A publication's idempotency key is remembered for `window` seconds, or until `keys` newer ones came,
    or the log was lost; published again after that, it is another publication. A `keyed` channel keeps
    the last publication of each of its entries as well, `entries` of them at most, and for
    `entry_age` seconds where the publication says nothing else (0: for good).
    """

    size: int = 0
    age: float = 300.0
    window: float = 300.0
    keys: int = 10_000
    keyed: bool = False
    entries: int = 10_000
    entry_age: float = 0.0


class Draft(Value, frozen=True):
    """A publication before it has a place: `time` in milliseconds since 1970.

    `key` makes publishing again harmless: within its window the same key in the same channel is the
    same publication. `entry` is what it does to a keyed channel.
    """

    data: Data
    time: int
    sender: Member | None = None
    key: str | None = None
    entry: EntryChange | None = None
    audience: Audience | None = None


class Receipt(Value, frozen=True):
    """Where a publication is in its channel's log, which counts it even where it keeps none; None for an ephemeral one.

    `repeated`: it was there already. `conflict`: compare-and-set found another publication in the entry;
    nothing was published, and `position` is that publication's (offset 0 where there is none). `heard`: whether anybody watches the
    channel; only an ephemeral publication's says so, and a broker that cannot tell says yes.
    """

    position: Position | None
    repeated: bool = False
    conflict: bool = False
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """Which kept publications are wanted: after `since`, before `before`, at most `limit`, from the end if `reverse`.

    A position of another life of the log bounds nothing. `from_time` (milliseconds since 1970) leaves out
    what was published before the first that is not earlier. `after` is for `Broker.entries` alone.
    `since_order`, an era and a number in it, leaves out what has no greater order; one of another era bounds nothing.
    """

    since: Position | None = None
    limit: int | None = None
    reverse: bool = False
    before: Position | None = None
    from_time: int | None = None
    after: int | None = None
    since_order: Position | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was kept: `publications` in the order asked for, `position` the end of the log.

    `whole` is the honest word on `since` and `since_order`, whichever were given: every publication after it is kept, and it lies in this
    life of the log, or of the count. It does not speak of `limit`. `order` is how far all channels were counted then, as era and number.
    """

    position: Position
    publications: tuple[Publication, ...]
    whole: bool
    order: Position | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Entries of a keyed channel, whose log ends at `position`: the last publication of each, by rising offset.

    `whole` is the honest word on `since`: whatever was set or removed after it is among them, the removed told as such; it
    does not speak of `limit`. Otherwise they are all that there are, without the removed. `order` as in `Stretch`.
    """

    position: Position
    entries: tuple[Publication, ...]
    whole: bool = False
    order: Position | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """A session's place in a channel, held by a node.

    `holder` is who may give it up: a node that is not the holder any more (the session went on elsewhere) has no say.
    `users`: this channel counts users; a user joins with the first of its sessions and leaves with the last, and others know it by
    the `session` that it joined with. A session without a user is a member by itself.
    After the last is gone, `grace` seconds pass before others are told, and nothing is told to who returns within them.
    `told`: joins and leaves, and the channel's first and last member, are kept as occurrences until somebody has taken them.
    """

    member: Member
    holder: str
    users: bool = False
    grace: float = 0.0
    told: bool = False


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something for the application to learn at least once: in the order of `sequence`, which grows in each channel."""

    channel: str
    kind: Literal["join", "leave", "occupied", "vacated"]
    sequence: int
    member: Member | None = None


class Holding(Value, frozen=True):
    """What a queue holds: `capacity` publications at most, each for `expiry` seconds."""

    capacity: int
    expiry: float


class Pushed(Value, frozen=True):
    """Whether there was room in the queue; and how many were lost meanwhile that nobody took in time, and nobody was told of: there, and in others by name."""

    taken: bool
    expired: int = 0
    elsewhere: tuple[tuple[str, int], ...] = ()


class Pulled(Value, frozen=True):
    """What was the first in the queue, if anything was; and what was lost that nobody was told of: `full`, of channels bound to it, and `expired`."""

    publication: Publication | None
    full: int = 0
    expired: int = 0


class Broker(Protocol):
    """Logs, presence, records and their carriage. Coroutines may be started outside of any task.

    Everything raised but `Refused` is the broker's own failure; what was asked for may or may not have
    happened then, and asking again with the same key is safe.
    """

    @property
    def alone(self) -> bool:
        """Say whether one hub alone uses it and all that it keeps is lost with that hub's process.

        Such a hub need not write down what it knows itself.
        """

    def listen(self, deliver: Deliver) -> None:
        """Have news of watched channels told to `deliver`; called once, before anything else."""

    # Logs.

    async def watch(self, channel: str) -> None:
        """Deliver the news of `channel` from before this returns; watching twice is watching.

        A channel with wildcards is every channel whose name matches (`everywire.wildcards`).
        """

    async def unwatch(self, channel: str) -> None:
        """Deliver its news no longer."""

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append `draft` to the log and deliver it; without `retention` deliver it only."""

    async def read(self, channel: str, query: Query, retention: Retention) -> Stretch:
        """Give what the log keeps; a channel never published to has a log, with offset 0."""

    async def entries(self, channel: str, query: Query, retention: Retention) -> Snapshot:
        """Give the first `limit` entries of a keyed channel.

        With `since`, if what was removed after that is still known, only those set or removed after the offset `after`
        (that of `since` where there is none); otherwise all, whatever `after` says.
        """

    async def ends(self, channels: Sequence[str]) -> tuple[Position | None, ...]:
        """Give where each log ends; None for a channel that has none at this moment."""

    # Presence. A node holds all its places and claims by one lease, under the name of `holder`.

    async def enter(self, channel: str, seat: Seat, lease: float) -> str:
        """Hold a place in `channel`, from a former holder too; news, `Joined`, if the member was not there.

        Starts or prolongs the holder's lease, and gives its term, as `renew` does.
        """

    async def exit(self, channel: str, session: str, holder: str) -> None:
        """Give the place up, if it is `holder`'s; news, `Left`, if there was one and nobody returns within its grace."""

    async def renew(self, holder: str, lease: float) -> str:
        """Hold all that is `holder`'s for `lease` seconds from now; gives the name of the term in which it is held.

        A lease that is over takes its places and claims with it, whoever asks and whether anybody does. What comes after that is
        another term: what a holder entered in an earlier one it has lost.
        """

    async def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there, in the order they came; who is in its grace counts as there."""

    async def count(self, channel: str) -> tuple[int, int]:
        """Give how many sessions are there, and how many users."""

    async def claim(self, holder: str, most: int, lease: float) -> tuple[Occurrence, ...]:
        """Take occurrences to tell the application of, `most` at a time; none of a channel before the one before it is `done`.

        They are `holder`'s until they are done, or until its lease is over, which this prolongs: then they are given to the next
        who claims.
        """

    async def done(self, holder: str, channel: str, sequence: int) -> None:
        """Let go of an occurrence that is `holder`'s: the application has learnt of it."""

    # Queues, which are kept in memory: each publication in one is for one reader, once at most. They are no channels, whatever their names.

    async def push(self, queue: str, draft: Draft, holding: Holding) -> Pushed:
        """Put a publication at the end of a queue; if that was empty there is news, `Filled`, for who watches its name."""

    async def pull(self, queue: str, ticket: str) -> Pulled:
        """Take the first publication. A ticket that took one gives the same again: each is for one publication."""

    async def put_back(self, queue: str, ticket: str) -> None:
        """Put back, as the first, what this ticket took."""

    async def bind(self, queue: str, channel: str, holding: Holding, ttl: float) -> None:
        """Have every publication of `channel` put into the queue, too, for `ttl` seconds from now; where it is full it is lost there."""

    async def unbind(self, queue: str, channel: str) -> None:
        """Have them put there no longer."""

    async def purge(self, prefix: str) -> None:
        """Forget all queues whose names begin with `prefix`, and what is bound to them."""

    # Records, and notes from node to node.

    async def put(self, name: str, record: bytes, ttl: float) -> None:
        """Keep a record for `ttl` seconds, in place of an earlier one of that name."""

    async def get(self, name: str) -> bytes | None:
        """Give the record; None where there is none any more."""

    async def drop(self, name: str) -> None:
        """Forget the record."""

    async def tell(self, data: bytes) -> int:
        """Have `data` delivered as a `Note` to every node, this one included; gives how many nodes that are."""

    async def close(self) -> None:
        """Let go of connections and timers."""


class Relaying(ABC):
    """Puts every question of a broker to `_inner` by way of `_asked`, which says when, and whether at all."""

    _inner: Broker

    @abstractmethod
    async def _asked(self, question: Coroutine[Any, Any, T]) -> T:
        """Give what `question` comes to; one that is never put has to be closed."""

    async def watch(self, channel: str) -> None:
        """Ask for the news of `channel`."""
        await self._asked(self._inner.watch(channel))

    async def unwatch(self, channel: str) -> None:
        """Ask for its news no longer."""
        await self._asked(self._inner.unwatch(channel))

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append and deliver."""
        return await self._asked(self._inner.publish(channel, draft, retention))

    async def read(self, channel: str, query: Query, retention: Retention) -> Stretch:
        """Read a log."""
        return await self._asked(self._inner.read(channel, query, retention))

    async def entries(self, channel: str, query: Query, retention: Retention) -> Snapshot:
        """Read the entries of a keyed channel."""
        return await self._asked(self._inner.entries(channel, query, retention))

    async def ends(self, channels: Sequence[str]) -> tuple[Position | None, ...]:
        """Ask where logs end."""
        return await self._asked(self._inner.ends(channels))

    async def enter(self, channel: str, seat: Seat, lease: float) -> str:
        """Hold a place."""
        return await self._asked(self._inner.enter(channel, seat, lease))

    async def exit(self, channel: str, session: str, holder: str) -> None:
        """Give it up."""
        await self._asked(self._inner.exit(channel, session, holder))

    async def renew(self, holder: str, lease: float) -> str:
        """Hold all that is the holder's for longer."""
        return await self._asked(self._inner.renew(holder, lease))

    async def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        return await self._asked(self._inner.members(channel))

    async def count(self, channel: str) -> tuple[int, int]:
        """Give how many are there."""
        return await self._asked(self._inner.count(channel))

    async def claim(self, holder: str, most: int, lease: float) -> tuple[Occurrence, ...]:
        """Take occurrences."""
        return await self._asked(self._inner.claim(holder, most, lease))

    async def done(self, holder: str, channel: str, sequence: int) -> None:
        """Let go of one."""
        await self._asked(self._inner.done(holder, channel, sequence))

    async def push(self, queue: str, draft: Draft, holding: Holding) -> Pushed:
        """Put a publication into a queue."""
        return await self._asked(self._inner.push(queue, draft, holding))

    async def pull(self, queue: str, ticket: str) -> Pulled:
        """Take one."""
        return await self._asked(self._inner.pull(queue, ticket))

    async def put_back(self, queue: str, ticket: str) -> None:
        """Put it back."""
        await self._asked(self._inner.put_back(queue, ticket))

    async def bind(self, queue: str, channel: str, holding: Holding, ttl: float) -> None:
        """Have those of a channel put there."""
        await self._asked(self._inner.bind(queue, channel, holding, ttl))

    async def unbind(self, queue: str, channel: str) -> None:
        """Have them put there no longer."""
        await self._asked(self._inner.unbind(queue, channel))

    async def purge(self, prefix: str) -> None:
        """Forget queues."""
        await self._asked(self._inner.purge(prefix))

    async def put(self, name: str, record: bytes, ttl: float) -> None:
        """Keep a record."""
        await self._asked(self._inner.put(name, record, ttl))

    async def get(self, name: str) -> bytes | None:
        """Give a record."""
        return await self._asked(self._inner.get(name))

    async def drop(self, name: str) -> None:
        """Forget a record."""
        await self._asked(self._inner.drop(name))

    async def tell(self, data: bytes) -> int:
        """Tell every node."""
        return await self._asked(self._inner.tell(data))
