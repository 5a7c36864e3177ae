"""python-socketio on uvicorn, as its documentation shows it: a room of everybody, to the others of whom goes what one says, and an acknowledged echo."""

from __future__ import annotations

from typing import Any

import socketio
from harness.serving import options, run, serve_asgi

given = options()
io = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])


@io.event
async def connect(sid: str, environ: dict[str, Any]) -> None:
    await io.enter_room(sid, "bench")


@io.event
async def publish(sid: str, data: Any) -> None:
    await io.emit("publication", data, room="bench", skip_sid=sid)


@io.event
async def echo(sid: str, data: Any) -> Any:
    return data


run(serve_asgi(socketio.ASGIApp(io), given), given.loop)
