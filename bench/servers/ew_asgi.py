"""An ASGI application on everywire's own server."""

from __future__ import annotations

from harness.serving import announce, options, run
from peers.asgi_app import app

import everywire

given = options()


async def main() -> None:
    async with everywire.hosting(app, port=0, lifespan="off", compression=None, engine=given.engine) as server:
        announce(server.port)
        await server.serve_forever()


run(main(), given.loop)
