"""npm's client of SignalR as a test sees it: in a process of Node, told what to do, asked what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from tests.conftest import need
from tests.dialects.socketio.client import read, written
from tests.told import Failed, Told

import testbed

ARTIFACT = "com.microsoft.signalr:signalr:9.0.3"
PACKAGES = ("@microsoft/signalr@10.0.0", "@microsoft/signalr-protocol-msgpack@10.0.0")
PATIENCE = 20  # seconds for one answer, or for one thing to happen
LONG = 500  # seconds for a conversation

Report = dict[str, Any]


def installed() -> Path:
    """The folder in which npm has installed the client."""
    return need(lambda: testbed.npm(*PACKAGES))


def of_node() -> list[str]:
    """Start npm's client."""
    return [str(need(testbed.node)), str(Path(__file__).with_suffix(".mjs")), str(installed())]


def of_java() -> list[str]:
    """Start Java's client, whose program is compiled at each start."""
    return [
        str(need(testbed.java)),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-cp",
        f"{need(lambda: testbed.maven(ARTIFACT))}/*",
        str(Path(__file__).with_name("Client.java")),
    ]


class Clients(Told):
    """A process with clients in it."""

    patience = PATIENCE

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__(process)
        self._clients: dict[str, Client] = {}
        self._names = itertools.count()

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, command: Callable[[], list[str]] = of_node) -> AsyncIterator[Clients]:
        """Run the process that `command` starts."""
        async with cls.running(*await asyncio.to_thread(command)) as clients:
            yield clients

    async def make(self, url: str, **options: Any) -> Client:
        """Make a client that is not started: `transport` (WebSockets, ServerSentEvents, LongPolling), `msgpack`, `stateful`, `reconnects` (milliseconds),
        `tokens`, `headers`, `skipNegotiation`, `timeout` and `alive` (seconds), `hears` (names that it reports), `answers` (by name).
        """
        client = Client(self, f"client {next(self._names)}")
        self._clients[client.who] = client
        await self.ask("make", who=client.who, url=url, options=written(options))
        return client

    async def connect(self, url: str, **options: Any) -> Client:
        """Make one and start it."""
        client = await self.make(url, **options)
        await client.start()
        return client

    async def part(self) -> None:
        """Have all clients leave, whatever they are about, and forget them."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            with contextlib.suppress(Failed):  # one that could not be made
                await client.stop()

    def hear(self, said: dict[str, Any]) -> None:
        """Take an answer, or a report of what happened to a client; those that are forgotten report nothing."""
        said = read(said)
        if "who" in said:
            if (client := self._clients.get(said.pop("who"))) is not None:
                client.hear(said)
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

    async def next(self, was: str, **like: Any) -> Report:
        """Wait for the next report of this kind that is `like` that, and take it; others stay: `invoked` `close` `reconnecting` `reconnected` `token`."""
        wanted = {"was": was, **like}
        async with asyncio.timeout(PATIENCE):
            while True:
                for number, report in enumerate(self.reports):
                    if wanted.items() <= {key: report.get(key) for key in wanted}.items():
                        return self.reports.pop(number)
                news = asyncio.get_running_loop().create_future()
                self._news.append(news)
                await news

    async def heard(self, name: str) -> list[Any]:
        """Wait for the server's next invocation of this name; gives its arguments."""
        return (await self.next("invoked", name=name))["args"]

    async def start(self) -> Report:
        """Connect; gives how it stands then. Raises `Failed`."""
        return await self._ask("start")

    async def run(self, name: str, *args: Any) -> None:
        """Invoke what gives no result; Java's client has a word of its own for it. Raises `Failed`."""
        await self._ask("run", name=name, args=args)

    async def refresh(self, token: str) -> Report:
        """Show a newer token by a request for nothing else, which npm's client has no word for; gives its `status`, and what it `said`."""
        return await self._ask("refresh", token=token)

    async def stop(self) -> None:
        """Leave."""
        await self._ask("stop")

    async def state(self) -> Report:
        """How it stands: `state`, `connection` (its id for others), `transport`, `stateful`."""
        return await self._ask("state")

    async def invoke(self, name: str, *args: Any) -> Any:
        """Invoke, and give the result. Raises `Failed`."""
        return (await self._ask("invoke", name=name, args=args))["answer"]

    async def send(self, name: str, *args: Any) -> None:
        """Invoke without wanting to know what came of it."""
        await self._ask("send", name=name, args=args)

    async def flood(self, name: str, count: int, *, cut: bool = False) -> None:
        """Send that many numbers at once; with `cut` the WebSocket is lost in the middle of that."""
        await self._ask("flood", name=name, count=count, cut=cut)

    async def stream(self, name: str, *args: Any, **how: Any) -> Report:
        """Give the `items` of a stream, and whether it was `canceled`, after `take` of them, or `broken`; `uploads` are lists of items of streams with it."""
        return await self._ask("stream", name=name, args=args, **how)

    async def upload(self, name: str, *args: Any, uploads: list[list[Any]]) -> Any:
        """Invoke with streams of these items beside the arguments."""
        return (await self._ask("upload", name=name, args=args, uploads=uploads))["answer"]

    async def cut(self) -> int:
        """Lose the WebSocket, without a word to anybody; gives how many there were."""
        return (await self._ask("cut"))["cut"]

    async def converse(self, last: int, every: int = 0) -> list[int]:
        """Note the numbers of the server's "count" up to the `last`, and say each back by "note"; lose the WebSocket after each `every`th."""
        self._clients.patience = LONG
        return (await self._ask("converse", last=last, every=every))["heard"]

    async def _ask(self, do: str, **said: Any) -> dict[str, Any]:
        return await self._clients.ask(do, who=self.who, **written(said))
