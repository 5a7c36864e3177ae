"""The JavaScript client, as it is committed, run by Node on the real server over a line that is cut."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.examples.serving import served
from tests.examples.wire import Wire

from everywire.app import Everywire
from everywire.errors import Declined, Refused
from everywire.hub.calling.callers import Caller
from everywire.hub.hooks import Connecting
from everywire.hub.settings import Settings

SCRIPT = Path(__file__).with_name("client_on_server.mjs")
CLIMBING = Path(__file__).with_name("climbing_on_server.mjs")
EVERYTHING = Path(__file__).with_name("everything_on_server.mjs")


def application(wires: list[Wire]) -> Everywire:
    """Make an application with something of everything that the client can ask for."""
    app = Everywire(settings=Settings(max_page=7))  # what a cut line missed comes in pages
    app.channel("room:{name}", history=1000, presence=True)
    app.channel("closed", may_subscribe=False)
    app.channel("map:{name}", keyed=True)
    app.channel("score:{name}", wildcards=True)
    cuts: list[Wire] = []

    @app.on_connect
    def who(connecting: Connecting) -> str | None:
        if connecting.token == "wrong":
            raise Refused("wrong token", 101)
        return connecting.token

    @app.on("add")
    def add(data: list[int]) -> int:
        return sum(data)

    @app.on("cut")
    def cut() -> None:
        cuts.extend(wires)
        for wire in wires:
            wire.cut()
            wire.heal()

    @app.on("times cut")
    def times_cut() -> int:
        return len(cuts)

    _calls(app)
    return app


def _calls(app: Everywire) -> None:
    @app.on("ask me", concurrent=True)
    async def ask_me(caller: Caller, data: str) -> str:
        try:
            return await caller.call("confirm", data, returns=str)
        except Declined as no:
            raise Refused(str(no), no.code) from None

    @app.on("slow")
    async def slow() -> None:
        await asyncio.Event().wait()

    @app.on("count")
    async def count(to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @app.on("sum")
    async def total(numbers: AsyncIterator[int]) -> int:
        return sum([number async for number in numbers])

    @app.on("double")
    async def double(numbers: AsyncIterator[int]) -> AsyncIterator[int]:
        async for number in numbers:
            yield 2 * number


async def run(node: Path, script: Path, *arguments: str) -> None:
    """Run `script` to its end, which has to be a good one."""
    command = [node, "--experimental-eventsource", "--no-warnings", script, *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = await process.communicate()
    assert output.decode().splitlines()[-1:] == ["as expected"], output.decode()


@pytest.mark.anyio
async def test_the_client_on_the_server(node: Path) -> None:
    wires: list[Wire] = []
    async with served(application(wires)) as port, Wire(port).open() as wire:
        wires.append(wire)
        await run(node, SCRIPT, f"ws://127.0.0.1:{wire.port}/everywire")


WAYS = [
    ("websocket",),
    ("websocket", "msgpack"),
    ("stream",),
    ("sse",),
    ("poll",),
    pytest.param(("interval",), marks=pytest.mark.slow),
]


@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS, ids=lambda way: " ".join(way))
async def test_everything_by_every_transport(node: Path, way: tuple[str, ...]) -> None:
    wires: list[Wire] = []
    async with served(application(wires)) as port, Wire(port).open() as wire:
        wires.append(wire)
        await run(node, EVERYTHING, f"http://127.0.0.1:{wire.port}/everywire", *way)


@pytest.mark.anyio
async def test_a_session_moves_to_a_better_transport(node: Path) -> None:
    async with served(application([])) as port:
        await run(node, CLIMBING, f"http://127.0.0.1:{port}/everywire")
