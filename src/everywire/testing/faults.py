"""A broker that takes its time, as one across a network does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from everywire.brokers.base import Broker, Deliver, Relaying
from everywire.hub.world import World

__all__ = ["SlowBroker"]

T = TypeVar("T")

_APART = 1e-6  # seconds between two arrivals, so that the loop cannot swap them


class SlowBroker(Relaying):
    """Carries each question to `inner` and its answer back, either taking `delay()` seconds.

    Questions arrive in the order they were asked, answers in the order they were given, as on one
    connection; news come at once, and so overtake answers. `broken` makes every question fail.
    """

    def __init__(self, inner: Broker, world: World, delay: Callable[[], float]) -> None:
        self._inner = inner
        self._world = world
        self.broken = False
        self._delay = delay
        self._last = {"question": 0.0, "answer": 0.0}

    @property
    def inner(self) -> Broker:
        """The broker itself."""
        return self._inner

    @property
    def alone(self) -> bool:
        """Say whether one hub alone uses it."""
        return self._inner.alone

    async def _travel(self, what: str = "question") -> None:
        now = self._world.now()
        arrival = max(now + self._delay(), self._last[what] + _APART)
        self._last[what] = arrival
        await self._world.task(asyncio.sleep(arrival - now))
        if self.broken:
            raise ConnectionError("the broker is gone")

    def listen(self, deliver: Deliver) -> None:
        """Have news told to `deliver`."""
        self._inner.listen(deliver)

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
        await self._inner.close()
