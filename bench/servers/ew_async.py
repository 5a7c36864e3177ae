"""everywire by its coroutine face: one waiting `async for` per connection."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "peers"))

import everywire
from common import announce, options, run, tls_context

given = options()


async def handler(ws: everywire.WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


async def main() -> None:
    compression = "deflate" if given.deflate else None
    async with everywire.serve(
        handler, "127.0.0.1", 0, compression=compression, ssl=tls_context(given), engine=given.engine
    ) as server:
        announce(server.port)
        await server.serve_forever()


run(main(), given.loop)
