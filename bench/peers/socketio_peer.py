"""python-socketio on uvicorn, as its documentation shows it: everybody is in one room, and what one says goes to the others."""

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


run(serve_asgi(socketio.ASGIApp(io), given), given.loop)
