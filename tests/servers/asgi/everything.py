"""An application that speaks every dialect, to be run by servers for ASGI; mounted in one of each framework, under /live."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import everywire
from everywire import Caller, Everywire
from everywire.servers.machine import machine

shared = os.environ.get("EVERYTHING_SHARED")
app = Everywire(secret="a secret of some length", broker=machine(shared) if shared else None)
app.channel("room:{name}", history=100, presence=True, may_publish=True)
app.socketio()
app.signalr("/hub")
app.sockjs("/sock", speaks="text")
app.websocket("/text")


@app.on("echo")
def echo(data: Any) -> Any:
    """Give back what came."""
    return data


@app.on("message")
async def message(caller: Caller, data: Any) -> Any:
    """Give back a text; with "join" be in the room."""
    if data == "join":
        await join(caller)
    return data


@app.on("join")
async def join(caller: Caller) -> str:
    """Be in the room."""
    await app.subscribe("room:1", session=caller.session)
    return "joined"


@app.on("connected")
def connected() -> int:
    """Count the clients that are connected at this moment."""
    return len(app.hub.attachments)


@app.on("process")
def process() -> int:
    """Say which process this is."""
    return os.getpid()


def starlette() -> Any:
    """Mounted in Starlette."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    return Starlette(routes=[Mount("/live", app=app)], lifespan=everywire.lifespan(app))


def fastapi() -> Any:
    """Mounted in FastAPI, with its root_path; what is published there by a route reaches everybody."""
    from fastapi import FastAPI

    api = FastAPI()

    @api.get("/say/{word}")
    async def say(word: str) -> dict[str, int]:
        receipt = await app.publish("room:1", word)
        return {"offset": receipt.position.offset if receipt.position else 0}

    api.mount("/live", app)  # nobody tells it of the lifespan
    return api


def litestar() -> Any:
    """Mounted in Litestar."""
    from litestar import Litestar, asgi

    handler = asgi("/live", is_mount=True, copy_scope=True)(app)
    return Litestar([handler], lifespan=[everywire.lifespan(app)])


def quart() -> Any:
    """Beside Quart, which mounts nothing itself."""
    from quart import Quart

    site = Quart("site")

    @site.get("/")
    async def index() -> str:
        return "a page"

    @site.while_serving
    async def serving() -> Any:
        async with app.embedded():
            yield

    return Beside("/live", app, site)


def django() -> Any:
    """Beside Django, as its asgi.py says."""
    from django.conf import settings
    from django.core.asgi import get_asgi_application

    if not settings.configured:
        settings.configure(SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=(), MIDDLEWARE=())
    return Beside("/live", app, get_asgi_application())


class Beside:
    """Gives one of two applications what is for it, by its path."""

    def __init__(self, prefix: str, ours: Any, theirs: Any) -> None:
        self._prefix, self._ours, self._theirs = prefix, ours, theirs

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""
        if scope.get("path", "").startswith(f"{self._prefix}/"):
            scope = {**scope, "root_path": scope.get("root_path", "") + self._prefix}
            await self._ours(scope, receive, send)
        else:
            with contextlib.suppress(ValueError):  # Django knows of no lifespan
                await self._theirs(scope, receive, send)
