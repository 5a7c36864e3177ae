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


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/upload":
        size, more = 0, True
        while more:
            event = await receive()
            size += len(event["body"])
            more = event["more_body"]
        body = b"%d" % size
    else:
        body = b"x" * int(scope["path"].rpartition("/")[2])
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Echo; answer /http/SIZE by so many x, /upload by the size of the body."""
    if scope["type"] == "http":
        await _answer(scope, receive, send)
        return
    if scope["type"] != "websocket":
        return
    if scope["path"] == "/starlette":
        await _starlette(scope, receive, send)
    else:
        await _bare(receive, send)
