"""aiohttp's WebSocketResponse; /fan awaits `send_str` for every other connection, which rarely suspends."""

from __future__ import annotations

import asyncio

from aiohttp import WSMsgType, web
from harness.serving import announce, options, run, tls_context

given = options()
fan: dict[web.WebSocketResponse, None] = {}


async def opened(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse(compress=given.deflate)
    await ws.prepare(request)
    return ws


async def echo(request: web.Request) -> web.WebSocketResponse:
    ws = await opened(request)
    async for message in ws:
        if message.type is WSMsgType.TEXT:
            await ws.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await ws.send_bytes(message.data)
    return ws


async def fan_out(request: web.Request) -> web.WebSocketResponse:
    ws = await opened(request)
    fan[ws] = None
    try:
        async for message in ws:
            for other in list(fan):
                if other is not ws:
                    await other.send_str(message.data)
    finally:
        del fan[ws]
    return ws


async def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/", echo), web.get("/fan", fan_out)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls_context(given), backlog=4096)
    await site.start()
    announce(runner.addresses[0][1])
    await asyncio.Event().wait()


run(main(), given.loop)
