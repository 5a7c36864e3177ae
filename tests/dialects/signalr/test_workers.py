"""npm's client with several workers, on every transport: one of them dies."""

import os
import signal
from urllib.parse import urlsplit

import pytest
from tests.cli import several
from tests.dialects.signalr.serving import WAYS
from tests.variants import everyday

MORE = """
app.signalr("/hub")

@app.on("say")
async def say(room: str, number: int) -> None:
    await app.publish(f"room:{room}", {"event": "said", "args": [number]})
"""
KEY = "a-key-that-the-page-has-made"
SOON = [0, *[50] * 100]

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("way", everyday(WAYS))
async def test_it_comes_back_elsewhere_when_its_worker_is_killed(clients, tmp_path, way):
    async with several.serving(tmp_path, more=MORE) as (run, address), several.spread(address, 2) as others:
        url = f"http://{urlsplit(address).netloc}/hub?session={KEY}"
        client = await clients.connect(url, transport=way, hears=["said"], reconnects=SOON)
        worker = await client.invoke("pid", {})
        other = next(each for pid, each in others.items() if pid != worker)
        for room in ("a", "b"):
            await client.invoke("everywire:subscribe", {"channel": f"room:{room}"})
        await other.call("say", {"room": "a", "number": 0})
        assert await client.heard("said") == [0]
        await several.recorded(other, (await client.state())["connection"], "room:a", "room:b")
        os.kill(worker, signal.SIGKILL)
        await client.next("reconnected")
        assert await client.invoke("pid", {}) != worker
        for number, room in enumerate("abab", 1):  # it has its channels
            await other.call("say", {"room": room, "number": number})
        assert [await client.heard("said") for _ in range(4)] == [[1], [2], [3], [4]]
        await run.says(r"worker \d \(pid \d+\) was killed by SIGKILL; another is started")


async def test_without_a_key_it_begins_anew(clients, tmp_path):
    async with several.serving(tmp_path, more=MORE) as (_, address):
        client = await clients.connect(f"http://{urlsplit(address).netloc}/hub", reconnects=SOON)
        before = (await client.state())["connection"]
        os.kill(await client.invoke("pid", {}), signal.SIGKILL)
        assert (await client.next("reconnected"))["connection"] != before
        with pytest.raises(Exception, match="not subscribed"):
            await client.invoke("everywire:unsubscribe", {"channel": "room:a"})
