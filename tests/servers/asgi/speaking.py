"""Real clients of every dialect, each over each of its transports: what a server for ASGI has to carry."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from tests.dialects.signalr.client import Clients as SignalR
from tests.dialects.socketio.client import Clients as SocketIO
from tests.dialects.socketio.serving import WAYS as SOCKETIO
from tests.dialects.sockjs.client import Clients as SockJS

from everywire import Client, connect

__all__ = ["WAYS", "Npm", "speak"]

WAYS = (
    *(("native", way) for way in ("websocket", "stream", "sse", "poll", "interval")),
    *(("socketio", way) for way in SOCKETIO),
    *(("signalr", way) for way in ("WebSockets", "ServerSentEvents", "LongPolling")),
    *(("sockjs", way) for way in ("websocket", "xhr-streaming", "eventsource", "xhr-polling")),
    ("text", "websocket"),
)


class Npm(NamedTuple):
    """Processes with npm's clients in them."""

    socketio: SocketIO
    signalr: SignalR
    sockjs: SockJS

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls) -> AsyncIterator[Npm]:
        """Run them."""
        async with SocketIO.started() as socketio, SignalR.started() as signalr, SockJS.started() as sockjs:
            yield cls(socketio, signalr, sockjs)


async def speak(npm: Npm, url: str, dialect: str, way: str) -> None:
    """Have a client connect below `url`, be answered, be in the room, and hear what another one publishes there."""
    async with _TALKS[dialect](npm, url, way) as heard:
        async with Client(f"{_ws(url)}/everywire") as other:
            await other.publish("room:1", "news")
        assert await heard() == "news"


def _ws(url: str) -> str:
    return url.replace("http", "ws", 1)


@contextlib.asynccontextmanager
async def _native(npm: Npm, url: str, way: str) -> AsyncIterator[Any]:
    async with Client(f"{_ws(url)}/everywire", transports=(way,), poll_interval=0.05) as client:
        assert await client.call("echo", 1) == 1
        room = client.subscribe("room:1")
        await room.ready()

        async def heard() -> Any:
            return (await anext(room)).data

        yield heard


@contextlib.asynccontextmanager
async def _socketio(npm: Npm, url: str, way: str) -> AsyncIterator[Any]:
    host, _, mount = url.partition("//")[2].partition("/")
    path = f"/{mount}/socket.io/" if mount else "/socket.io/"
    client = await npm.socketio.connect(f"http://{host}", forceNew=True, transports=SOCKETIO[way], path=path)
    await client.next("connect")
    if way == "upgrade":
        await client.next("upgrade")
    assert await client.ask("echo", 1) == [1]
    assert await client.ask("join") == ["joined"]

    async def heard() -> Any:
        return (await client.event("room:1"))[0]

    yield heard
    await client.disconnect()


@contextlib.asynccontextmanager
async def _signalr(npm: Npm, url: str, way: str) -> AsyncIterator[Any]:
    client = await npm.signalr.connect(f"{url}/hub", transport=way, hears=["room:1"])
    assert await client.invoke("echo", 1) == 1
    assert await client.invoke("join") == "joined"

    async def heard() -> Any:
        return (await client.heard("room:1"))[0]

    yield heard
    await client.stop()


@contextlib.asynccontextmanager
async def _sockjs(npm: Npm, url: str, way: str) -> AsyncIterator[Any]:
    client = await npm.sockjs.connect(f"{url}/sock", way)
    assert (await client.next("open"))["transport"] == way
    await client.send("echo", "join")
    assert await client.messages(2) == ["echo", "join"]

    async def heard() -> Any:
        return (await client.messages(1))[0]

    yield heard
    await client.close()


@contextlib.asynccontextmanager
async def _text(npm: Npm, url: str, way: str) -> AsyncIterator[Any]:
    async with connect(f"{_ws(url)}/text") as websocket:
        for said in ("echo", "join"):
            await websocket.send(said)
            assert await websocket.recv() == said
        yield websocket.recv


_TALKS = {"native": _native, "socketio": _socketio, "signalr": _signalr, "sockjs": _sockjs, "text": _text}
