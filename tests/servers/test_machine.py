"""The machine's broker: begun by whoever comes first, shared by all, begun again after its end, and ended when nobody needs it."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.contracts.broker import KEEP, draft

from everywire.brokers.base import Gap, Query
from everywire.hub.world import LoopWorld
from everywire.metrics import Metrics
from everywire.servers import here, machine
from everywire.servers.machine import Meeting, private_folder

IDLE = 0.5


@pytest.fixture
def folder(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="ew-") as short:  # the path of a Unix socket has no room for pytest's
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        yield Path(short) / "everywire"


def linked(meeting, news=None):
    """A broker of this loop; what it hears is put in `news`."""
    broker = meeting.broker(LoopWorld(asyncio.get_running_loop()), Metrics())
    broker.listen((lambda _: None) if news is None else news.put_nowait)
    return broker


def authority(meeting):
    """The id of the process that listens at a meeting's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(str(meeting.path))
        return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)


async def gone(pid):
    """Wait for the end of a process that is not our child."""
    descriptor = os.pidfd_open(pid)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    async with asyncio.timeout(20):
        await ended.wait()
    loop.remove_reader(descriptor)
    os.close(descriptor)


CHILD = """
import asyncio, sys
from everywire.brokers.base import Draft, Retention
from everywire.hub.world import LoopWorld
from everywire.messages import Raw
from everywire.metrics import Metrics
from everywire.servers.machine import machine

async def main():
    broker = machine("shared")(LoopWorld(asyncio.get_running_loop()), Metrics())
    broker.listen(lambda _: None)
    receipt = await broker.publish("c", Draft(Raw(b"1"), 1), Retention(size=5))
    print(receipt.position.offset)
    await broker.close()

asyncio.run(main())
"""


