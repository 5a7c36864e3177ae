"""Both engines, wherever they can run; an application in memory."""

import pytest
from tests.client.servers import echo
from tests.client.wires import Wires, elapse

from everywire import engine as engines
from everywire import serve
from everywire.app import Everywire
from everywire.hub.settings import Settings


@pytest.fixture(params=engines.available())
def engine(request):
    """The name of an engine: every test that asks for it runs on each."""
    return request.param


@pytest.fixture
async def server(engine):
    """An echo server."""
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        yield server


@pytest.fixture
def app():
    app = Everywire(settings=Settings(linger=10))
    app.channel("room:{name}", history=100, ttl=3600, presence=True)
    app.channel("live:{name}")
    app.on("double")(lambda member, data: data * 2)

    @app.on("slow", timeout=None)
    async def slow(member, data):
        await elapse(data)
        return "done"

    return app


@pytest.fixture
def wires(app):
    with Wires(app) as wires:
        yield wires
