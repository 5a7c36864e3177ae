"""A server with several workers, and clients that know which of them they are on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.cli.commands import Command, started

import everywire
from everywire.client.hub import Publication
from everywire.messages import Position
from everywire.testing import passed

PATIENCE = 60

APP = """
import os
import everywire

app = everywire.Everywire()
app.channel("room:{name}", history=1000, presence=True)
app.channel("log:{name}", history=10_000)
app.channel("hall:{name}", history=10_000, presence=True)
app.channel("lobby:{name}", presence="users", leave_after=2)
app.on_connect(lambda connecting: everywire.Identity(connecting.token) if connecting.token else None)
app.on("pid")(lambda member, data: os.getpid())

@app.on("recorded")
async def recorded(session: str) -> list:
    record = await app.hub.records.find(session)
    return [] if record is None else sorted(record.channels)
"""


@contextlib.asynccontextmanager
async def serving(
    folder: Path, *options: str, workers: int | None = 2, more: str = ""
) -> AsyncIterator[tuple[Command, str]]:
    """Run the application above, with `more` behind it; gives the command, and the address of its clients."""
    (folder / "live.py").write_text(APP + more)
    listen = ("--host", "127.0.0.1", "--port", "0", *(() if workers is None else ("--workers", str(workers))))
    async with started("run", "live:app", *listen, *options, cwd=folder) as run:
        address = (await run.says(r"live:app is at (ws://\S+)  \("))[1]
        yield run, address


@contextlib.asynccontextmanager
async def spread(address: str, count: int, **how: Any) -> AsyncIterator[dict[int, everywire.Client]]:
    """Connect until `count` workers have a client each; gives those by the worker's process id. `how` is for the clients."""
    found: dict[int, everywire.Client] = {}
    async with contextlib.AsyncExitStack() as stack:
        async with asyncio.timeout(20):
            while len(found) < count:
                client = await stack.enter_async_context(everywire.Client(address, **how))
                found.setdefault(await client.call("pid"), client)
        yield found


async def recorded(client: everywire.Client, session: str, *channels: str) -> None:
    """Wait until another worker could go on with a session that is in these channels."""
    async with asyncio.timeout(20):
        while await client.call("recorded", {"session": session}) != [*channels]:
            pass  # each look is an answer from the broker


class Ear:
    """A client that writes down the numbers it hears on a channel; `lost` counts how often it was told that some are gone."""

    def __init__(self, client: everywire.Client, channel: str) -> None:
        self.client = client
        self.heard: list[int] = []
        self.lost = 0
        self._more = asyncio.Event()
        self.subscription = client.subscribe(channel, on_publication=self._hear, on_lost=self._lose)

    def _hear(self, publication: Publication) -> None:
        self.heard.append(publication.data)
        self._more.set()

    def _lose(self, _: object) -> None:
        self.lost += 1

    async def until(self, number: int) -> None:
        """Wait until `number` was heard."""
        async with asyncio.timeout(PATIENCE):
            while not self.heard or self.heard[-1] < number:
                self._more.clear()
                await self._more.wait()

    @property
    def whole(self) -> bool:
        """Whether it heard every number once and in order, from its first on."""
        return not self.lost and self.heard == list(range(self.heard[0], self.heard[0] + len(self.heard)))


class Mouth:
    """Publishes numbers from 0 on, `rate` of them per second, until it is told to stop; `told` says where each of them is.

    It waits while `_MOST` are not acknowledged: on a busy machine it would otherwise say more than the client keeps for its server.
    """

    _MOST = 500

    def __init__(self, client: everywire.Client, channel: str, rate: float) -> None:
        self.said = -1
        self.told: dict[int, Position] = {}
        self._client, self._channel, self._rate = client, channel, rate
        self._stop = False
        self._task = asyncio.ensure_future(self._talk())

    async def _talk(self) -> None:
        loop, under_way = asyncio.get_running_loop(), []
        begun = loop.time()
        while not self._stop:
            due = (loop.time() - begun) * self._rate  # what a slow turn kept back is made up for
            while self.said < min(due, len(self.told) + self._MOST):
                self.said += 1
                under_way.append(asyncio.ensure_future(self._publish(self.said)))
            await passed(1 / self._rate)
        await asyncio.gather(*under_way)

    async def _publish(self, number: int) -> None:
        self.told[number] = await self._client.publish(self._channel, number)

    async def until(self, number: int) -> None:
        """Wait until `number` was said."""
        while self.said < number:
            await passed(1 / self._rate)

    async def stop(self) -> int:
        """Stop, once everything is acknowledged; gives the last number."""
        self._stop = True
        async with asyncio.timeout(PATIENCE):
            await self._task
        return self.said
