"""What the tests of the face share: an application with npm's client, or python-socketio's own, in the test's own loop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tests.dialects.socketio.client import Client, Clients
from tests.dialects.socketio.serving import SOON

from everywire.socketio import ASGIApp, AsyncServer


class House:
    """A served application and clients of it."""

    def __init__(self, clients: Clients, url: str) -> None:
        self.clients, self.url = clients, url

    async def come(self, namespace: str = "", **options: Any) -> Client:
        """Connect a client, which is connected then."""
        client = await self.clients.connect(f"{self.url}{namespace}", **{**SOON, **options})
        await client.next("connect")
        return client

    async def knock(self, namespace: str = "", **options: Any) -> Client:
        """Begin to connect one."""
        return await self.clients.connect(f"{self.url}{namespace}", **{**SOON, **options})


@contextlib.asynccontextmanager
async def house(sio: AsyncServer, app: ASGIApp | None = None, **options: Any) -> AsyncIterator[House]:
    """Serve `sio`, and start a process for clients."""
    async with Clients.started() as clients, (app or ASGIApp(sio)).serving(**options) as server:
        yield House(clients, f"http://127.0.0.1:{server.port}")
