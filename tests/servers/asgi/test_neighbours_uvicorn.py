"""Several processes of uvicorn, without a balancer that is sticky: whatever comes to one and is another's is passed on."""

import aiohttp
import pytest
from tests.servers.asgi.hosts import hosted
from tests.servers.asgi.speaking import WAYS, Npm, speak

from everywire import Client

CONNECT = '{"type":"connect","id":1}'
pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
async def npm():
    """Processes with npm's clients."""
    async with Npm.running() as npm:
        yield npm


@pytest.fixture(scope="module")
async def host(tmp_path_factory):
    """A server of three processes."""
    folder = str(tmp_path_factory.mktemp("run"))
    async with hosted("uvicorn", "app", "--workers", "3", EVERYTHING_SHARED=folder, XDG_RUNTIME_DIR=folder) as host:
        yield host


async def process(host):
    """The process that answers a new connection."""
    async with Client(f"{host.ws}/everywire", transports=("websocket",)) as client:
        return await client.call("process")


async def test_there_are_several(host):
    assert len({await process(host) for _ in range(60)}) > 1


@pytest.mark.parametrize(("dialect", "way"), WAYS, ids=["-".join(each) for each in WAYS])
async def test_every_client_is_served_whatever_process_it_comes_to(host, npm, dialect, way):
    for _ in range(3):
        await speak(npm, host.url, dialect, way)


async def test_each_poll_may_come_to_another_process(host):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        async with session.post(f"{host.url}/everywire/lines", data=CONNECT) as response:
            line = f"{host.url}/everywire/lines/{(await response.json())['line']}"
        after = 0
        for number in range(30):
            said = f'{{"type":"call","id":{number + 2},"name":"process"}}'
            async with session.post(f"{line}?seq={number + 1}", data=said) as response:
                assert response.status == 204
            async with session.get(f"{line}/poll?after={after}&wait=5000") as response:
                told = await response.json()
                assert response.status == 200
            after = told["after"] if isinstance(told, dict) and "after" in told else after + len(told)
