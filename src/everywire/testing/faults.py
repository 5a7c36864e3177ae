"""A broker that takes its time, as one across a network does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from everywire.brokers.base import (
    Broker,
    Deliver,
    Draft,
    Occurrence,
    Query,
    Receipt,
    Retention,
    Seat,
    Snapshot,
    Stretch,
)
from everywire.hub.world import World
from everywire.messages import Member, Position

__all__ = ["SlowBroker"]

T = TypeVar("T")

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

    @property
    def alone(self) -> bool:
        """Say whether one hub alone uses it."""
        return self.inner.alone

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
        await self._asked(self.inner.watch(channel))

    async def unwatch(self, channel: str) -> None:
        """Ask for its news no longer."""
        await self._asked(self.inner.unwatch(channel))

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append and deliver."""
        return await self._asked(self.inner.publish(channel, draft, retention))

    async def read(self, channel: str, query: Query, retention: Retention) -> Stretch:
        """Read a log."""
        return await self._asked(self.inner.read(channel, query, retention))

    async def entries(self, channel: str, query: Query, retention: Retention) -> Snapshot:
        """Read the entries of a keyed channel."""
        return await self._asked(self.inner.entries(channel, query, retention))

    async def ends(self, channels: Sequence[str]) -> tuple[Position | None, ...]:
        """Ask where logs end."""
        return await self._asked(self.inner.ends(channels))

    async def enter(self, channel: str, seat: Seat, lease: float) -> str:
        """Hold a place."""
        return await self._asked(self.inner.enter(channel, seat, lease))

    async def exit(self, channel: str, session: str, holder: str) -> None:
        """Give it up."""
        await self._asked(self.inner.exit(channel, session, holder))

    async def renew(self, holder: str, lease: float) -> str:
        """Hold all that is the holder's for longer."""
        return await self._asked(self.inner.renew(holder, lease))

    async def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        return await self._asked(self.inner.members(channel))

    async def count(self, channel: str) -> tuple[int, int]:
        """Give how many are there."""
        return await self._asked(self.inner.count(channel))

    async def claim(self, holder: str, most: int, lease: float) -> tuple[Occurrence, ...]:
        """Take occurrences."""
        return await self._asked(self.inner.claim(holder, most, lease))

    async def done(self, holder: str, channel: str, sequence: int) -> None:
        """Let go of one."""
        await self._asked(self.inner.done(holder, channel, sequence))

    async def put(self, name: str, record: bytes, ttl: float) -> None:
        """Keep a record."""
        await self._asked(self.inner.put(name, record, ttl))

    async def get(self, name: str) -> bytes | None:
        """Give a record."""
        return await self._asked(self.inner.get(name))

    async def drop(self, name: str) -> None:
        """Forget a record."""
        await self._asked(self.inner.drop(name))

    async def tell(self, data: bytes) -> None:
        """Tell every node."""
        await self._asked(self.inner.tell(data))

    async def _asked(self, question: Coroutine[Any, Any, T]) -> T:
        try:
            await self._travel()
        except BaseException:
            question.close()
            raise
        answer = await question
        await self._travel("answer")
        return answer

    async def close(self) -> None:
        """Close it."""
        await self.inner.close()
