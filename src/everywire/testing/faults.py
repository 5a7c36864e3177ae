"""A broker that takes its time, as one across a network does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from everywire.brokers.base import Broker, Deliver, Draft, Query, Receipt, Retention, Stretch
from everywire.hub.world import World
from everywire.messages import Member

__all__ = ["SlowBroker"]

_APART = 1e-6  # seconds between two arrivals, so that the loop cannot swap them


class SlowBroker:
    """Carries each question to `inner` and its answer back, either taking `delay()` seconds.

    Questions arrive in the order they were asked, answers in the order they were given, as on one
    connection; news come at once, and so overtake answers. `broken` makes every question fail.
    """

    def __init__(self, inner: Broker, world: World, delay: Callable[[], float]) -> None:
        self.inner = inner
        self._world = world
        self.broken = False
        self._delay = delay
        self._last = {"question": 0.0, "answer": 0.0}

    async def _travel(self, what: str = "question") -> None:
        now = self._world.now()
        arrival = max(now + self._delay(), self._last[what] + _APART)
        self._last[what] = arrival
        await self._world.task(asyncio.sleep(arrival - now))
        if self.broken:
            raise ConnectionError("the broker is gone")

    def listen(self, deliver: Deliver) -> None:
        """Have news told to `deliver`."""
        self.inner.listen(deliver)

    async def watch(self, channel: str) -> None:
        """Ask for the news of `channel`."""
        await self._travel()
        await self.inner.watch(channel)
        await self._travel("answer")

    async def unwatch(self, channel: str) -> None:
        """Ask for its news no longer."""
        await self._travel()
        await self.inner.unwatch(channel)

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append and deliver."""
        await self._travel()
        receipt = await self.inner.publish(channel, draft, retention)
        await self._travel("answer")
        return receipt

    async def read(self, channel: str, query: Query, retention: Retention) -> Stretch:
        """Read a log."""
        await self._travel()
        stretch = await self.inner.read(channel, query, retention)
        await self._travel("answer")
        return stretch

    async def enter(self, channel: str, member: Member, lease: float) -> None:
        """Hold a place."""
        await self._travel()
        await self.inner.enter(channel, member, lease)
        await self._travel("answer")

    async def exit(self, channel: str, session: str) -> None:
        """Give it up."""
        await self._travel()
        await self.inner.exit(channel, session)

    async def renew(self, places: Sequence[tuple[str, str]], lease: float) -> None:
        """Hold places for longer."""
        await self._travel()
        await self.inner.renew(places, lease)

    async def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        await self._travel()
        members = await self.inner.members(channel)
        await self._travel("answer")
        return members

    async def close(self) -> None:
        """Close it."""
        await self.inner.close()
