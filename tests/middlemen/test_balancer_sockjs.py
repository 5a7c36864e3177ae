"""npm's sockjs-client behind a balancer that sends each of its requests to another worker: nothing is lost or doubled, by no transport."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.dialects.sockjs.client import TRANSPORTS, Client, Clients
from tests.middlemen import proxies
from tests.middlemen.test_balancer import apart

APP = """
import everywire

app = everywire.Everywire()
app.sockjs(speaks="text", response_limit=2048)
app.channel("room", history=10)


@app.on_connected
async def connected(caller: everywire.Caller, connecting: object) -> None:
    await app.subscribe("room", session=caller.session)


@app.on("message")
async def message(caller: everywire.Caller, data: str) -> None:
    await caller.publish("room", data)
"""
CLIENTS, EACH = 12, 20

pytestmark = pytest.mark.anyio


async def test_its_clients_lose_nothing(tmp_path: Path) -> None:
    async with Clients.started() as process, apart(tmp_path, APP) as ports:
        with proxies.balancer(ports, tmp_path) as port:
            url = f"http://127.0.0.1:{port}/sockjs"
            people = [await process.connect(url, TRANSPORTS[number % 4]) for number in range(CLIENTS)]
            for number, person in enumerate(people):
                assert (await person.next("open"))["transport"] == TRANSPORTS[number % 4]
            await asyncio.gather(*[hear_oneself(each, number) for number, each in enumerate(people)])
            await asyncio.gather(*[say(each, number) for number, each in enumerate(people)])
            heard = await asyncio.gather(*[listen(each) for each in people])
            assert [each.reports for each in people if any(said["was"] == "close" for said in each.reports)] == []
    wanted = {number: list(range(EACH)) for number in range(CLIENTS)}
    assert heard == [wanted] * CLIENTS
    assert (tmp_path / "workers.out").read_text() == ""


async def hear_oneself(client: Client, number: int) -> None:
    """Say hello until it comes back: the channel is joined then."""
    await client.send(json.dumps(["hello", number]))
    while json.loads((await client.messages(1))[0]) != ["hello", number]:
        pass


async def say(client: Client, number: int) -> None:
    for k in range(EACH):
        await client.send(json.dumps([number, k]))


async def listen(client: Client) -> dict[int, list[int]]:
    """What was heard of each, in order, but for their greetings."""
    heard: dict[int, list[int]] = {number: [] for number in range(CLIENTS)}
    while sum(map(len, heard.values())) < CLIENTS * EACH:
        who, k = json.loads((await client.messages(1))[0])
        if who != "hello":
            heard[who].append(k)
    return heard
