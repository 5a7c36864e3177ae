"""Clients in processes of their own, in Python and in Node, as a test sees them; and the server that they talk by."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.cli.commands import Command, started
from tests.told import Told

from everywire.testing import Mark, check, load

HERE = Path(__file__).parent

APP = """
import os
import everywire
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat

beat, patience = float(os.environ.get("BEAT", 25)), float(os.environ.get("PATIENCE", 10))
app = everywire.Everywire(settings=Settings(heartbeat=Heartbeat(every=beat, patience=patience)))
app.channel("room:{name}", history=100_000)
"""


@contextlib.asynccontextmanager
async def server(folder: Path, *options: str, **environment: str) -> AsyncIterator[int]:
    """Run a server with the native engine; gives its port."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "live.py").write_text(APP)
    listen = ("--host", "127.0.0.1", "--port", "0")
    async with started("run", "live:app", *listen, *options, cwd=folder, **environment) as run:
        found = await run.says(r"live:app is at wss?://[\w.]+:(\d+)\S*  \((\w+) engine")
        assert found[2] == "native"
        draining = asyncio.ensure_future(_drain(run))
        yield int(found[1])
        draining.cancel()


async def _drain(run: Command) -> None:
    """Read what the server prints on: a full pipe would stop it."""
    assert run.process.stdout is not None
    while line := await run.process.stdout.readline():
        run.said += line.decode()


class Talkers(Told):
    """A process with clients in it."""

    @classmethod
    def in_python(cls) -> contextlib.AbstractAsyncContextManager[Talkers]:
        """Run the Python client."""
        return cls.running(sys.executable, str(HERE / "talker.py"))

    @classmethod
    def in_node(cls, node: Path, **environment: str) -> contextlib.AbstractAsyncContextManager[Talkers]:
        """Run the TypeScript client, as it is committed, in Node."""
        flags = ("--experimental-eventsource", "--no-warnings")
        return cls.running(str(node), *flags, str(HERE / "talker.mjs"), **environment)


class Person:
    """One client among those of a process; `said` counts what it published."""

    def __init__(self, talkers: Talkers, who: str, url: str, place: tuple[str, Path], **options: Any) -> None:
        self.who = who
        self.said = 0
        channel, self.file = place
        self._talkers = talkers
        self._how = {"url": url, "channel": channel, "file": str(self.file), **options}

    async def meet(self) -> dict[str, Any]:
        """Connect, publish once, hear that."""
        self.said += 1
        return await self.ask("meet", **self._how)

    async def say(self, count: int) -> dict[str, Any]:
        """Publish so many numbers."""
        self.said += count
        return await self.ask("say", count=count)

    async def ask(self, do: str, **said: Any) -> dict[str, Any]:
        """Have something done."""
        return await self._talkers.ask(do, who=self.who, **said)


async def leave(*persons: Person) -> list[dict[str, Any]]:
    """Let all leave once they heard everything; what they wrote down has to keep every promise. Gives how they stood.

    They are all that ever spoke on their channel.
    """
    end = sum(person.said for person in persons)
    stands = await asyncio.gather(*[person.ask("hear", offset=end) for person in persons])
    await asyncio.gather(*[person.ask("leave") for person in persons])
    journal = load(*{person.file for person in persons})
    assert {log.client for log in journal.logs} == {person.who for person in persons}
    assert (len(journal.published), journal.end and journal.end.offset) == (end, end)
    faults = check(journal.logs, journal.published, journal.ends)
    assert not faults, faults[:5]
    for log in journal.logs:
        assert [type(entry) for entry in log.entries].count(Mark) == 1, f"{log.client} lost something"
    return stands
