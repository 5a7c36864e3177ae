"""npm's and Java's clients of Socket.IO as a test sees them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Self

from tests import reporting
from tests.conftest import need
from tests.reporting import Report, Reporter, Reporters

import testbed

MSGPACK = "socket.io-msgpack-parser"
PACKAGES = ("socket.io-client@4.8.4", f"{MSGPACK}@3.0.2")
ARTIFACT = "io.socket:socket.io-client:2.1.2"
HERE = Path(__file__)


def installed() -> Path:
    """The folder in which npm has installed the client."""
    return need(lambda: testbed.npm(*PACKAGES))


def of_node() -> list[str]:
    """Start npm's socket.io-client."""
    return reporting.of_node(HERE.with_suffix(".mjs"), installed())


def of_java() -> list[str]:
    """Start Java's socket.io-client."""
    return reporting.of_java(HERE.with_name("Client.java"), ARTIFACT)


class Clients(Reporters):
    """A process with clients in it."""

    @classmethod
    def started(cls, command: Callable[[], list[str]] = of_node) -> AbstractAsyncContextManager[Self]:
        """Run the process that `command` starts."""
        return cls.run_by(command)

    async def connect(self, url: str, parser: str | None = None, **options: Any) -> Client:
        """Make a client of `url`, whose path is the namespace; `options` are socket.io-client's own. A transport may be a class of its, by name.

        It does not wait for the connection: `next("connect")` does.
        """
        client = Client(self)
        await self.add(client, "connect", url=url, parser=parser, options=options)
        return client


class Client(Reporter):
    """One client. What it reports: `connect` `connect_error` `disconnect` `event` `upgrade` `upgrade_error` `error` `ping`, `reconnect` and
    `reconnect_attempt`, `_error`, `_failed`.
    """

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

    async def leave(self) -> None:
        """Leave."""
        await self.disconnect()
