"""Both engines, wherever they can run; an inbox, and two ways to run who reads it."""

import asyncio

import pytest
from tests.ws.raw import Pipe

from everywire import engine as engines
from everywire.engine.drive import drive
from everywire.engine.inbox import Inbox


@pytest.fixture(params=engines.available())
def engine(request):
    """The name of an engine: every test that asks for it runs on each."""
    return request.param


@pytest.fixture
def source():
    return Pipe()


@pytest.fixture
async def inbox(source):
    return Inbox(asyncio.get_running_loop(), source, 100_000)


@pytest.fixture(params=["driven", "ordinary"])
def start(request):
    """Start a task: the same tests hold for a driven one and an ordinary one."""
    if request.param == "driven":
        return lambda coroutine: drive(coroutine, asyncio.get_running_loop())
    return lambda coroutine: asyncio.get_running_loop().create_task(coroutine)
