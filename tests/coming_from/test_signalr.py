"""What docs/coming-from/signalr.md has on its right runs, with npm's unmodified client."""

import shlex
from collections.abc import AsyncIterator

import pytest
from tests.cli.commands import started
from tests.coming_from.pages import right
from tests.dialects.signalr.client import Clients
from tests.told import Failed


@pytest.fixture(scope="module")
async def clients() -> AsyncIterator[Clients]:
    async with Clients.started() as process:
        yield process


async def chat(clients: Clients, port: int) -> None:
    url = f"http://127.0.0.1:{port}/chat"
    ada = await clients.connect(url, tokens=["ada"], hears=["Joined", "Said"])
    bob = await clients.connect(url, tokens=["bob"], hears=["Joined", "Said"])
    await ada.invoke("Join", "tea")
    await bob.invoke("Join", "tea")
    assert await ada.heard("Joined") == ["bob"]
    assert await bob.invoke("Say", "tea", "hello") == 5
    assert await ada.heard("Said") == ["bob", "hello"]
    with pytest.raises(Failed, match="too long"):
        await bob.invoke("Say", "tea", "x" * 501)
    await clients.part()


async def test_a_hub(clients):
    async with right("signalr", "A hub").served() as port:
        await chat(clients, port)


async def test_streams(clients):
    async with right("signalr", "Streams").served() as port:
        client = await clients.connect(f"http://127.0.0.1:{port}/numbers")
        assert (await client.stream("Countdown", 3))["items"] == [3, 2, 1]
        assert await client.upload("Sum", uploads=[[1, 2, 3]]) == 6
        await clients.part()


async def test_from_a_controller_or_a_job(clients):
    names = right("signalr", "From a controller or a job").run()
    async with names["app"].serving() as server:
        url = f"http://127.0.0.1:{server.port}/chat"
        ada = await clients.connect(url, tokens=["ada"], hears=["Shipped"])
        await names["shipped"]("ada")
        assert await ada.heard("Shipped") == ["at noon"]
        await clients.part()


@pytest.mark.slow
async def test_several_servers(clients, tmp_path):
    (tmp_path / "chat.py").write_text(right("signalr", "A hub").text)
    command = shlex.split(right("signalr", "Several servers").text)[1:]
    async with started(*command, "--port", "0", cwd=tmp_path) as run:
        await chat(clients, await run.port())
        assert await run.end() == 0
