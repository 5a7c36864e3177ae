"""everywire's hub: publications through dialect, hub, broker, codec and frame, as an application has them."""

from __future__ import annotations

import asyncio

from harness.serving import announce, options, run

from everywire.app import Everywire
from everywire.hub.settings import Settings

given = options()
app = Everywire(settings=Settings(commands=None, received=None, publishes=None))  # a publisher here is a load
app.channel("bench")


async def main() -> None:
    async with app.serving(port=0, compression="deflate" if given.deflate else None, engine=given.engine) as server:
        announce(server.port)
        await asyncio.Event().wait()


run(main(), given.loop)
