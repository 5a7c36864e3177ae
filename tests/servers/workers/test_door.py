"""Asking a supervisor for new workers, and hearing what comes of it."""

import asyncio
import os
import tempfile

import pytest

from everywire.servers.workers import door
from everywire.servers.workers.door import Door, Outcome, Progress


class Supervisor:
    """Whom the door belongs to."""

    def __init__(self):
        self.watchers = set()
        self.asked = asyncio.Event()
        self.outcome = asyncio.get_running_loop().create_future()

    def reload(self):
        self.asked.set()
        return self.outcome


@pytest.fixture
async def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"{door.prefix(os.getpid())}x"
    folder.mkdir()
    return folder


@pytest.fixture
async def opened(place):
    supervisor = Supervisor()
    opened = Door(supervisor)
    await opened.open(str(place))
    yield supervisor
    await opened.close()


def heard():
    said = door.ask(os.getpid())
    return None if said is None else [*said]


async def test_each_step_is_told_and_then_the_outcome(opened):
    asking = asyncio.ensure_future(asyncio.to_thread(heard))
    await opened.asked.wait()
    for tell in opened.watchers:
        tell("one of them is there")
    opened.outcome.set_result(Outcome("all are", whole=True))
    assert await asking == [Progress("one of them is there"), Outcome("all are", whole=True)]
    assert not opened.watchers


async def test_who_waits_when_it_ends_is_told_that(opened):
    asking = asyncio.ensure_future(asyncio.to_thread(heard))
    await opened.asked.wait()
    opened.outcome.cancel()
    assert await asking == [Outcome(door.OVER, whole=False)]


async def test_who_does_not_wait_for_it_does_no_harm(opened):
    asked = door.ask(os.getpid())
    await opened.asked.wait()
    await asyncio.to_thread(
        lambda: (
            [opened.outcome.get_loop().call_soon_threadsafe(tell, "one") for tell in opened.watchers] and next(asked)
        )
    )
    asked.close()
    opened.outcome.set_result(Outcome("all are", whole=True))
    asking = asyncio.ensure_future(asyncio.to_thread(heard))
    assert await asking == [Outcome("all are", whole=True)]


async def test_what_a_dead_supervisor_left_there_is_no_door(place):
    assert heard() is None
    (place / "door").touch()
    assert heard() is None


async def test_a_folder_of_another_users_is_not_believed(opened, monkeypatch):
    monkeypatch.setattr(door, "_owners", lambda pid: {os.getuid() + 1})
    assert heard() is None
