"""everywire's SockJS dialect, whose strings are texts: on one path each is given back, on the other what one says goes to all others."""

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
app.sockjs("/echo", speaks="text", handler="echo")
app.sockjs("/room", speaks="text", handler="publish")
app.channel("room", history=1000)  # as the native one has it


@app.on_connected
async def on_connected(caller: Caller, connecting: object) -> None:
    await app.subscribe("room", session=caller.session)


@app.on("publish", inline=True)
def publish(caller: Caller, data: str) -> None:
    app.publish("room", data, exclude=[caller.session])


@app.on("echo", inline=True)
def echo(data: str) -> str:
    return data


async def main() -> None:
    async with app.serving(port=0, engine=given.engine) as server:
        announce(server.port)
        await asyncio.Event().wait()


run(main(), given.loop)
