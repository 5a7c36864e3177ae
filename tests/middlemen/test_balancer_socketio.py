"""npm's socket.io-client behind a balancer that sends each of its requests to another worker: it upgrades, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.dialects.socketio.client import Client, Clients
from tests.middlemen import proxies
from tests.middlemen.test_balancer import apart

APP = """
import everywire

app = everywire.Everywire()
app.socketio()
app.channel("room", history=10)


@app.on("say")
async def say(caller: everywire.Caller, text: str) -> str:
    await caller.publish("room", {"event": "said", "args": [text]})
    return text
"""
CLIENTS, EACH = 30, 10

pytestmark = pytest.mark.anyio


async def test_its_clients_upgrade_and_lose_nothing(tmp_path: Path) -> None:
    async with Clients.started() as process, apart(tmp_path, APP) as ports:
        with proxies.balancer(ports, tmp_path) as port:
            url = f"http://127.0.0.1:{port}"
            people = [await process.connect(url, reconnection=False, forceNew=True) for _ in range(CLIENTS)]
            await asyncio.gather(*[begin(each) for each in people])
            await asyncio.gather(*[say(each, n, 0) for n, each in enumerate(people)])
            moved = await asyncio.gather(*[each.next("upgrade") for each in people])
            assert [each["transport"] for each in moved] == ["websocket"] * CLIENTS
            await asyncio.gather(*[say(each, n, EACH) for n, each in enumerate(people)])
            heard = await asyncio.gather(*[listen(each) for each in people])
            assert [await each.state() for each in people if each.reports] == []
    said = {f"{n}.{k}" for n in range(CLIENTS) for k in range(2 * EACH)}
    assert [set(each) for each in heard] == [said] * CLIENTS
    for each in heard:
        for n in range(CLIENTS):
            assert [one for one in each if one.startswith(f"{n}.")] == [f"{n}.{k}" for k in range(2 * EACH)]


async def begin(client: Client) -> None:
    await client.next("connect")
    await client.ask_one("everywire:subscribe", {"channel": "room"})


async def say(client: Client, number: int, first: int) -> None:
    for k in range(first, first + EACH):
        assert await client.ask_one("say", f"{number}.{k}") == f"{number}.{k}"


async def listen(client: Client) -> list[str]:
    return [str((await client.event("said"))[0]) for _ in range(2 * EACH * CLIENTS)]
