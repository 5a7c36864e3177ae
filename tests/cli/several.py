"""A server with several workers, and clients that know which of them they are on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.cli.commands import Command, started

import everywire

APP = """
import os
import everywire

app = everywire.Everywire()
app.channel("room:{name}", history=1000, presence=True)
app.channel("log:{name}", history=10_000)
app.on("pid")(lambda member, data: os.getpid())
"""


@contextlib.asynccontextmanager
async def serving(folder: Path, *options: str, workers: int = 2) -> AsyncIterator[tuple[Command, str]]:
    """Run the application above; gives the command, and the address of its clients."""
    (folder / "live.py").write_text(APP)
    listen = ("--host", "127.0.0.1", "--port", "0", "--workers", str(workers))
    async with started("run", "live:app", *listen, *options, cwd=folder) as run:
        address = (await run.says(r"live:app is at (ws://\S+)  \("))[1]
        yield run, address


@contextlib.asynccontextmanager
async def spread(address: str, count: int) -> AsyncIterator[dict[int, everywire.Client]]:
    """Connect until `count` workers have a client each; gives those by the worker's process id."""
    found: dict[int, everywire.Client] = {}
    async with contextlib.AsyncExitStack() as stack:
        async with asyncio.timeout(20):
            while len(found) < count:
                client = await stack.enter_async_context(everywire.Client(address))
                found.setdefault(await client.call("pid"), client)
        yield found
