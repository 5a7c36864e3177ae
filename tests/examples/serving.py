"""An application on a free port of the loopback, in the test's own event loop."""

import contextlib
from collections.abc import AsyncIterator

from everywire.app import Everywire
from everywire.servers.websocket import serve


@contextlib.asynccontextmanager
async def served(app: Everywire) -> AsyncIterator[int]:
    """Serve `app` as long as the block lasts; gives the port."""
    gateway = app.start()
    callbacks = {"on_open": gateway.opened, "on_message": gateway.received, "on_close": gateway.closed}
    protocols = ["everywire.v1.json"]
    async with serve(host="127.0.0.1", process_request=app.answer, subprotocols=protocols, **callbacks) as server:
        yield server.port
    await app.stop()
