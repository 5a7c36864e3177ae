"""everywire by its callback face: an echo of one line."""

from __future__ import annotations

from harness.serving import announce, options, run, tls_context

import everywire

given = options()


def on_message(ws: everywire.WebSocket, message: str | bytes) -> None:
    ws.send(message)


async def main() -> None:
    compression = "deflate" if given.deflate else None
    async with everywire.serve(
        on_message=on_message,
        host="127.0.0.1",
        port=0,
        compression=compression,
        ssl=tls_context(given),
        engine=given.engine,
    ) as server:
        announce(server.port)
        await server.serve_forever()


run(main(), given.loop)
