"""uvicorn with its websockets-sansio protocol on uvloop and httptools, serving a bare ASGI application."""

from __future__ import annotations

from typing import Any

from harness.serving import options, run, serve_asgi

given = options()
fan: dict[int, Any] = {}


async def echo(receive: Any, send: Any) -> None:
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})


async def fan_out(receive: Any, send: Any) -> None:
    fan[id(send)] = send
    try:
        while (event := await receive())["type"] == "websocket.receive":
            message = {"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")}
            for other in list(fan.values()):
                if other is not send:
                    await other(message)
    finally:
        del fan[id(send)]


async def app(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await (fan_out if scope["path"] == "/fan" else echo)(receive, send)


run(serve_asgi(app, given), given.loop)
