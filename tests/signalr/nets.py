"""What the tests of hubs share: an application with one hub, in memory, whose clients speak the native wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from everywire import Everywire
from everywire.signalr import Hub, HubContext
from everywire.testing import MemoryClient, Net


class Hall:
    """A running hub."""

    def __init__(self, net: Net, context: HubContext) -> None:
        self.net, self.context = net, context

    def come(self, **fields: Any) -> MemoryClient:
        """Connect a client, and have the hub learn of it."""
        client = self.net.client()
        asked = client.send("connect", **fields)
        self.net.run()
        client.connected(client.answer(asked))
        client.events()
        return client

    def call(self, client: MemoryClient, name: str, data: Any = None, **fields: Any) -> Any:
        """Call a method, and give what it returns."""
        asked = client.send("call", name=name, data=data, **fields)
        self.net.run()
        return client.answer(asked)["data"]

    def do(self, work: Any) -> None:
        """Wait for what is awaitable."""

        async def waited() -> None:
            await work

        self.net.loop.run_until_complete(waited())
        self.net.run()


@contextmanager
def hall(hub: type[Hub], app: Everywire | None = None, **options: Any) -> Iterator[Hall]:
    """Run an application with a hub."""
    app = app or Everywire(secret="x" * 16)
    context = app.host("", hub, options)
    with Net(app) as net:
        yield Hall(net, context)


def heard(client: MemoryClient) -> list[tuple[Any, ...]]:
    """Give what a client was told since: by publications, and by calls that want no answer; each as its name and arguments."""
    said = []
    for event in client.events():
        if event["type"] == "publication":
            said.append((event["data"]["event"], *event["data"]["args"]))
        elif event["type"] == "call":
            said.append((event["name"], *event.get("data", [])))
    return said
