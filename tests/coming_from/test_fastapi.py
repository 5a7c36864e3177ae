"""What docs/coming-from/fastapi.md has on its right runs under uvicorn, and does what the left does there."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from tests.coming_from.pages import Block, left, right
from tests.fastapi.serving import served
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from everywire import Client, Refused

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def serving(block: Block) -> AsyncIterator[str]:
    """Serve what a side calls `api`; gives the address of it."""
    async with served(block.run()["api"]) as place:
        yield place


async def test_everybody_hears_it():
    async with serving(right("fastapi", "Everybody hears it")) as place:
        address = f"ws://{place}/everywire"
        async with Client(address) as ada, Client(address) as bob:
            room = bob.subscribe("room:tea")
            await room.ready()
            await ada.publish("room:tea", "hello")
            assert (await anext(room)).data == "hello"
    async with serving(left("fastapi", "Everybody hears it")) as place:
        address = f"ws://{place}/rooms/tea"
        async with connect(address) as ada, connect(address) as bob:
            await ada.send("hello")
            assert await ada.recv() == await bob.recv() == "hello"


@pytest.mark.parametrize("side", [right("fastapi", "A client"), left("fastapi", "A client")], ids=["our", "their"])
async def test_a_client(side):
    server = right if side.title == "everywire" else left
    async with serving(server("fastapi", "Everybody hears it")) as place:
        assert await side.run(port=int(place.rpartition(":")[2]))["main"]() == "hello"


async def test_who_may_come():
    async with serving(right("fastapi", "Who may come")) as place:
        async with Client(f"ws://{place}/everywire", token="token-of-ada") as ada:
            assert await ada.call("me") == "ada"
        with pytest.raises(Refused, match="Log in first"):
            async with Client(f"ws://{place}/everywire", token="stolen"):
                pass
    async with serving(left("fastapi", "Who may come")) as place:
        async with connect(f"ws://{place}/me?token=token-of-ada") as ada:
            assert await ada.recv() == "ada"
        with pytest.raises(InvalidStatus, match="403"):
            await connect(f"ws://{place}/me?token=stolen")


async def test_what_is_said():
    async with serving(right("fastapi", "What is said")) as place, Client(f"ws://{place}/everywire") as client:
        assert await client.call("order", {"item": "tea"}) == 2
        with pytest.raises(Refused) as no:
            await client.call("order", {"item": "tea", "count": "many"})
        assert [each["path"] for each in no.value.data["errors"]] == ["$.count"]
        assert await client.call("order", {"item": "tea", "count": 2}) == 1
    async with serving(left("fastapi", "What is said")) as place, connect(f"ws://{place}/orders") as websocket:
        await websocket.send('{"item": "tea"}')
        assert json.loads(await websocket.recv()) == {"left": 2}
        await websocket.send('{"item": "tea", "count": "many"}')
        assert [each["loc"] for each in json.loads(await websocket.recv())["error"]] == [["count"]]


async def test_from_a_route():
    async with serving(right("fastapi", "From a route")) as place, aiohttp.ClientSession() as http:
        for item, price in (("tea", 2.5), ("cake", 4.0)):
            async with http.put(f"http://{place}/prices/{item}?price={price}") as response:
                assert response.status == 200
        async with Client(f"ws://{place}/everywire") as client:
            prices = client.subscribe("prices")
            await prices.ready()
            assert {name: each.data for name, each in prices.entries.items()} == {"tea": 2.5, "cake": 4.0}
    async with serving(left("fastapi", "From a route")) as place, aiohttp.ClientSession() as http:
        async with connect(f"ws://{place}/prices") as websocket:
            async with http.put(f"http://{place}/prices/tea?price=2.5") as response:
                assert response.status == 200
            assert json.loads(await websocket.recv()) == {"item": "tea", "price": 2.5}


async def test_who_is_there():
    async with serving(right("fastapi", "Who is there")) as place:
        address = f"ws://{place}/everywire?name="
        async with Client(f"{address}ada") as ada, Client(f"{address}bob") as bob:
            for client in (ada, bob):
                await client.subscribe("here").ready()
            assert sorted(each.user for each in await ada.presence("here")) == ["ada", "bob"]
    async with serving(left("fastapi", "Who is there")) as place:
        async with connect(f"ws://{place}/here/ada") as ada:
            assert json.loads(await ada.recv()) == ["ada"]
            async with connect(f"ws://{place}/here/bob"):
                assert json.loads(await ada.recv()) == ["ada", "bob"]
            assert json.loads(await ada.recv()) == ["ada"]


@pytest.mark.parametrize("side", [right("fastapi", "A test"), left("fastapi", "A test")], ids=["our", "their"])
async def test_a_test(side):
    await asyncio.to_thread(side.run()["test_echo"])  # it has a loop of its own
