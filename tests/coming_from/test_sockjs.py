"""What docs/coming-from/sockjs.md has on its right runs, with npm's unmodified client."""

import json
from collections.abc import AsyncIterator

import pytest
from tests.coming_from.pages import right
from tests.dialects.sockjs.client import Clients


@pytest.fixture(scope="module")
async def clients() -> AsyncIterator[Clients]:
    async with Clients.started() as process:
        yield process


@pytest.mark.parametrize("transport", ["websocket", "xhr-polling"])
async def test_everybody_hears_it(clients, transport):
    async with right("sockjs", "Everybody hears it").served() as port:
        url = f"http://127.0.0.1:{port}/chat"
        ada, bob = [await clients.connect(url, transport) for _ in range(2)]
        for each, name in ((ada, "Ada"), (bob, "Bob")):  # what is said waits until who says it is in the channel
            await each.next("open")
            await each.send(f"I am {name}")
            while await each.messages(1) != [f"I am {name}"]:
                pass
        assert await ada.messages(1) == ["I am Bob"]
        await clients.part()


async def test_an_answer_to_one(clients):
    async with right("sockjs", "An answer to one").served() as port:
        client = await clients.connect(f"http://127.0.0.1:{port}/shout")
        await client.next("open")
        await client.send("hello")
        assert await client.messages(1) == ["HELLO"]
        await clients.part()


async def test_what_a_page_misses(clients):
    async with right("sockjs", "What a page misses").served() as port:

        async def page(**since: object):
            client = await clients.connect(f"http://127.0.0.1:{port}/chat")
            await client.next("open")
            await client.send(json.dumps({"type": "connect", "id": 1}))
            await client.messages(1)
            await client.send(json.dumps({"type": "subscribe", "id": 2, "channel": "chat", **since}))
            return client, json.loads((await client.messages(1))[0])

        ada, subscribed = await page()
        position = {"epoch": subscribed["epoch"], "offset": subscribed["offset"]}
        await ada.close()
        bob, _ = await page()
        await bob.send(json.dumps({"type": "publish", "id": 3, "channel": "chat", "data": "meanwhile"}))
        await bob.messages(2)
        _, again = await page(since=position)
        assert again["recovered"] is True
        assert [each["data"] for each in again["publications"]] == ["meanwhile"]
        await clients.part()
