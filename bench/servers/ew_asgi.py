"""An ASGI application's WebSockets on everywire's own server."""

from __future__ import annotations

from harness.serving import announce, options, run
from peers.asgi_app import app

import everywire
from everywire.http.request import Request
from everywire.servers.host.scope import Facts, scope
from everywire.servers.host.websocket import answer
from everywire.servers.websocket import Early, Server

given = options()
facts = Facts(extensions={"websocket.http.response": {}})
servers: list[Server] = []


async def nobody(ws: everywire.WebSocket) -> None:
    """All requests are the application's."""


def ask(request: Request) -> Early:
    asked: Early = answer(app, request, scope(request, "websocket", facts), servers[0])  # type: ignore[assignment]
    return asked


async def main() -> None:
    async with everywire.serve(
        nobody, "127.0.0.1", 0, process_request=ask, compression=None, engine=given.engine
    ) as server:
        servers.append(server)
        announce(server.port)
        await server.serve_forever()


run(main(), given.loop)
