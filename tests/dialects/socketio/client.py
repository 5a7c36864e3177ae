"""Official clients as a test sees them: in a process of Node or of Java, told what to do, asked what became of them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from tests.conftest import need
from tests.told import Failed, Told

import testbed

MSGPACK = "socket.io-msgpack-parser"
PACKAGES = ("socket.io-client@4.8.4", f"{MSGPACK}@3.0.2")
ARTIFACT = "io.socket:socket.io-client:2.1.2"
PATIENCE = 20  # seconds for one answer, or for one thing to happen

Report = dict[str, Any]


def installed() -> Path:
    """The folder in which npm has installed the client."""
    return need(lambda: testbed.npm(*PACKAGES))


def of_node() -> list[str]:
    """Start npm's socket.io-client."""
    return [str(need(testbed.node)), str(Path(__file__).with_suffix(".mjs")), str(installed())]


def of_java() -> list[str]:
    """Start Java's socket.io-client, whose program is compiled at each start."""
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

    async def connect(self, url: str, parser: str | None = None, **options: Any) -> Client:
        """Make a client of `url`, whose path is the namespace; `options` are socket.io-client's own. A transport may be a class of its, by name.

        It does not wait for the connection: `next("connect")` does.
        """
        client = Client(self, f"client {next(self._names)}")
        self._clients[client.who] = client
        await self.ask("connect", who=client.who, url=url, parser=parser, options=written(options))
        return client

    async def part(self) -> None:
        """Have all clients leave, whatever they are about, and forget them."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            with contextlib.suppress(Failed):  # one that could not be made
                await client.disconnect()

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
        """Wait for the next report of this kind that is `like` that, and take it; others stay.

        `connect` `connect_error` `disconnect` `event` `upgrade` `upgrade_error` `error` `ping`,
        `reconnect` and `reconnect_attempt`, `_error`, `_failed`.
        """
        wanted = {"was": was, **like}
        async with asyncio.timeout(PATIENCE):
            while True:
                for number, report in enumerate(self.reports):
                    if wanted.items() <= {key: report.get(key) for key in wanted}.items():
                        return self.reports.pop(number)
                news = asyncio.get_running_loop().create_future()
                self._news.append(news)
                await news

    async def event(self, name: str | None = None) -> list[Any]:
        """Wait for the next event, of this name if one is given; gives its arguments, behind the name if none is given."""
        report = await self.next("event", **({} if name is None else {"name": name}))
        return report["args"] if name is not None else [report["name"], *report["args"]]

    async def emit(self, name: str, *args: Any, **flags: bool) -> None:
        """Emit without acknowledgement; `flags` are socket.io-client's own: volatile, compress."""
        await self._ask("emit", name=name, args=args, flags=flags)

    async def ask(self, name: str, *args: Any, timeout: float | None = None) -> list[Any]:
        """Emit and wait for the acknowledgement; gives all of its arguments. Raises `Failed` after `timeout` seconds."""
        given = await self._ask("ask", name=name, args=args, timeout=timeout)
        return given["answer"]

    async def ask_one(self, name: str, *args: Any, timeout: float = 5) -> Any:
        """The same by `emitWithAck`, which gives the first argument."""
        given = await self._ask("ask_one", name=name, args=args, timeout=timeout)
        return given.get("answer")

    async def answer(self, report: Report, *args: Any) -> None:
        """Acknowledge the event of this report."""
        await self._ask("answer", number=report["number"], args=args)

    async def on(self, name: str, *answer: Any) -> None:
        """Acknowledge every event of this name by `answer`, at once."""
        await self._ask("on", name=name, answer=answer)

    async def auth(self, **auth: Any) -> None:
        """Show this from the next connect on."""
        await self._ask("auth", auth=auth)

    async def auth_by_function(self) -> None:
        """From the next connect on, show what a function gives: how many attempts there were."""
        await self._ask("auth_by_function")

    async def state(self) -> Report:
        """How it stands: `connected`, `sid`, `recovered`, `active`, `engine` (the Engine.IO id), `transport`; a report of `connect` says so too."""
        return await self._ask("state")

    async def drop(self) -> None:
        """Lose the connection by a close of the client's Engine.IO, after which it comes back."""
        await self._ask("drop")

    async def cut(self) -> int:
        """Lose every TCP connection, without a word to anybody; gives how many there were."""
        return (await self._ask("cut"))["cut"]

    async def lose(self) -> Report:
        """Be cut off, until it is noticed; gives the report. Between two polls there is nothing that a cut would hurt."""
        while True:
            await self.cut()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    return await self.next("disconnect")

    async def open(self) -> None:
        """Connect again, after `disconnect` or a refusal."""
        await self._ask("open")

    async def disconnect(self) -> None:
        """Leave the namespace for good."""
        await self._ask("disconnect")

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
