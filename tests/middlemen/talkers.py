"""Clients in processes of their own, in Python and in Node, as a test sees them; and the server that they talk by."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.cli.commands import Command, started

from everywire.testing import Mark, check, load

HERE = Path(__file__).parent
PATIENCE = 500  # an everyday test is given less by pytest

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


class Talkers:
    """A process with clients in it.

    Invariants: `_answers` holds what was asked and is not answered.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, *command: str, **environment: str) -> AsyncIterator[Talkers]:
        """Run `command`; killed by its own process id at the end."""
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **environment}
        )
        talkers = cls(process)
        try:
            yield talkers
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await talkers._reading

    @classmethod
    def in_python(cls) -> contextlib.AbstractAsyncContextManager[Talkers]:
        """Run the Python client."""
        return cls.started(sys.executable, str(HERE / "talker.py"))

    @classmethod
    def in_node(cls, node: Path, **environment: str) -> contextlib.AbstractAsyncContextManager[Talkers]:
        """Run the TypeScript client, as it is committed, in Node."""
        flags = ("--experimental-eventsource", "--no-warnings")
        return cls.started(str(node), *flags, str(HERE / "talker.mjs"), **environment)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            answer = self._answers.pop(said.pop("id"))
            if not answer.done():
                answer.set_result(said)
        for answer in self._answers.values():
            answer.set_exception(RuntimeError("the process with the clients has ended"))

    async def ask(self, do: str, **said: Any) -> dict[str, Any]:
        """Have something done; gives the answer."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": do, **said}).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            given = await answer
        assert "error" not in given, given["error"]
        return given


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
