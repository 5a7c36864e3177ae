"""What docs/coming-from/sockjs.md has on its right runs, with npm's unmodified client, and does what the left does with sockjs-node."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.coming_from.pages import Block, left, right
from tests.conftest import need
from tests.dialects.sockjs.client import Clients

import testbed

# So that the test learns its port.
_TELLING = """
const { Server } = require("http")
const listen = Server.prototype.listen
Server.prototype.listen = function () { return listen.call(this, 0, () => console.log(`port ${this.address().port}`)) }
"""


@asynccontextmanager
async def serving(side: Block, folder: Path) -> AsyncIterator[int]:
    """Serve a side, theirs by sockjs-node; gives the port."""
    if side.title == "everywire":
        async with side.served() as port:
            yield port
        return
    packages = await asyncio.to_thread(need, lambda: testbed.npm("sockjs@0.3.24"))
    (folder / "left.cjs").write_text(_TELLING + side.text)
    environment = {**os.environ, "NODE_PATH": str(packages / "node_modules")}
    process = await asyncio.create_subprocess_exec(
        need(testbed.node), folder / "left.cjs", env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            while (said := (await process.stdout.readline()).split())[:1] != [b"port"]:
                assert said  # it speaks of itself, too
        yield int(said[1])
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.fixture(scope="module")
async def clients() -> AsyncIterator[Clients]:
    async with Clients.started() as process:
        yield process


@pytest.mark.parametrize("transport", ["websocket", "xhr-polling"])
@pytest.mark.parametrize(
    "side", [right("sockjs", "Everybody hears it"), left("sockjs", "Everybody hears it")], ids=["our", "their"]
)
async def test_everybody_hears_it(clients, transport, side, tmp_path):
    async with serving(side, tmp_path) as port:
        url = f"http://127.0.0.1:{port}/chat"
        ada, bob = [await clients.connect(url, transport) for _ in range(2)]
        for each, name in ((ada, "Ada"), (bob, "Bob")):  # what is said waits until who says it is in the channel
            await each.next("open")
            await each.send(f"I am {name}")
            while await each.messages(1) != [f"I am {name}"]:
                pass
        assert await ada.messages(1) == ["I am Bob"]
        await clients.part()


@pytest.mark.parametrize(
    "side", [right("sockjs", "An answer to one"), left("sockjs", "An answer to one")], ids=["our", "their"]
)
async def test_an_answer_to_one(clients, side, tmp_path):
    async with serving(side, tmp_path) as port:
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
