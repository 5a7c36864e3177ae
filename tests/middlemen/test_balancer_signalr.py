"""npm's client of SignalR behind a balancer that sends each of its requests to another worker: nothing is lost or doubled, on any transport."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.dialects.signalr.client import Client, Clients
from tests.dialects.signalr.serving import EACH
from tests.middlemen import proxies
from tests.middlemen.test_balancer import apart

APP = """
import everywire

app = everywire.Everywire()
app.signalr("/hub")
app.channel("room", history=10)


@app.on("say")
async def say(caller: everywire.Caller, text: str) -> str:
    await caller.publish("room", {"event": "said", "args": [text]})
    return text
"""
ROUNDS, CUTS = 10, 5

pytestmark = pytest.mark.anyio


async def test_its_requests_may_come_to_any_worker(tmp_path: Path) -> None:
    async with Clients.started() as process, apart(tmp_path, APP) as ports:
        with proxies.balancer(ports, tmp_path) as port:
            url = f"http://127.0.0.1:{port}/hub"
            people = [
                await process.connect(url, transport=way, msgpack=msgpack, hears=["said"])
                for way, msgpack in EACH
                for _ in range(2)
            ]
            for each in people:
                await each.invoke("everywire:subscribe", {"channel": "room"})
            await asyncio.gather(*[say(each, n) for n, each in enumerate(people)])
            heard = await asyncio.gather(*[listen(each, len(people)) for each in people])
            assert [each.reports for each in people] == [[] for _ in people]
            await process.part()
    for each in heard:
        for n in range(len(people)):
            assert [one for one in each if one.startswith(f"{n}.")] == [f"{n}.{k}" for k in range(ROUNDS)]


async def test_a_websocket_that_comes_again_finds_its_worker(tmp_path: Path) -> None:
    async with Clients.started() as process, apart(tmp_path, APP) as ports:
        with proxies.balancer(ports, tmp_path) as port:
            client = await process.connect(f"http://127.0.0.1:{port}/hub", stateful=True, hears=["said"])
            await client.invoke("everywire:subscribe", {"channel": "room"})
            for number in range(CUTS):  # more than there are workers
                await client.cut()
                await client.send("say", f"{number}")
                assert await client.heard("said") == [f"{number}"]
            assert client.reports == []
            await process.part()


async def say(client: Client, number: int) -> None:
    for k in range(ROUNDS):
        assert await client.invoke("say", f"{number}.{k}") == f"{number}.{k}"


async def listen(client: Client, people: int) -> list[str]:
    return [(await client.heard("said"))[0] for _ in range(ROUNDS * people)]
