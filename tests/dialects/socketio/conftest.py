"""A process with clients and an application for them, once for each file of tests."""

from collections.abc import AsyncIterator

import pytest
from tests.dialects.socketio.client import Clients
from tests.dialects.socketio.serving import Served, serving


@pytest.fixture(scope="module")
async def process() -> AsyncIterator[Clients]:
    """A process for npm's clients."""
    async with Clients.started() as clients:
        yield clients


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[tuple[Served, str]]:
    """An application and its address."""
    async with serving() as found:
        yield found
