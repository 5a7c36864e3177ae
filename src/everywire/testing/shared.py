"""One broker in memory that several hubs share, as nodes do one across a network."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from everywire.brokers.base import Broker, Deliver, Gap, News, Note, Relaying
from everywire.brokers.memory import MemoryBroker
from everywire.hub.world import World
from everywire.metrics import Metrics
from everywire.wildcards import Patterns, wild

__all__ = ["SharedBroker", "View"]

T = TypeVar("T")


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


class View(Relaying):
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

    async def _asked(self, question: Coroutine[Any, Any, T]) -> T:
        if self.broken:
            question.close()
            raise ConnectionError("the broker is gone")
        return await question

    def listen(self, deliver: Deliver) -> None:
        """Have news told to `deliver`."""
        self._deliver = deliver

    async def watch(self, channel: str) -> None:
        """Deliver the news of `channel`, here."""
        await super().watch(channel)
        self._watched.add(channel)
        if wild(channel):
            self._patterns.add(channel)

    async def unwatch(self, channel: str) -> None:
        """Deliver its news no longer, here."""
        if self.broken:
            raise ConnectionError("the broker is gone")
        self._watched.discard(channel)
        self._patterns.discard(channel)
        if not any(channel in view._watched for view in self._shared.views):
            await super().unwatch(channel)

    async def tell(self, data: bytes) -> int:
        """Tell every node that hears anything."""
        await super().tell(data)
        return sum(not view.broken for view in self._shared.views)

    async def close(self) -> None:
        """Leave; what others keep there stays."""
        self._deliver = None
        watched, self._watched = self._watched, set()
        if self in self._shared.views:
            self._shared.views.remove(self)
        for channel in watched:
            if not any(channel in view._watched for view in self._shared.views):
                await self._inner.unwatch(channel)
