"""websockets (asyncio), its documented echo and its `broadcast` for /fan."""

from __future__ import annotations

from harness.serving import announce, options, run, tls_context
from websockets.asyncio.server import ServerConnection, broadcast, serve

given = options()
fan: dict[ServerConnection, None] = {}


async def fan_out(ws: ServerConnection) -> None:
    fan[ws] = None
    try:
        async for message in ws:
            broadcast([other for other in fan if other is not ws], message)
    finally:
        del fan[ws]


async def handler(ws: ServerConnection) -> None:
    assert ws.request is not None
    if ws.request.path == "/fan":
        await fan_out(ws)
        return
    async for message in ws:
        await ws.send(message)


async def main() -> None:
    compression = "deflate" if given.deflate else None
    server = await serve(handler, "127.0.0.1", 0, compression=compression, ssl=tls_context(given), backlog=4096)
    announce(next(iter(server.sockets)).getsockname()[1])
    await server.serve_forever()


run(main(), given.loop)
