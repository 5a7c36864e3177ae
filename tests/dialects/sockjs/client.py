"""npm's sockjs-client as a test sees it: in a process of Node, told what to do, asked what became of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.conftest import need
from tests.told import Told

import testbed

PACKAGE = "sockjs-client@1.6.1"
TRANSPORTS = ("websocket", "xhr-streaming", "eventsource", "xhr-polling")
PATIENCE = 20  # seconds for one answer, or for one thing to happen

Report = dict[str, Any]


def installed() -> Path:
    """The folder in which npm has installed the client."""
    return need(lambda: testbed.npm(PACKAGE))


class Clients(Told):
    """A process with clients in it."""

    patience = PATIENCE

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__(process)
        self._clients: dict[str, Client] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls) -> AsyncIterator[Clients]:
        """Run the process."""
        folder = await asyncio.to_thread(installed)
        command = [str(need(testbed.node)), str(Path(__file__).with_suffix(".mjs")), str(folder)]
        async with cls.running(*command) as clients:
            yield clients

    async def connect(self, url: str, *transports: str, **options: Any) -> Client:
        """Make a client that may use these transports, any where none are given; `options` are sockjs-client's own."""
        client = Client(self, f"client {len(self._clients)}")
        self._clients[client.who] = client
        given = options | ({"transports": transports} if transports else {})
        await self.ask("connect", who=client.who, url=url, options=given)
        return client

    async def cut(self) -> int:
        """Lose every connection of all of them; gives how many there were."""
        found: int = (await self.ask("cut"))["cut"]
        return found

    def hear(self, said: dict[str, Any]) -> None:
        """Take an answer, or a report of what happened to a client."""
        if "who" in said:
            self._clients[said.pop("who")].hear(said)
        else:
            super().hear(said)


class Client:
    """One client.

    Invariants: `reports` holds what happened to it and was not yet asked for, in order.
    """

    def __init__(self, clients: Clients, who: str) -> None:
        self.who = who
        self.reports: list[Report] = []
        self._clients = clients
        self._news: list[asyncio.Future[None]] = []

    def hear(self, report: Report) -> None:
        """Add a report, and wake who waits for one."""
        self.reports.append(report)
        news, self._news = self._news, []
        for one in news:
            if not one.done():
                one.set_result(None)

    async def next(self, was: str) -> Report:
        """Wait for the next report of this kind, and take it: `open`, `message`, `heartbeat`, `close`."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for number, report in enumerate(self.reports):
                    if report["was"] == was:
                        return self.reports.pop(number)
                news = asyncio.get_running_loop().create_future()
                self._news.append(news)
                await news

    async def messages(self, count: int) -> list[str]:
        """Wait for so many messages."""
        return [(await self.next("message"))["data"] for _ in range(count)]

    async def send(self, *texts: str) -> None:
        """Send these."""
        await self._clients.ask("send", who=self.who, texts=texts)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close."""
        await self._clients.ask("close", who=self.who, code=code, reason=reason)