async def test_processes_share_it_and_it_ends_when_none_of_them_is_left(folder):
    folder.mkdir(0o700)
    meeting = Meeting("name shared", idle=IDLE)
    children = [subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    broker = linked(meeting)
    await broker.watch("c")
    offsets = await asyncio.to_thread(lambda: [child.communicate(timeout=60)[0] for child in children])
    assert sorted(offsets) == ["1\n", "2\n", "3\n"]
    stretch = await broker.read("c", Query(), KEEP)
    assert stretch.position.offset == 3
    pid = authority(meeting)
    await broker.close()
    os.kill(pid, signal.SIGTERM)  # one that a child began would stay for ten seconds
    await gone(pid)
    assert not meeting.path.exists()


async def test_it_ends_after_a_while_without_links_and_begins_anew(folder):
    meeting = Meeting("idle", idle=IDLE)
    broker = linked(meeting)
    await broker.publish("c", draft(1), KEEP)
    pid = authority(meeting)
    await broker.close()
    await gone(pid)
    assert not meeting.path.exists()
    broker = linked(meeting)
    assert (await broker.publish("c", draft(1), KEEP)).position.offset == 1
    await broker.close()


async def test_one_that_was_killed_is_begun_again_by_those_who_use_it(folder):
    meeting, news = Meeting("killed", idle=IDLE), asyncio.Queue()
    brokers = [linked(meeting, news), linked(meeting)]
    for broker in brokers:
        await broker.watch("c")
    os.kill(authority(meeting), signal.SIGKILL)
    async with asyncio.timeout(20):
        assert isinstance(await news.get(), Gap)
        await brokers[1].publish("c", draft(7), KEEP)
        while isinstance(told := await news.get(), Gap):
            pass
    assert bytes(told.data) == b"7"
    for broker in brokers:
        await broker.close()


@pytest.mark.parametrize(
    "how",
    ["another's", pytest.param("gone", marks=pytest.mark.slow), pytest.param("its folder", marks=pytest.mark.slow)],
)
async def test_one_whose_socket_is_not_its_own_any_more_sends_everybody_to_the_one_that_is_met(folder, how):
    meeting, news = Meeting("cleaned", idle=IDLE), asyncio.Queue()
    old = linked(meeting, news)
    await old.watch("c")
    pid = authority(meeting)
    meeting.path.unlink()  # as a cleaner of old files would
    if how == "its folder":
        shutil.rmtree(folder)
    elif how == "another's":
        await asyncio.to_thread(meeting.begin)
    await gone(pid)
    new = linked(meeting)
    async with asyncio.timeout(20):
        assert isinstance(await news.get(), Gap)
        await new.publish("c", draft(7), KEEP)
        assert bytes((await news.get()).data) == b"7"
    assert authority(meeting) != pid
    for broker in (old, new):
        await broker.close()


async def test_a_program_that_has_python_built_in_starts_python(folder, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/usr/bin/uwsgi")
    broker = linked(Meeting("built in", idle=IDLE))
    assert (await broker.publish("c", draft(1), KEEP)).position.offset == 1
    await broker.close()


async def test_what_does_not_start_is_said(folder, monkeypatch):
    meeting = Meeting("broken", idle=IDLE)
    monkeypatch.setattr("everywire.servers.machine._LAUNCH", "raise SystemExit('no {path!r:.0}')")
    with pytest.raises(OSError, match=r"does not start \(exit code 1\)"):
        await asyncio.to_thread(meeting.begin)


def test_a_folder_that_others_may_enter_is_not_used(folder):
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(PermissionError, match="mode 0700"):
        private_folder()


def test_a_folder_that_is_somewhere_else_is_not_used(folder, tmp_path):
    (tmp_path / "other").mkdir(0o700)
    folder.symlink_to(tmp_path / "other")
    with pytest.raises(PermissionError):
        private_folder()


def test_without_a_runtime_folder_it_is_one_of_this_user(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert private_folder() == tmp_path / f"everywire-{os.geteuid()}"
    assert private_folder().stat().st_mode & 0o777 == 0o700


def test_a_path_that_is_too_long_is_said():
    with pytest.raises(OSError, match="too long"):
        Meeting("n", Path("/" + "a" * 100))


def test_names_and_folders_are_apart(folder):
    folder.mkdir(0o700)
    assert len({Meeting(name).path for name in ("a", "b", "folder a")}) == 3


class Worker:
    """A worker whose supervisor's broker is at `broker`."""

    def __init__(self, broker):
        self.given = SimpleNamespace(broker=broker)

    def broker(self, world, metrics):
        return "the supervisor's"


async def test_a_worker_leads_others_to_the_broker_of_its_supervisor(folder, monkeypatch):
    meeting, news = Meeting("name any", idle=IDLE), asyncio.Queue()
    mine, supervisors = linked(meeting, news), Meeting("a supervisor's", idle=IDLE)
    other = linked(supervisors)
    for broker in (mine, other):
        await broker.watch("c")
    alone = authority(meeting)
    monkeypatch.setattr(here, "worker", lambda: Worker(supervisors.path))
    assert machine.machine("any")(None, None) == machine.machine("any")(None, None) == "the supervisor's"
    await gone(alone)
    assert authority(meeting) == authority(supervisors)
    async with asyncio.timeout(20):
        assert isinstance(await news.get(), Gap)
        await other.publish("c", draft(7), KEEP)
        assert bytes((await news.get()).data) == b"7"
    await mine.close()
    await other.close()


async def test_a_second_supervisor_leads_nobody_and_what_an_ended_one_left_is_cleared(folder, monkeypatch, caplog):
    meeting, first = Meeting("name any", idle=IDLE), Meeting("first", idle=IDLE)
    broker = linked(first)
    await broker.watch("c")
    assert meeting.lead_to(str(first.path))
    monkeypatch.setattr(here, "worker", lambda: Worker(folder / "second"))
    assert machine.machine("any")(None, None) == "the supervisor's"
    assert "another everywire" in caplog.text
    pid = authority(first)
    await broker.close()
    await gone(pid)
    again = linked(meeting)
    assert (await again.publish("c", draft(1), KEEP)).position.offset == 1
    assert not meeting.path.is_symlink()
    await again.close()
