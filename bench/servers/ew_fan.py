"""everywire's `broadcast`: what one client sends goes to all others."""

from __future__ import annotations

from harness.serving import announce, options, run, tls_context

import everywire

given = options()
fan: dict[everywire.WebSocket, None] = {}  # a dict keeps the order of arrival, which is the order of descriptors


def on_open(ws: everywire.WebSocket) -> None:
    fan[ws] = None


def on_close(ws: everywire.WebSocket, code: int, reason: str) -> None:
    fan.pop(ws, None)


def on_message(ws: everywire.WebSocket, message: str | bytes) -> None:
    others = fan.copy()
    del others[ws]
    everywire.broadcast(others, message)


async def main() -> None:
    compression = "deflate" if given.deflate else None
    async with everywire.serve(
        on_message=on_message,
        on_open=on_open,
        on_close=on_close,
        host="127.0.0.1",
        port=0,
        compression=compression,
        ssl=tls_context(given),
        engine=given.engine,
    ) as server:
        announce(server.port)
        await server.serve_forever()


run(main(), given.loop)
