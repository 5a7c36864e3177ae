"""everywire's Socket.IO dialect: everybody is in one channel, what one says goes to the others, and an event is acknowledged by its argument."""

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
app.socketio()
app.channel("publication")  # clients are told an event of this name


@app.on_connected
async def on_connected(caller: Caller, connecting: object) -> None:
    await app.subscribe("publication", session=caller.session)


def publish(caller: Caller, text: str) -> None:
    app.publish("publication", text, exclude=[caller.session])


def echo(text: str) -> str:
    return text


async def publish_in_task(caller: Caller, text: str) -> None:
    await app.publish("publication", text, exclude=[caller.session])


async def echo_in_task(text: str) -> str:
    return text


if given.coroutines:
    app.on("publish")(publish_in_task)
    app.on("echo")(echo_in_task)
else:
    app.on("publish", inline=True)(publish)
    app.on("echo", inline=True)(echo)


async def main() -> None:
    async with app.serving(port=0, engine=given.engine) as server:
        announce(server.port)
        await asyncio.Event().wait()


run(main(), given.loop)
