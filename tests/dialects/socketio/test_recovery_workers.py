"""Connection state recovery with the official client on another worker, when its own was killed."""

import asyncio
import os
import signal
from urllib.parse import urlsplit

import pytest
from tests.cli import several
from tests.dialects.socketio.serving import SOON, WAYS
from tests.variants import everyday

MORE = """
app.socketio(recovery=True)

@app.on("say")
async def say(caller: everywire.Caller, room: str, number: int) -> None:
    await app.publish(f"room:{room}", {"event": "said", "args": [number]})
"""


async def connected(clients, url, way, others=()):
    """Connect to a worker that is none of the `others`; gives the client, the process id of its worker, and its own id."""
    async with asyncio.timeout(20):
        while True:
            client = await clients.connect(url, **SOON, transports=WAYS[way], forceNew=True)
            sid = (await client.next("connect"))["sid"]
            worker = await client.ask_one("pid", {})
            if worker not in others:
                return client, worker, sid
            await client.disconnect()


@pytest.mark.parametrize("heard", everyday([True, False]), ids=["after it was told something", "after nothing"])
@pytest.mark.parametrize("way", everyday(WAYS, "upgrade"))
async def test_its_worker_is_killed(clients, tmp_path, way, heard):
    async with several.serving(tmp_path, more=MORE) as (run, address):
        url = f"http://{urlsplit(address).netloc}"
        client, worker, sid = await connected(clients, url, way)
        other, _, _ = await connected(clients, url, "websocket", [worker])
        for room in ("a", "b"):
            assert (await client.ask_one("everywire:subscribe", {"channel": f"room:{room}"}))[
                "channel"
            ] == f"room:{room}"
        if heard:
            await other.ask("say", "a", 0)
            assert (await client.event("said"))[0] == 0
        os.kill(worker, signal.SIGKILL)
        for number, room in enumerate("abab", 1):
            await other.ask("say", room, number)
        report = await client.next("connect")
        assert (report["recovered"], report["sid"]) == (True, sid)
        await other.ask("say", "a", 5)
        assert [(await client.event("said"))[0] for _ in range(5)] == [1, 2, 3, 4, 5]
        await run.says(r"worker \d \(pid \d+\) was killed by SIGKILL; another is started")
