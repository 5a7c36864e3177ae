"""Who has a file locked."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from everywire.servers.workers.holders import holder

LOCKED = """
import sqlite3, sys
base = sqlite3.connect(sys.argv[1], isolation_level=None)
base.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not tell")
def test_a_process_that_has_it_is_named(tmp_path):
    path = str(tmp_path / "file")
    sqlite3.connect(path).close()
    command = [sys.executable, "-c", LOCKED, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        found = holder(path)
        process.stdin.close()
    assert found is not None
    assert found.startswith(f"process {process.pid} ({sys.executable} -c ")
    assert holder(path) is None


@pytest.fixture
def proc(tmp_path):
    """A /proc in which process 12, started by 10, has the file "file"."""
    (tmp_path / "file").touch()
    status = os.stat(tmp_path / "file")
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    (tmp_path / "locks").write_text(
        f"1: FLOCK  ADVISORY  WRITE 7 00:01:5 0 EOF\n2: POSIX  ADVISORY  WRITE 12 {place} 1 2\n"
    )
    for pid, command in ((10, b"everywire\0run\0"), (12, b"python\0-c\0import everywire.servers.workers.authority\0")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_bytes(command)
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a (b) c) S {pid - 2} 1 1")
    return tmp_path


def test_of_an_authority_its_supervisor_is_named(proc):
    assert holder(str(proc / "file"), proc) == "process 10 (everywire run)"


@pytest.mark.parametrize("gone", ["file", "locks", "12/cmdline", "10/cmdline"])
def test_what_the_system_does_not_tell_is_not_known(proc, gone):
    (proc / gone).unlink()
    assert holder(str(proc / "file"), proc) is None


def test_a_process_of_another_container_is_not_known(proc):
    locks = proc / "locks"
    locks.write_text(locks.read_text().replace(" 12 ", " 0 "))
    assert holder(str(proc / "file"), proc) is None
