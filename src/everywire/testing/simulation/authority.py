"""The broker of a simulation: one authority, and each node's link to it over the simulated network."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from everywire.brokers.base import (
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
from everywire.testing.simulation.network import End, Network
from everywire.testing.simulation.node import MortalWorld

__all__ = ["Authority", "LinkedBroker"]

_PATIENCE = 2.0  # seconds for an answer
_AGAIN = 0.05  # seconds between two tries to reach the authority


class Authority:
    """Holds the logs, and hands out links to them.

    Invariants: `_watching` says which links hear of a channel; the dead hear of none.
    """

    def __init__(self, network: Network, world: MortalWorld) -> None:
        self.network: Final = network
        self.memory: Final = MemoryBroker(world.now, world.new_id, later=world.later, alone=False)
        self.memory.listen(self._deliver)
        self._watching: dict[str, dict[End, None]] = {}
        self._links: dict[End, None] = {}

    def accept(self, end: End) -> None:
        """Take a node's link."""
        self._links[end] = None
        end.heard = lambda question: self._answer(end, question)
        end.closed = lambda: self._gone(end)

    def _gone(self, end: End) -> None:
        self._links.pop(end, None)
        for links in self._watching.values():
            links.pop(end, None)

    def _answer(self, end: End, question: tuple[int, str, tuple[Any, ...]]) -> None:
        number, method, arguments = question
        if method == "watch":
            self._watching.setdefault(arguments[0], {})[end] = None
        elif method == "unwatch":
            links = self._watching.get(arguments[0], {})
            links.pop(end, None)
            if links:
                method, arguments = "watch", arguments  # others listen on
        try:
            getattr(self.memory, method)(*arguments).send(None)
        except StopIteration as done:
            end.send((number, done.value))
        else:
            raise AssertionError("a broker in memory never waits")

    def _deliver(self, news: News) -> None:
        links = self._links if isinstance(news, Note | Gap) else self._watching.get(news.channel, {})
        for end in [*links]:
            end.send(news)


class LinkedBroker:
    """One node's link to the authority; a lost one is made anew, and what may be missing then is told as a `Gap`."""

    alone: Final = False

    def __init__(self, authority: Authority, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self._authority = authority
        self._world = world
        self._loop = loop
        self._deliver: Deliver = _nobody
        self._watched: dict[str, None] = {}
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self.end: End | None = None
        self._link()

    def _link(self) -> None:
        near, far = self._authority.network.pipe().ends
        self.end = near
        near.heard = self._hear
        near.closed = self._lost
        self._authority.accept(far)

    def _lost(self) -> None:
        self.end = None
        asked, self._asked = self._asked, {}
        for future in asked.values():
            if not future.done():
                future.set_exception(ConnectionError("the link to the broker was lost"))
        self._world.later(_AGAIN, self._relink)

    def _relink(self) -> None:
        self._link()
        for channel in self._watched:
            self._world.start(self._watch_again(channel))

    async def _watch_again(self, channel: str) -> None:
        try:
            await self._ask("watch", channel)
        except ConnectionError:
            return
        if channel == next(reversed(self._watched), None):
            self._deliver(Gap())

    def _hear(self, message: Any) -> None:
        if not isinstance(message, tuple):
            self._deliver(message)
            return
        number, answer = message
        future = self._asked.pop(number, None)
        if future is not None and not future.done():
            future.set_result(answer)

    async def _ask(self, method: str, *arguments: Any) -> Any:
        if self.end is None:
            raise ConnectionError("there is no link to the broker")
        self._number += 1
        number = self._number
        future = self._asked[number] = self._loop.create_future()
        self.end.send((number, method, arguments))
        timer = self._world.later(_PATIENCE, lambda: self._late(number))
        try:
            return await future
        finally:
            timer.cancel()

    def _late(self, number: int) -> None:
        future = self._asked.pop(number, None)
        if future is not None and not future.done():
            future.set_exception(TimeoutError("no answer from the broker"))

    def listen(self, deliver: Deliver) -> None:
        """Have news told to `deliver`."""
        self._deliver = deliver

    async def watch(self, channel: str) -> None:
        """Deliver the news of `channel`."""
        self._watched[channel] = None
        await self._ask("watch", channel)

    async def unwatch(self, channel: str) -> None:
        """Deliver its news no longer."""
        self._watched.pop(channel, None)
        await self._ask("unwatch", channel)

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append and deliver."""
        return await self._ask("publish", channel, draft, retention)  # type: ignore[no-any-return]

    async def read(self, channel: str, query: Query, retention: Retention) -> Stretch:
        """Read a log."""
        return await self._ask("read", channel, query, retention)  # type: ignore[no-any-return]

    async def entries(self, channel: str, retention: Retention) -> Snapshot:
        """Read entries."""
        return await self._ask("entries", channel, retention)  # type: ignore[no-any-return]

    async def ends(self, channels: Sequence[str]) -> tuple[Position | None, ...]:
        """Ask where logs end."""
        return await self._ask("ends", channels)  # type: ignore[no-any-return]

    async def enter(self, channel: str, seat: Seat, lease: float) -> str:
        """Hold a place."""
        return await self._ask("enter", channel, seat, lease)  # type: ignore[no-any-return]

    async def exit(self, channel: str, session: str, holder: str) -> None:
        """Give it up."""
        await self._ask("exit", channel, session, holder)

    async def renew(self, holder: str, lease: float) -> str:
        """Hold all that is the holder's for longer."""
        return await self._ask("renew", holder, lease)  # type: ignore[no-any-return]

    async def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        return await self._ask("members", channel)  # type: ignore[no-any-return]

    async def count(self, channel: str) -> tuple[int, int]:
        """Give how many are there."""
        return await self._ask("count", channel)  # type: ignore[no-any-return]

    async def claim(self, holder: str, most: int, lease: float) -> tuple[Occurrence, ...]:
        """Take occurrences."""
        return await self._ask("claim", holder, most, lease)  # type: ignore[no-any-return]

    async def done(self, holder: str, channel: str, sequence: int) -> None:
        """Let go of one."""
        await self._ask("done", holder, channel, sequence)

    async def put(self, name: str, record: bytes, ttl: float) -> None:
        """Keep a record."""
        await self._ask("put", name, record, ttl)

    async def get(self, name: str) -> bytes | None:
        """Give a record."""
        return await self._ask("get", name)  # type: ignore[no-any-return]

    async def drop(self, name: str) -> None:
        """Forget a record."""
        await self._ask("drop", name)

    async def tell(self, data: bytes) -> None:
        """Tell every node."""
        await self._ask("tell", data)

    async def close(self) -> None:
        """Close the link."""
        if self.end is not None:
            self.end.close()


def _nobody(_: News) -> None:
    """Stand in for the hub until one listens."""
