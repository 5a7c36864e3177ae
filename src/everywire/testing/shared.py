"""One broker in memory that several hubs share, as nodes do one across a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from everywire.brokers.base import (
    Broker,
    Deliver,
    Draft,
    Gap,
    News,
    Note,
    Occurrence,
    Query,
    Receipt,
    Retention,
    Seat,
    Snapshot,
    Stretch,
)
from everywire.brokers.memory import MemoryBroker
from everywire.hub.world import World
from everywire.messages import Member, Position
from everywire.metrics import Metrics
from everywire.wildcards import Patterns, wild

__all__ = ["SharedBroker", "View"]


class SharedBroker:
    """Hands out views of one memory broker: `Everywire(broker=shared.view)` for each node, all on one loop.

    Invariants: the memory broker watches what any view watches; `inner` is there from the first view on.
    """

    def __init__(self, inner: MemoryBroker | None = None) -> None:
        self.views: list[View] = []
        self._inner = inner
        if inner is not None:
            inner.listen(self._fan_out)

    @property
    def inner(self) -> MemoryBroker:
        """The broker itself."""
        if self._inner is None:
            raise ValueError("no node has a view yet")
        return self._inner

    def view(self, world: World, metrics: Metrics) -> View:
        """Make another node's view."""
        if self._inner is None:
            self._inner = MemoryBroker(world.now, world.new_id, later=world.later, alone=False, metrics=metrics)
            self._inner.listen(self._fan_out)
        made = View(self, self._inner)
        self.views.append(made)
        return made

    def forget(self, view: View) -> None:
        """Let go of the view of a node that was killed: what it held stays until its lease is over."""
        view.broken = True
        if view in self.views:
            self.views.remove(view)

    def _fan_out(self, news: News) -> None:
        for view in [*self.views]:
            view.hear(news)


class View:
    """One node's view: a broker that delivers what its own hub watches, and every note.

    A `cut` view hears nothing and every question fails, as over a broken link; what a dead node held stays there. `heal`
    tells its hub that news may have been lost.
    """

    alone: Final = False

    def __init__(self, shared: SharedBroker, inner: Broker) -> None:
        self._shared = shared
        self._inner = inner
        self._deliver: Deliver | None = None
        self._watched: set[str] = set()
        self._patterns = Patterns()
        self.broken = False

    def cut(self) -> None:
        """Break the link."""
        self.broken = True

    def heal(self) -> None:
        """Mend it."""
        self.broken = False
        self.hear(Gap())

    def hear(self, news: News) -> None:
        """Deliver `news` if it is for this node."""
        if self._deliver is None or self.broken:
            return
        if isinstance(news, Note | Gap) or news.channel in self._watched or self._patterns.matching(news.channel):
            self._deliver(news)

    def _there(self) -> Broker:
        if self.broken:
            raise ConnectionError("the broker is gone")
        return self._inner

    def listen(self, deliver: Deliver) -> None:
        """Have news told to `deliver`."""
        self._deliver = deliver

    async def watch(self, channel: str) -> None:
        """Deliver the news of `channel`, here."""
        await self._there().watch(channel)
        self._watched.add(channel)
        if wild(channel):
            self._patterns.add(channel)

    async def unwatch(self, channel: str) -> None:
        """Deliver its news no longer, here."""
        inner = self._there()
        self._watched.discard(channel)
        self._patterns.discard(channel)
        if not any(channel in view._watched for view in self._shared.views):
            await inner.unwatch(channel)

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append and deliver, to all."""
        return await self._there().publish(channel, draft, retention)

    async def read(self, channel: str, query: Query, retention: Retention) -> Stretch:
        """Read a log."""
        return await self._there().read(channel, query, retention)

    async def entries(self, channel: str, query: Query, retention: Retention) -> Snapshot:
        """Read the entries of a keyed channel."""
        return await self._there().entries(channel, query, retention)

    async def ends(self, channels: Sequence[str]) -> tuple[Position | None, ...]:
        """Say where logs end."""
        return await self._there().ends(channels)

    async def enter(self, channel: str, seat: Seat, lease: float) -> str:
        """Hold a place."""
        return await self._there().enter(channel, seat, lease)

    async def exit(self, channel: str, session: str, holder: str) -> None:
        """Give it up."""
        await self._there().exit(channel, session, holder)

    async def renew(self, holder: str, lease: float) -> str:
        """Hold all that is the holder's for longer."""
        return await self._there().renew(holder, lease)

    async def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        return await self._there().members(channel)

    async def count(self, channel: str) -> tuple[int, int]:
        """Give how many are there."""
        return await self._there().count(channel)

    async def claim(self, holder: str, most: int, lease: float) -> tuple[Occurrence, ...]:
        """Take occurrences."""
        return await self._there().claim(holder, most, lease)

    async def done(self, holder: str, channel: str, sequence: int) -> None:
        """Let go of one."""
        await self._there().done(holder, channel, sequence)

    async def put(self, name: str, record: bytes, ttl: float) -> None:
        """Keep a record."""
        await self._there().put(name, record, ttl)

    async def get(self, name: str) -> bytes | None:
        """Give a record."""
        return await self._there().get(name)

    async def drop(self, name: str) -> None:
        """Forget a record."""
        await self._there().drop(name)

    async def tell(self, data: bytes) -> None:
        """Tell every node."""
        await self._there().tell(data)

    async def close(self) -> None:
        """Leave; what others keep there stays."""
        self._deliver = None
        watched, self._watched = self._watched, set()
        if self in self._shared.views:
            self._shared.views.remove(self)
        for channel in watched:
            if not any(channel in view._watched for view in self._shared.views):
                await self._inner.unwatch(channel)
