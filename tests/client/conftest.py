"""Both engines, wherever they can run."""

import pytest
from tests.client.servers import echo

from everywire import engine as engines
from everywire import serve


@pytest.fixture(params=engines.available())
def engine(request):
    """The name of an engine: every test that asks for it runs on each."""
    return request.param


@pytest.fixture
async def server(engine):
    """An echo server."""
    async with serve(echo, "127.0.0.1", engine=engine) as server:
        yield server
