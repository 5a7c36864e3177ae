"""An Everywire within another application, in the workers of `everywire run`: one set of channels, and no sticky sessions."""

import asyncio
import signal
from pathlib import Path

import pytest
from tests.cli.commands import started
from tests.cli.several import spread

import everywire

APP = """
import os
import everywire
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

live = everywire.Everywire()
live.channel("room:{name}", history=100)
live.on("pid")(lambda data: os.getpid())

async def home(request):
    await live.publish("room:a", "somebody looked")
    return PlainTextResponse(str(os.getpid()))

routes = [Route("/", home), Mount("/live", live)]
told = Starlette(routes=routes, lifespan=everywire.lifespan(live))
untold = Starlette(routes=routes)  # mounted applications are told nothing: it starts with its first client
"""
PATIENCE = 60


@pytest.mark.slow
@pytest.mark.parametrize("app", ["told", "untold"])
@pytest.mark.parametrize("transports", [["websocket"], ["stream"], ["poll"]])
async def test_what_one_worker_publishes_is_heard_at_the_other(tmp_path: Path, app: str, transports: list[str]) -> None:
    (tmp_path / "shop.py").write_text(APP)
    listen = ("--host", "127.0.0.1", "--port", "0", "--workers", "2")
    async with started("run", f"shop:{app}", *listen, cwd=tmp_path) as run:
        address = f"ws://127.0.0.1:{await run.port()}/live/everywire"
        async with asyncio.timeout(PATIENCE), spread(address, 2, transports=transports) as found:
            heard: asyncio.Queue[object] = asyncio.Queue()
            one, other = found.values()
            subscription = other.subscribe(
                "room:a", on_publication=lambda publication: heard.put_nowait(publication.data)
            )
            await subscription.ready()
            await one.publish("room:a", "hello")
            assert await heard.get() == "hello"
        assert await run.end() == 0


@pytest.mark.slow
async def test_its_clients_move_to_the_new_workers_and_miss_nothing(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    listen = ("--host", "127.0.0.1", "--port", "0", "--workers", "2")
    async with started("run", "shop:told", *listen, cwd=tmp_path) as run:
        address = f"ws://127.0.0.1:{await run.port()}/live/everywire"
        heard: asyncio.Queue[object] = asyncio.Queue()
        async with asyncio.timeout(PATIENCE), everywire.Client(address) as client:
            subscription = client.subscribe(
                "room:a", on_publication=lambda publication: heard.put_nowait(publication.data)
            )
            await subscription.ready()
            before = await client.call("pid")
            run.process.send_signal(signal.SIGHUP)
            await run.says("replaced 2 workers")
            await client.publish("room:a", "after")
            assert await heard.get() == "after"
            assert await client.call("pid") != before
        assert await run.end() == 0
