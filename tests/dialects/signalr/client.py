"""npm's and Java's clients of SignalR as a test sees them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Self

from tests import reporting
from tests.conftest import need
from tests.reporting import Report, Reporter, Reporters

import testbed

ARTIFACT = "com.microsoft.signalr:signalr:9.0.3"
PACKAGES = ("@microsoft/signalr@10.0.0", "@microsoft/signalr-protocol-msgpack@10.0.0")
LONG = 500  # seconds for a conversation
HERE = Path(__file__)


def installed() -> Path:
    """The folder in which npm has installed the client."""
    return need(lambda: testbed.npm(*PACKAGES))


def of_node() -> list[str]:
    """Start npm's client."""
    return reporting.of_node(HERE.with_suffix(".mjs"), installed())


def of_java() -> list[str]:
    """Start Java's client."""
    return reporting.of_java(HERE.with_name("Client.java"), ARTIFACT)


class Clients(Reporters):
    """A process with clients in it."""

    @classmethod
    def started(cls, command: Callable[[], list[str]] = of_node) -> AbstractAsyncContextManager[Self]:
        """Run the process that `command` starts."""
        return cls.run_by(command)

    async def make(self, url: str, **options: Any) -> Client:
        """Make a client that is not started: `transport` (WebSockets, ServerSentEvents, LongPolling), `msgpack`, `stateful`, `reconnects` (milliseconds),
        `tokens`, `headers`, `skipNegotiation`, `timeout` and `alive` (seconds), `hears` (names that it reports), `answers` (by name).
        """
        client = Client(self)
        await self.add(client, "make", url=url, options=options)
        return client

    async def connect(self, url: str, **options: Any) -> Client:
        """Make one and start it."""
        client = await self.make(url, **options)
        await client.start()
        return client


class Client(Reporter):
    """One client. What it reports: `invoked` `close` `reconnecting` `reconnected` `token`."""

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

    async def leave(self) -> None:
        """Leave."""
        await self.stop()
