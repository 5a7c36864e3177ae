"""A hub on several workers, with npm's clients."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest
from tests.cli import several
from tests.dialects.signalr.client import Clients

from everywire.testing import passed

MORE = """
from everywire.signalr import Hub

class Chat(Hub):
    async def worker(self):
        return os.getpid()

    async def put(self, id: str, group: str):
        await self.groups.add(id, group)
        await self.clients.group(group).send("Said", "welcome")

    async def say(self, group: str, text: str):
        await self.clients.group(group).send("Said", text)

    async def tell(self, id: str, text: str):
        await self.clients.client(id).send("Said", text)

    async def ask(self, id: str):
        return await self.clients.client(id).invoke("Confirm", timeout=5)

app.signalr("/chat", Chat, recovery=True)
"""


async def come(stack, address, path="/chat", others=(), **options):
    """Connect a client, in a process of its own, to a worker that is none of the `others`; gives it, its id and its worker's process id."""
    clients = await stack.enter_async_context(Clients.started())
    url = f"http://{urlsplit(address).netloc}{path}"
    async with asyncio.timeout(30):
        while True:
            client = await clients.connect(url, hears=["Said"], answers={"Confirm": "yes"}, **options)
            worker = await client.invoke("Worker")
            if worker not in others:
                return client, (await client.state())["connection"], worker
            await client.stop()
            await clients.part()
            clients = await stack.enter_async_context(Clients.started())


async def test_clients_of_all_workers_are_told_asked_and_put_into_groups(tmp_path):
    async with several.serving(tmp_path, more=MORE) as (_, address), AsyncExitStack() as stack:
        ada, _, worker = await come(stack, address, transport="LongPolling")
        bob, name, _ = await come(stack, address, others=[worker], transport="WebSockets", msgpack=True)
        await ada.invoke("Put", name, "tea")
        assert await bob.heard("Said") == ["welcome"]
        await ada.invoke("Say", "tea", "to the group")
        await ada.invoke("Tell", name, "to you")
        assert [await bob.heard("Said") for _ in range(2)] == [["to the group"], ["to you"]]
        assert await ada.invoke("Ask", name) == "yes"
        await ada.stop()
        await bob.stop()


@pytest.mark.slow
@pytest.mark.parametrize("stateful", [False, True])
async def test_who_has_a_key_goes_on_in_its_groups_where_its_worker_was_killed(tmp_path, stateful):
    async with several.serving(tmp_path, more=MORE) as (_, address), AsyncExitStack() as stack:
        key = "/chat?session=a-key-that-nobody-knows"
        ada, name, worker = await come(stack, address, key, stateful=stateful, reconnects=[2000, *[500] * 20])
        bob, _, _ = await come(stack, address, others=[worker])
        await ada.invoke("Put", name, "tea")
        assert await ada.heard("Said") == ["welcome"]
        await passed(2)  # until it is written down where it is, and what it has acknowledged
        os.kill(worker, signal.SIGKILL)
        await bob.invoke("Say", "tea", "where are you?")
        assert (await ada.next("reconnected"))["connection"] == name
        await bob.invoke("Say", "tea", "you are back")
        await bob.invoke("Tell", name, "and alone")
        heard = []
        while heard[-1:] != [["and alone"]]:
            heard.append(await ada.heard("Said"))
        if heard[0] == ["welcome"]:  # at least once
            del heard[0]
        missed = [["where are you?"]] if stateful else []
        assert heard == [*missed, ["you are back"], ["and alone"]]
        await ada.stop()
        await bob.stop()
