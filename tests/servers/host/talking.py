"""ASGI applications on our own server, and the events that they say and hear."""

import asyncio
from contextlib import asynccontextmanager

from everywire import serve
from everywire.servers.host.websocket import answer

ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close"}


def text(said):
    return {"type": "websocket.send", "text": said}


def scope_of(request):
    """A scope with what a WebSocket's answer looks at."""
    offered = request.headers.get_all("sec-websocket-protocol")
    return {
        "type": "websocket",
        "path": request.path,
        "subprotocols": [name.strip() for value in offered for name in value.split(",")],
        "extensions": {"http.response.trailers": {}},
    }


@asynccontextmanager
async def hosted(app, engine=None, **options):
    """A server that asks `app` about every WebSocket."""
    servers = []

    async def never(ws):
        raise AssertionError("the server's own handler was called")

    def ask(request):
        return answer(app, request, scope_of(request), servers[0])

    async with serve(never, "127.0.0.1", engine=engine, process_request=ask, **options) as server:
        servers.append(server)
        yield server


class App:
    """An application made of `steps(receive, send)`; keeps the events that it heard, what it ended by, and says when."""

    def __init__(self, steps):
        self.steps = steps
        self.heard = []
        self.ended = asyncio.Event()
        self.error = None

    async def __call__(self, scope, receive, send):
        async def hear():
            self.heard.append(await receive())
            return self.heard[-1]

        try:
            await self.steps(hear, send)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.ended.set()


def app(steps):
    """Make an `App` of a coroutine function."""
    return App(steps)


async def echo(scope, receive, send):
    """Accept, and say what is heard, to the end."""
    await receive()
    await send(ACCEPT)
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})
