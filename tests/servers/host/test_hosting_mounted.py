"""An Everywire within an application that our own server hosts: its clients, and how they are let go of."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import everywire

PATIENCE = 20


class Site:
    """An application with an Everywire at /live, and WebSockets of its own elsewhere."""

    def __init__(self) -> None:
        self.live = everywire.Everywire()
        self.live.channel("room:{name}", history=10)
        self.live.on("count", concurrent=True)(self.count)
        self.go_on = asyncio.Event()

    async def count(self) -> AsyncIterator[int]:
        yield 1
        await self.go_on.wait()
        yield 2

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise ValueError("no lifespan here")
        if scope["path"].startswith("/live/"):
            await self.live({**scope, "root_path": "/live"}, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        await receive()


@pytest.mark.parametrize("transports", [["websocket"], ["stream"], ["sse"], ["poll"]])
async def test_every_transport_goes_through(transports):
    async with everywire.hosting(Site()) as server, asyncio.timeout(PATIENCE):
        async with everywire.Client(f"ws://127.0.0.1:{server.port}/live/everywire", transports=transports) as client:
            subscription = client.subscribe("room:a")
            await subscription.ready()
            await client.publish("room:a", "hello")
            assert (await anext(subscription)).data == "hello"


async def test_a_stream_under_way_at_the_end_comes_to_its_own_while_others_are_closed():
    site = Site()
    serving = everywire.hosting(site, finish=PATIENCE)
    server = await serving.__aenter__()
    async with asyncio.timeout(PATIENCE):
        other = await everywire.connect(f"ws://127.0.0.1:{server.port}/other")
        async with everywire.Client(f"ws://127.0.0.1:{server.port}/live/everywire", transports=["websocket"]) as client:
            stream = client.stream("count")
            assert await anext(stream) == 1
            ending = asyncio.ensure_future(serving.__aexit__(None, None, None))
            await other.wait_closed()
            assert (other.close_code, ending.done()) == (1001, False)
            site.go_on.set()
            assert [number async for number in stream] == [2]
            await ending
