"""What a broker is: the carrier of publications, history and presence between nodes.

A channel is a log. Its epoch names one life of the log, its offsets count publications from 1. The
broker is where the log lives; hubs only listen to it, so that recovery needs nothing from a hub.

Ordering duties of every broker, without which hubs cannot keep their promises:

- what one channel's log takes up is delivered to every watching hub in the order of its offsets,
  before or after the publisher's `publish` returns, never out of order;
- what is delivered before `read` returns lies in what `read` returned, or was appended after it;
- an epoch is born with the data and lost with it: a log that was lost, even in part that its position
  does not show, goes on under another epoch, and watching hubs are told `Moved`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from everywire.messages import Joined, Left, Member, Moved, Position, Publication, Raw

__all__ = ["Broker", "Deliver", "Draft", "News", "Query", "Receipt", "Retention", "Stretch"]

News: TypeAlias = Publication | Joined | Left | Moved
Deliver: TypeAlias = Callable[[News], None]
"""Takes what happened in a watched channel; synchronous, and must not call the broker back."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What a channel's log keeps: the latest `size` publications, none older than `age` seconds.

    A publication's idempotency key is remembered for `window` seconds, or until `keys` newer ones came,
    or the log was lost; published again after that, it is another publication.
    """

    size: int = 0
    age: float = 300.0
    window: float = 300.0
    keys: int = 10_000


@dataclass(frozen=True, slots=True)
class Draft:
    """A publication before it has a place: `time` in milliseconds since 1970.

    `key` makes publishing again harmless: within its window the same key in the same channel is the
    same publication.
    """

    data: Raw
    time: int
    sender: Member | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a publication is in its channel's log, which counts it even where it keeps none; None for an ephemeral one.

    `repeated`: it was there already.
    """

    position: Position | None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Which kept publications are wanted: after `since`, before `before`, at most `limit`, from the end if `reverse`.

    A position of another life of the log bounds nothing.
    """

    since: Position | None = None
    limit: int | None = None
    reverse: bool = False
    before: Position | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was kept: `publications` in the order asked for, `position` the end of the log.

    `whole` is the honest word on `since`: every publication after it is kept, and it lies in this life
    of the log. It does not speak of `limit`.
    """

    position: Position
    publications: tuple[Publication, ...]
    whole: bool


class Broker(Protocol):
    """Logs, presence and their carriage. Coroutines may be started outside of any task.

    Everything raised but `Refused` is the broker's own failure; what was asked for may or may not have
    happened then, and asking again with the same key is safe.
    """

    def listen(self, deliver: Deliver) -> None:
        """Have news of watched channels told to `deliver`; called once, before anything else."""

    async def watch(self, channel: str) -> None:
        """Deliver the news of `channel` from before this returns; watching twice is watching."""

    async def unwatch(self, channel: str) -> None:
        """Deliver its news no longer."""

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append `draft` to the log and deliver it; without `retention` deliver it only."""

    async def read(self, channel: str, query: Query, retention: Retention) -> Stretch:
        """Give what the log keeps; a channel never published to has a log, with offset 0."""

    async def enter(self, channel: str, member: Member, lease: float) -> None:
        """Hold a place in `channel` for `lease` seconds; news, `Joined`, if the session had none."""

    async def exit(self, channel: str, session: str) -> None:
        """Give the place up; news, `Left`, if there was one."""

    async def renew(self, places: Sequence[tuple[str, str]], lease: float) -> None:
        """Hold each (channel, session) for `lease` seconds from now; one that was lost stays lost."""

    async def members(self, channel: str) -> tuple[Member, ...]:
        """Give who holds a place, in the order they came."""

    async def close(self) -> None:
        """Let go of connections and timers."""
