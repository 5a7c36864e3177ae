"""npm's @microsoft/signalr sends all that it has at once; handlers take their time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.dialects.signalr.serving import WAYS, Served, serving
from tests.told import Failed

pytestmark = pytest.mark.anyio
EACH = pytest.mark.parametrize("way", WAYS)
PIECES = ["x" * 5_000] * 400  # ten times what may wait


class Storing(Served):
    """An application that stores what comes, once its client has had the time to send all that it may; or never."""

    def __init__(self, **settings: float) -> None:
        super().__init__(max_stream_bytes=200_000, **settings)
        never = asyncio.Event()

        @self.on("store")
        async def store(pieces: AsyncIterator[str]) -> int:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), 1)
            return sum([len(piece) async for piece in pieces])

        @self.on("hang")
        async def hang(pieces: AsyncIterator[str]) -> None:
            await never.wait()


@pytest.mark.slow
@EACH
async def test_what_is_stored_slower_than_it_comes_is_stored(clients, way):
    async with serving(Storing(hold_deadline=60)) as (_app, url):
        client = await clients.connect(url, transport=way)
        assert await client.upload("store", uploads=[PIECES]) == 2_000_000


@EACH
async def test_what_nobody_stores_ends_its_call_alone(clients, way):
    async with serving(Storing(hold_deadline=0.05)) as (_app, url):
        client = await clients.connect(url, transport=way)
        with pytest.raises(Failed, match="more than 200000 bytes of items wait"):
            await client.upload("hang", uploads=[PIECES])
        assert await client.invoke("echo", 1) == 1
