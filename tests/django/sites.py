"""What tests have of a site: an application that is served, and clients of it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from everywire import Client, Everywire
from everywire.client.options import Change, State


class Home:
    """A served application, where its clients connect to."""

    def __init__(self, app: Everywire, port: int) -> None:
        self.app, self.port = app, port
        self._ends: dict[Client, asyncio.Future[int]] = {}
        self.url = f"ws://testserver:{port}{app.path}"

    def client(self, cookie: str | None = None, origin: str | None = None, **options: Any) -> Client:
        """Make a client that is not connected yet, as a browser's page would be one where a cookie comes along."""
        said = {"Cookie": cookie, "Origin": origin or (f"http://testserver:{self.port}" if cookie else None)}
        headers = {name: value for name, value in said.items() if value is not None}
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def learn(change: Change) -> None:
            if change.state is State.CLOSED and not ended.done():
                ended.set_result(change.code)

        url = self.url.replace("testserver", "localhost")
        client = Client(url, connect={"headers": headers}, on_state=learn, **options)
        self._ends[client] = ended
        return client

    async def end(self, client: Client) -> int:
        """Wait until a client has ended for good, and give the code that it was closed with."""
        return await asyncio.wait_for(self._ends[client], 10)


@asynccontextmanager
async def serving(app: Everywire, **options: Any) -> AsyncIterator[Home]:
    async with app.serving(**options) as server:
        yield Home(app, server.sockets[0].getsockname()[1])


@asynccontextmanager
async def under_uvicorn(app: Everywire, application: Any) -> AsyncIterator[Home]:
    """Have uvicorn serve an ASGI application with `app` in it, on this loop."""
    server = uvicorn.Server(
        uvicorn.Config(application, log_level="warning", lifespan="on", timeout_graceful_shutdown=2)
    )
    with socket.create_server(("127.0.0.1", 0)) as sock:
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        while not server.started and not serving.done():
            await asyncio.sleep(0)
        try:
            yield Home(app, sock.getsockname()[1])
        finally:
            server.should_exit = True
            await serving
