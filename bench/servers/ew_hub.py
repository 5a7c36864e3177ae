"""everywire's hub: publications through dialect, hub, broker, codec and frame, as an application has them."""

from __future__ import annotations

import asyncio

from harness.serving import announce, options, run

from everywire.app import Everywire
from everywire.hub.settings import Settings

given = options()
# A publisher here is a load, and so is who comes back with everybody at once: rates are not what is measured.
UNLIMITED = Settings(
    commands=None,
    received=None,
    publishes=None,
    subscribes=None,
    max_channels=100_000,
    max_waiting=10_000,
    max_address_connections=20_000,
    max_address_unconnected=20_000,
)
app = Everywire(settings=UNLIMITED)
app.channel("bench", history=1000, presence=given.presence)
app.channel("bench-{room}", history=1000, presence=given.presence)
app.channel("own-{owner}-{number}", history=10)


async def main() -> None:
    async with app.serving(port=0, compression="deflate" if given.deflate else None, engine=given.engine) as server:
        announce(server.port)
        await asyncio.Event().wait()


run(main(), given.loop)
