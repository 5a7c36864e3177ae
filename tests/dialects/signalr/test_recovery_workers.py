"""A session that a key of the page's names, with the official client on another worker, when its own was killed."""

from __future__ import annotations

import os
import secrets
import signal
from urllib.parse import urlsplit

import pytest
from tests.cli import several
from tests.dialects.signalr.client import Client
from tests.variants import everyday

import everywire

MORE = """
app.signalr("/hub", recovery=True)
begun = []

@app.on_connected
def came(caller: everywire.Caller, connecting) -> None:
    begun.append(caller.session)

@app.on("worker")
def worker(caller: everywire.Caller) -> list:
    return [os.getpid(), caller.session, begun.count(caller.session)]

@app.on("say")
async def say(room: str, number: int) -> None:
    await app.publish(f"room:{room}", {"event": "said", "args": [number]})
"""

pytestmark = pytest.mark.anyio


async def say(other: everywire.Client, room: str, number: int) -> None:
    await other.call("say", {"room": room, "number": number})


async def heard_up_to(client: Client, number: int) -> list[int]:
    """Give what it hears, up to a number."""
    heard: list[int] = []
    while number not in heard:
        heard += await client.heard("said")
    return heard


@pytest.mark.parametrize("stateful", everyday([True, False]))
@pytest.mark.parametrize("msgpack", everyday([False, True]), ids=["json", "msgpack"])
async def test_its_worker_is_killed(clients, tmp_path, stateful, msgpack):
    async with several.serving(tmp_path, more=MORE) as (_, address), several.spread(address, 2) as others:
        url = f"http://{urlsplit(address).netloc}/hub"
        key, reconnects = f"{url}?session={secrets.token_urlsafe(16)}", [0, *[300] * 40]
        client = await clients.connect(key, hears=["said"], reconnects=reconnects, stateful=stateful, msgpack=msgpack)
        worker, session, _ = await client.invoke("worker")
        other = next(each for pid, each in others.items() if pid != worker)
        for room in ("a", "b"):
            assert (await client.invoke("everywire:subscribe", {"channel": f"room:{room}"}))[
                "channel"
            ] == f"room:{room}"
        await say(other, "a", 0)
        assert await client.heard("said") == [0]
        await several.recorded(other, session, "room:a", "room:b")
        os.kill(worker, signal.SIGKILL)
        for number, room in enumerate("abab", 1):
            await say(other, room, number)
        await client.next("reconnected")
        _, same, times = await client.invoke("worker")
        assert (same, times) == (session, 0)  # it did not begin on this worker
        await say(other, "b", 5)
        heard = await heard_up_to(client, 5)
        missed = [number for number in heard if number > 0]
        assert missed == ([1, 2, 3, 4, 5] if stateful else [5])


@pytest.mark.parametrize("transport", everyday(["WebSockets", "ServerSentEvents", "LongPolling"]))
async def test_a_page_that_was_loaded_again_has_its_session(clients, tmp_path, transport):
    async with several.serving(tmp_path, more=MORE) as (_, address), several.spread(address, 2) as others:
        url = f"http://{urlsplit(address).netloc}/hub"
        key = f"{url}?session={secrets.token_urlsafe(16)}"
        first = await clients.connect(key, hears=["said"], transport=transport)
        session = (await first.invoke("worker"))[1]
        await first.invoke("everywire:subscribe", {"channel": "room:a"})
        again = await clients.connect(key, hears=["said"], transport=transport)
        assert (await again.invoke("worker"))[1] == session
        assert "continued elsewhere" in (await first.next("close"))["error"]
        await say(next(iter(others.values())), "a", 1)
        assert await again.heard("said") == [1]
