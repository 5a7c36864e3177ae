"""An application and its clients in one process, under virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from everywire.app import Everywire
from everywire.dialects.native import SUBPROTOCOL
from everywire.http.request import Headers, Request
from everywire.testing.client import MemoryClient
from everywire.testing.clock import VirtualLoop, virtual_world
from everywire.testing.transport import CrowdedTransport, MemoryTransport

__all__ = ["Net"]


class Net:
    """Runs `app` and hands out clients of it; `seed` decides every id it mints.

    With `crowd` a client that has more payloads than that to take keeps the server waiting. Several nets on one `loop`
    are several nodes in one time: who gave it closes it.

    Use it as a context manager: `with Net(app) as net: alice = net.connect()`.
    """

    def __init__(
        self, app: Everywire, seed: int = 0, *, crowd: int | None = None, loop: VirtualLoop | None = None
    ) -> None:
        self.app = app
        self.crowd = crowd
        self.loop = loop or VirtualLoop()
        self._shared = loop is not None
        try:
            self.gateway = app.start(virtual_world(self.loop, seed))
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Net:
        return self

    def __exit__(self, *_: Any) -> None:
        self.loop.run_until_complete(self._end())
        self._close()

    def _close(self) -> None:
        if not self._shared:
            self.loop.close()

    async def _end(self) -> None:
        await self.app.stop()
        if self._shared:
            return  # the tasks are the other nodes' too
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run(self, seconds: float = 0.001) -> None:
        """Let time pass; the default is enough for everything that needs no time."""
        self.loop.run(seconds)

    def client(self, headers: Iterable[tuple[str, str]] = ()) -> MemoryClient:
        """Give a client whose transport is open, not connected yet; `headers` join those of its request."""
        asked = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Protocol", SUBPROTOCOL),
            *headers,
        ]
        transport = MemoryTransport() if self.crowd is None else CrowdedTransport(self.crowd, self.loop)
        line = self.gateway.open(transport, Request("GET", self.app.path, Headers(asked)))
        if line is None:
            raise ValueError("the application opens nothing at its own path")
        return MemoryClient(transport, line)

    def connect(self, **fields: Any) -> MemoryClient:
        """Give a connected client; `fields` go into its `connect`."""
        client = self.client()
        client.connect(**fields)
        return client
