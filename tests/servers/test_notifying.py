"""What a service manager is told."""

import os
import signal
import socket

import pytest
from tests.cli.commands import started

from everywire.servers.notifying import READY, notify


@pytest.fixture
def told(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "told"))
        line.settimeout(20)
        yield line


def test_nobody_is_told_where_nobody_asked(monkeypatch, tmp_path):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify(READY)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not notify(READY)


def test_a_socket_without_a_file_is_told_too(monkeypatch):
    name = f"everywire-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert notify(READY)
        assert line.recv(100) == b"READY=1"


@pytest.mark.parametrize("options", [(), ("--workers", "1")])
async def test_a_server_says_when_it_is_ready_and_when_it_ends(told, tmp_path, options):
    (tmp_path / "live.py").write_text("import everywire\napp = everywire.Everywire()\n")
    place = {"NOTIFY_SOCKET": told.getsockname()}
    async with started("run", "live", "--port", "0", *options, cwd=tmp_path, **place) as run:
        await run.port()
        assert told.recv(100) == b"READY=1"
        assert await run.end(signal.SIGTERM) == 0
        assert told.recv(100) == b"STOPPING=1"
