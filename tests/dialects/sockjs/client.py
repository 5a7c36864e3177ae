"""npm's sockjs-client as a test sees it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Self

from tests import reporting
from tests.conftest import need
from tests.reporting import Reporter, Reporters

import testbed

PACKAGE = "sockjs-client@1.6.1"
TRANSPORTS = ("websocket", "xhr-streaming", "eventsource", "xhr-polling")


def installed() -> Path:
    """The folder in which npm has installed the client."""
    return need(lambda: testbed.npm(PACKAGE))


def of_node() -> list[str]:
    """Start it."""
    return reporting.of_node(Path(__file__).with_suffix(".mjs"), installed())


class Clients(Reporters):
    """A process with clients in it."""

    @classmethod
    def started(cls) -> AbstractAsyncContextManager[Self]:
        """Run the process."""
        return cls.run_by(of_node)

    async def connect(self, url: str, *transports: str, **options: Any) -> Client:
        """Make a client that may use these transports, any where none are given; `options` are sockjs-client's own."""
        client = Client(self)
        given = options | ({"transports": transports} if transports else {})
        await self.add(client, "connect", url=url, options=given)
        return client

    async def cut(self) -> int:
        """Lose every connection of all of them; gives how many there were."""
        found: int = (await self.ask("cut"))["cut"]
        return found


class Client(Reporter):
    """One client. What it reports: `open`, `message`, `heartbeat`, `close`."""

    async def messages(self, count: int) -> list[str]:
        """Wait for so many messages."""
        return [(await self.next("message"))["data"] for _ in range(count)]

    async def send(self, *texts: str) -> None:
        """Send these."""
        await self._ask("send", texts=texts)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close."""
        await self._ask("close", code=code, reason=reason)

    async def leave(self) -> None:
        """Leave."""
        await self.close()
