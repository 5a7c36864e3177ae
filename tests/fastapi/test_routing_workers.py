"""Several processes are one application: those of uvicorn by a broker of the machine, workers of everywire's own by theirs."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from tests.cli.commands import Command

from everywire import Client

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SHOP = """
import os
from fastapi import FastAPI
from everywire import Everywire
from everywire.fastapi import router

rt = Everywire({shared})
rt.channel("news", history=10, presence=True)

@rt.on("process")
async def process() -> int:
    return os.getpid()

api = FastAPI()
api.include_router(router(rt))

@api.post("/say")
async def say(text: str) -> int:
    await rt.publish("news", text)
    return os.getpid()
"""


@asynccontextmanager
async def serving(folder: Path, shared: str, *command: str) -> AsyncIterator[int]:
    """Serve the shop by a command with two processes; gives the port."""
    (folder / "shop.py").write_text(SHOP.replace("{shared}", shared))
    streams = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    arguments = (sys.executable, "-m", *command, "shop:api", "--workers", "2", "--port", "0")
    server = Command(await asyncio.create_subprocess_exec(*arguments, cwd=folder, **streams))
    try:
        yield await server.port()
    finally:
        assert await server.end(signal.SIGTERM) == 0


async def test_what_a_route_of_one_publishes_clients_of_all_hear(tmp_path):
    shared = f'broker="machine://{tmp_path.name}", secret="a secret of the shop"'
    async with serving(tmp_path, shared, "uvicorn") as port:
        await heard_everywhere(port)


async def test_workers_of_our_own_need_nothing(tmp_path):
    async with serving(tmp_path, "", "everywire", "run") as port:
        await heard_everywhere(port)


async def heard_everywhere(port: int) -> None:
    async with AsyncExitStack() as stack:
        rooms = {}
        while len(rooms) < 2:
            client = Client(f"ws://127.0.0.1:{port}/everywire", transports=["websocket"])
            await stack.enter_async_context(client)
            process = await client.call("process")
            if process not in rooms:
                rooms[process] = client.subscribe("news")
                await rooms[process].ready()
        async with aiohttp.ClientSession() as http:
            said = set()
            for number in range(10):
                async with http.post(f"http://127.0.0.1:{port}/say?text={number}") as response:
                    said.add(await response.json())
        assert said <= {*rooms}
        for room in rooms.values():
            assert sorted([(await anext(room)).data for _ in range(10)], key=int) == [str(each) for each in range(10)]
            assert len(room.members) == 2
