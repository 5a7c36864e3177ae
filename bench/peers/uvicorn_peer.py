"""uvicorn with its websockets-sansio protocol on uvloop and httptools, serving a bare ASGI application."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from harness.serving import announce, options, run

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


async def main() -> None:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        ws="websockets-sansio",
        http="httptools",
        lifespan="off",
        backlog=4096,
        log_level="error",
        access_log=False,
        ws_per_message_deflate=given.deflate,
        ssl_certfile=given.cert,
        ssl_keyfile=given.key,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    announce(server.servers[0].sockets[0].getsockname()[1])
    await serving


run(main(), given.loop)
