"""everywire by its coroutine face: one waiting `async for` per connection."""

from __future__ import annotations

from harness.serving import announce, options, run, tls_context

import everywire

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
