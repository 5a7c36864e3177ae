"""Official clients as a test sees them: in a process of Node or of Java, told what to do, asked what became of them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Self

from tests.conftest import need
from tests.told import Failed, Told

import testbed

PATIENCE = 20  # seconds for one answer, or for one thing to happen

Report = dict[str, Any]


def of_node(program: Path, packages: Path) -> list[str]:
    """Start a program of Node's with the `packages` of that folder."""
    return [str(need(testbed.node)), str(program), str(packages)]


def of_java(program: Path, artifact: str) -> list[str]:
    """Start a program of Java's, which is compiled at each start, with an artifact."""
    libraries = f"{need(lambda: testbed.maven(artifact))}/*"
    return [str(need(testbed.java)), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", libraries, str(program)]


class Reporters(Told):
    """A process with clients in it, which report what happens to them."""

    patience = PATIENCE

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__(process)
        self._clients: dict[str, Reporter] = {}
        self._names = itertools.count()

    @classmethod
    @contextlib.asynccontextmanager
    async def run_by(cls, command: Callable[[], list[str]]) -> AsyncIterator[Self]:
        """Run the process that `command` starts."""
        async with cls.running(*await asyncio.to_thread(command)) as clients:
            yield clients

    def name(self) -> str:
        """Give a name for one more client."""
        return f"client {next(self._names)}"

    async def add(self, client: Reporter, do: str, **said: Any) -> None:
        """Have a client made."""
        self._clients[client.who] = client
        await self.ask(do, who=client.who, **written(said))

    async def part(self) -> None:
        """Have all clients leave, whatever they are about, and forget them."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            with contextlib.suppress(Failed):  # one that could not be made
                await client.leave()

    def hear(self, said: dict[str, Any]) -> None:
        """Take an answer, or a report of what happened to a client; those that are forgotten report nothing."""
        said = read(said)
        if "who" in said:
            if (client := self._clients.get(said.pop("who"))) is not None:
                client.hear(said)
        else:
            super().hear(said)


class Reporter:
    """One client.

    Invariants: `reports` holds what happened to it and was not yet asked for, in order.
    """

    def __init__(self, clients: Reporters) -> None:
        self.who = clients.name()
        self.reports: list[Report] = []
        self._clients = clients
        self._news: list[asyncio.Future[None]] = []

    @abstractmethod
    async def leave(self) -> None:
        """Leave for good."""

    def hear(self, report: Report) -> None:
        """Add a report, and wake who waits for one."""
        self.reports.append(report)
        news, self._news = self._news, []
        for one in news:
            if not one.done():
                one.set_result(None)

    async def next(self, was: str, **like: Any) -> Report:
        """Wait for the next report of this kind that is `like` that, and take it; others stay. Which kinds there are its program says."""
        wanted = {"was": was, **like}
        async with asyncio.timeout(PATIENCE):
            while True:
                for number, report in enumerate(self.reports):
                    if wanted.items() <= {key: report.get(key) for key in wanted}.items():
                        return self.reports.pop(number)
                news = asyncio.get_running_loop().create_future()
                self._news.append(news)
                await news

    async def _ask(self, do: str, **said: Any) -> dict[str, Any]:
        return await self._clients.ask(do, who=self.who, **written(said))


def written(value: Any) -> Any:
    """`value` for JSON: bytes as base64 under "$bytes"."""
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    return _through(value, written)


def read(value: Any) -> Any:
    """What `written` wrote."""
    if isinstance(value, dict) and value.keys() == {"$bytes"}:
        return base64.b64decode(value["$bytes"])
    return _through(value, read)


def _through(value: Any, each: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: each(one) for key, one in value.items()}
    return [each(one) for one in value] if isinstance(value, list | tuple) else value
