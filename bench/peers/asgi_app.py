"""The ASGI application that every server of the part "asgi" serves: an echo, bare at / and through Starlette at /starlette."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


async def _through(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


_starlette = Starlette(routes=[WebSocketRoute("/starlette", _through)])


async def _bare(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Echo."""
    if scope["type"] != "websocket":
        return
    if scope["path"] == "/starlette":
        await _starlette(scope, receive, send)
    else:
        await _bare(receive, send)
