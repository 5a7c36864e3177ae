"""A server and processes with clients, once for each file of tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.middlemen.talkers import Talkers, server


@pytest.fixture(scope="module")
async def back(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    """The port of a server with the native engine."""
    async with server(tmp_path_factory.mktemp("server")) as port:
        yield port


@pytest.fixture(scope="module")
async def beating(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    """The port of one whose heart beats every second."""
    async with server(tmp_path_factory.mktemp("beating"), BEAT="1", PATIENCE="0.9") as port:
        yield port


@pytest.fixture(scope="module")
async def talkers(node: Path) -> AsyncIterator[tuple[Talkers, Talkers]]:
    """A process for Python clients, and one for TypeScript clients."""
    async with Talkers.in_python() as python, Talkers.in_node(node) as javascript:
        yield python, javascript
