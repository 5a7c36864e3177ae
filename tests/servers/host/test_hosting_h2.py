"""An ASGI application over HTTP/2: pages, bodies, several at a time, and WebSockets (RFC 8441), on one port with HTTP/1.1."""

import asyncio
from typing import Any

import httpx
import pytest
import websockets
from tests.certificates import client_context, server_context

import everywire

pytest.importorskip("h2")


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
        await send({"type": "websocket.send", "text": f"{scope['scheme']} {scope['http_version']} {scope['path']}"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"].upper()})
        return
    body, event = b"", {"more_body": True}
    while event["more_body"]:
        event = await receive()
        body += event["body"]
    host = dict(scope["headers"])[b"host"].decode()
    said = f"{scope['method']} {scope['scheme']} {scope['http_version']} {scope['path']} {host.partition(':')[0]} {len(body)}"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-twice", b"1"), (b"x-twice", b"2")]})
    await send({"type": "http.response.body", "body": said.encode()})


@pytest.fixture
async def server() -> Any:
    async with everywire.hosting(app, lifespan="off", ssl=server_context()) as server:
        yield server


async def test_pages_and_bodies(server):
    address = f"https://localhost:{server.port}"
    async with httpx.AsyncClient(verify=client_context(), http2=True, trust_env=False) as client:
        got = await client.get(f"{address}/a")
        assert (got.http_version, got.text) == ("HTTP/2", "GET https 2 /a localhost 0")
        assert got.headers.get_list("x-twice") == ["1", "2"]
        large = b"x" * (3 << 20)
        assert (await client.post(f"{address}/b", content=large)).text == f"POST https 2 /b localhost {len(large)}"
        several = await asyncio.gather(*[client.get(f"{address}/{number}") for number in range(20)])
        assert [each.text.split()[3] for each in several] == [f"/{number}" for number in range(20)]


@pytest.mark.parametrize(("http2", "said"), [(True, "wss 2 /ws"), (False, "wss 1.1 /ws")])
async def test_websockets(server, http2, said):
    address = f"wss://localhost:{server.port}/ws"
    async with everywire.connect(address, ssl=client_context(), http2=http2, subprotocols=["chat"]) as ws:
        assert ws.subprotocol == "chat"
        assert await ws.recv() == said
        await ws.send("hello")
        assert await ws.recv() == "HELLO"


async def test_who_speaks_http_1_is_served_by_the_same_port(server):
    async with httpx.AsyncClient(verify=client_context(), trust_env=False) as client:
        got = await client.get(f"https://localhost:{server.port}/a")
        assert (got.http_version, got.text) == ("HTTP/1.1", "GET https 1.1 /a localhost 0")
    address = f"wss://localhost:{server.port}/ws"
    async with websockets.connect(address, ssl=client_context(), subprotocols=["chat"]) as ws:  # type: ignore[list-item]
        assert await ws.recv() == "wss 1.1 /ws"
