"""Which process has a file locked, as far as the system tells."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["holder", "is_authority"]

_AUTHORITY = "everywire.servers.workers.authority"  # in the command of a process that keeps history for others
_PROC = Path("/proc")


def holder(path: str, proc: Path = _PROC) -> str | None:
    """Name the process that has `path` locked, by its id and command; None where that is not known (proc(5), locks).

    Where that is an authority, it is the supervisor's process that is named: the one that a user started, and can stop.
    """
    try:
        status = os.stat(path)
        place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        locks = (proc / "locks").read_text().splitlines()
        process = next((words[4] for line in locks if (words := line.split())[5:6] == [place]), "0")
        if int(process) <= 0:
            return None  # it is in another container
        command = _command(proc / process)
        if _AUTHORITY in command:
            process = (proc / process / "stat").read_text().rpartition(")")[2].split()[1]  # proc(5): its parent
            command = _command(proc / process)
    except (OSError, ValueError, IndexError):
        return None
    return f"process {process} ({command})"


def is_authority(process: int, proc: Path = _PROC) -> bool:
    """Say whether a process keeps logs for others, and does nothing else; false where it is gone."""
    try:
        return _AUTHORITY in _command(proc / str(process))
    except OSError:
        return False


def _command(folder: Path) -> str:
    return (folder / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
