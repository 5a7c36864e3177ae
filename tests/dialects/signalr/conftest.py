"""A process with clients and an application for them, once for each file of tests; the clients of a test end with it."""

from collections.abc import AsyncIterator

import pytest
from tests.dialects.signalr.client import Clients
from tests.dialects.signalr.serving import Served, serving


@pytest.fixture(scope="module")
async def process() -> AsyncIterator[Clients]:
    """A process for npm's clients."""
    async with Clients.started() as clients:
        yield clients


@pytest.fixture
async def clients(process: Clients) -> AsyncIterator[Clients]:
    """The same process, without clients before the test and after it: each would go on looking for its server, at a port that another may have then."""
    yield process
    await process.part()


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[tuple[Served, str]]:
    """An application and its address."""
    async with serving() as found:
        yield found
