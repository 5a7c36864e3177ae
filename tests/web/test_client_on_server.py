"""The JavaScript client, as it is committed, run by Node on the real server over a line that is cut."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from tests.examples.serving import served
from tests.examples.wire import Wire

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.hooks import Connecting
from everywire.hub.settings import Settings

SCRIPT = Path(__file__).with_name("client_on_server.mjs")


def application(wires: list[Wire]) -> Everywire:
    """Make an application with something of everything that the client can ask for."""
    app = Everywire(settings=Settings(max_page=7))  # what a cut line missed comes in pages
    app.channel("room:{name}", history=1000, presence=True)
    app.channel("closed", may_subscribe=False)
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

    return app


@pytest.mark.anyio
async def test_the_client_on_the_server(node: Path) -> None:
    wires: list[Wire] = []
    async with served(application(wires)) as port, Wire(port).open() as wire:
        wires.append(wire)
        address = f"ws://127.0.0.1:{wire.port}/everywire"
        pipe = subprocess.PIPE
        run = await asyncio.create_subprocess_exec(node, SCRIPT, address, stdout=pipe, stderr=subprocess.STDOUT)
        output, _ = await run.communicate()
        assert output.decode().splitlines()[-1:] == ["as expected"], output.decode()
