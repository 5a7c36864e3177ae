"""What docs/coming-from/python-socketio.md has on its right runs, with npm's unmodified client, and does what the left does under uvicorn."""

import shlex
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from tests.cli.commands import started
from tests.coming_from.pages import Block, left, right
from tests.dialects.socketio.client import Clients
from tests.fastapi.serving import served

import everywire

WRONG = "Expected `str`"


@pytest.fixture(scope="module")
async def clients() -> AsyncIterator[Clients]:
    async with Clients.started() as process:
        yield process


@pytest.fixture
def runtime():
    with tempfile.TemporaryDirectory(prefix="ew-") as folder:  # a socket's path has to be short
        yield folder


async def person(clients: Clients, port: int, **auth: str):
    return await clients.connect(f"http://127.0.0.1:{port}", auth=auth, forceNew=True, reconnection=False)


@asynccontextmanager
async def serving(side: Block) -> AsyncIterator[int]:
    """Serve what a side calls `app`, ours by itself; gives the port."""
    if side.title == "everywire":
        async with side.served() as port:
            yield port
    else:
        async with served(side.run()["app"]) as place:
            yield int(place.rpartition(":")[2])


@pytest.mark.parametrize(
    "side",
    [right("python-socketio", "A server, by its own face"), left("python-socketio", "A server, by its own face")],
    ids=["our", "their"],
)
async def test_its_own_face(clients, side):
    async with serving(side) as port:
        ada, bob = [await person(clients, port, name=name) for name in ("ada", "bob")]
        for each in (ada, bob):
            await each.next("connect")
        assert await ada.ask_one("say", "hello") == 5
        assert await bob.event("said") == ["ada", "hello"]
        await clients.part()


async def chat(clients: Clients, port: int, wrong: str) -> None:
    ada, bob = [await person(clients, port, token=name) for name in ("ada", "bob")]
    for each in (ada, bob):
        await each.next("connect")
        await each.ask_one("join", "tea")
    assert await ada.ask_one("say", "tea", "hello") == 5
    assert await bob.event("said") == ["ada", "hello"]
    assert wrong in str((await ada.ask_one("say", "tea", 5))["error"])
    await clients.part()


@pytest.mark.parametrize(
    ("side", "wrong"),
    [
        (right("python-socketio", "A server, in other words"), WRONG),
        (left("python-socketio", "A server, in other words"), "two texts"),
    ],
    ids=["our", "their"],
)
async def test_other_words(clients, side, wrong):
    async with serving(side) as port:
        await chat(clients, port, wrong)
        nobody = await person(clients, port)
        assert (await nobody.next("connect_error"))["message"] == "who are you?"
        await clients.part()


@pytest.mark.slow
async def test_several_processes(clients, tmp_path):
    (tmp_path / "chat.py").write_text(right("python-socketio", "A server, in other words").text)
    command = shlex.split(right("python-socketio", "Several processes").text)[1:]
    async with started(*command, "--port", "0", cwd=tmp_path) as run:
        await chat(clients, await run.port(), WRONG)
        assert await run.end() == 0


async def test_from_another_part_of_the_program(monkeypatch, runtime):
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    shop, site = [right("python-socketio", "From another part of your program").run(name=name) for name in ("a", "b")]
    async with shop["app"].serving(), site["app"].serving() as server:
        async with everywire.Client(f"ws://127.0.0.1:{server.port}/everywire") as client:
            own = client.subscribe("user:ada")
            await own.ready()
            await shop["order_shipped"]("ada")
            assert (await anext(aiter(own))).data == {"event": "shipped", "args": [{"at": "noon"}]}


@pytest.mark.parametrize(
    ("side", "served_by"),
    [
        (right("python-socketio", "Beside FastAPI"), "api"),
        (left("python-socketio", "Beside FastAPI"), "app"),
    ],
    ids=["our", "their"],
)
async def test_beside_fastapi(clients, side, served_by):
    async with served(side.run()[served_by]) as place, aiohttp.ClientSession() as http:
        ada = await person(clients, int(place.rpartition(":")[2]))
        await ada.next("connect")
        async with http.post(f"http://{place}/news?text=tea") as response:
            assert response.status == 200
        assert await ada.event("news") == ["tea"]
        await clients.part()
