"""npm's client with several workers: its requests and WebSockets come to any of them, and one of them dies."""

import asyncio
import os
import signal
from urllib.parse import urlsplit

import pytest
from tests.cli import several
from tests.dialects.signalr.serving import WAYS

MORE = """
app.signalr("/hub")

@app.on("say")
async def say(caller: everywire.Caller, room: str, number: int) -> None:
    await app.publish(f"room:{room}", {"event": "said", "args": [number]})
"""
KEY = "a-key-that-the-page-has-made"
SOON = [0, *[50] * 100]


async def connected(clients, url, others=(), **options):
    """Connect to a worker that is none of the `others`; gives the client, and the process id of its worker."""
    async with asyncio.timeout(20):
        while True:
            client = await clients.connect(url, hears=["said"], reconnects=SOON, **options)
            worker = await client.invoke("pid", {})
            if worker not in others:
                return client, worker
            await client.stop()


@pytest.mark.parametrize("way", WAYS)
async def test_it_comes_back_elsewhere_when_its_worker_is_killed(clients, tmp_path, way):
    async with several.serving(tmp_path, more=MORE) as (run, address):
        url = f"http://{urlsplit(address).netloc}/hub"
        client, worker = await connected(clients, f"{url}?session={KEY}", transport=way)
        other, _ = await connected(clients, url, [worker])
        for room in ("a", "b"):
            await client.invoke("everywire:subscribe", {"channel": f"room:{room}"})
        await other.invoke("say", "a", 0)
        assert await client.heard("said") == [0]
        os.kill(worker, signal.SIGKILL)
        await client.next("reconnected")
        for number, room in enumerate("abab", 1):  # it has its channels
            await other.invoke("say", room, number)
        assert [await client.heard("said") for _ in range(4)] == [[1], [2], [3], [4]]
        await run.says(r"worker \d \(pid \d+\) was killed by SIGKILL; another is started")
