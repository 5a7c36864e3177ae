"""everywire's SignalR dialect: everybody is in one group, and what one says goes to the others of it."""

from __future__ import annotations

import asyncio

from harness.serving import announce, options, run

from everywire import Caller
from everywire.app import Everywire
from everywire.hub.settings import Settings

given = options()
# A client here is a load: rates are not what is measured.
UNLIMITED = Settings(
    commands=None, received=None, subscribes=None, max_address_connections=20_000, max_address_unconnected=20_000
)
app = Everywire(settings=UNLIMITED)
app.signalr("/hub")
app.channel(
    "publication", history=1000
)  # clients are told an invocation of this name; the history is what the native one has


@app.on_connected
async def on_connected(caller: Caller, connecting: object) -> None:
    await app.subscribe("publication", session=caller.session)


@app.on("publish", inline=True)
def publish(caller: Caller, text: str) -> None:
    app.publish("publication", text, exclude=[caller.session])


async def main() -> None:
    async with app.serving(port=0, engine=given.engine) as server:
        announce(server.port)
        await asyncio.Event().wait()


run(main(), given.loop)
