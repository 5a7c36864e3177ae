"""An application and its clients in one process, under virtual time."""

from __future__ import annotations

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
        self._clients: list[MemoryClient] = []
        self._world = virtual_world(self.loop, seed)
        try:
            self.gateway = app.start(self._world)
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Net:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.alive:
            self.loop.run_until_complete(self.app.stop())
        if not self._shared:  # or the tasks are the other nodes' too
            self.loop.end_tasks()
        self._close()

    def _close(self) -> None:
        if not self._shared:
            self.loop.close()

    @property
    def alive(self) -> bool:
        """Say whether it was not killed."""
        return not self._world.dead

    def kill(self) -> None:
        """End it as SIGKILL would: nobody is told, nothing is tidied up. Its clients in memory find their transports closed, with 1006."""
        self._world.death()
        for client in self._clients:
            client.transport.outbox.clear()
            client.transport.close(1006, "the node was killed")

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
        if not self.alive:
            raise ConnectionRefusedError("the node was killed")
        line = self.gateway.open(transport, Request("GET", self.app.path, Headers(asked)))
        if line is None:
            raise ValueError("the application opens nothing at its own path")
        client = MemoryClient(transport, line)
        self._clients.append(client)
        return client

    def connect(self, **fields: Any) -> MemoryClient:
        """Give a connected client; `fields` go into its `connect`."""
        client = self.client()
        client.connect(**fields)
        return client
