"""An application that is mounted in one of each framework, under a prefix."""

import aiohttp
import pytest
from tests.servers.asgi.hosts import hosted
from tests.servers.asgi.speaking import Npm, speak

from everywire import Client

MOUNTS = ("starlette()", "fastapi()", "litestar()", "quart()", "django()")
CLIENTS = (
    ("native", "websocket"),
    ("native", "sse"),
    ("socketio", "upgrade"),
    ("signalr", "LongPolling"),
    ("sockjs", "websocket"),
)
pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
async def npm():
    """Processes with npm's clients."""
    async with Npm.running() as npm:
        yield npm


@pytest.mark.parametrize("mount", MOUNTS)
async def test_every_framework(mount, npm):
    async with hosted("uvicorn", mount.removesuffix("()"), "--factory", check="/live/healthz") as host:
        for dialect, way in (*CLIENTS, ("text", "websocket")):
            await speak(npm, f"{host.url}/live", dialect, way)


@pytest.mark.parametrize("name", ["uvicorn"])
async def test_a_route_publishes_to_everybody(name):
    async with hosted(name, "fastapi", "--factory", check="/live/healthz") as host:
        async with Client(f"{host.ws}/live/everywire") as client, aiohttp.ClientSession() as session:
            room = client.subscribe("room:1")
            await room.ready()
            async with session.get(f"{host.url}/say/hello") as response:
                assert await response.json() == {"offset": 1}
            assert (await anext(room)).data == "hello"
