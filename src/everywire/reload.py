"""Runs a command in a child process, and again whenever a source file changes."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

__all__ = ["Reloader", "changed", "snapshot"]

Snapshot = Mapping[str, int]

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
_EVERY = 0.3  # seconds between two looks
_PATIENCE = 5.0  # seconds that a child may take to end before it is killed


def snapshot(folder: Path) -> Snapshot:
    """Give the time of change, in nanoseconds, of every Python source below `folder`; hidden folders and installed packages left out."""
    return dict(_times(folder))


def _times(folder: Path) -> Iterator[tuple[str, int]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # gone meanwhile, or not ours to read
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(".") and entry.name not in _SKIPPED:
                    yield from _times(Path(entry.path))
            elif entry.name.endswith(".py"):
                yield entry.path, entry.stat().st_mtime_ns
        except OSError:
            continue


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """Name the files that changed, came or went."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


class Reloader:
    """Keeps one child process of `command` running while nothing changes below `folder`; `say` tells the user what happens.

    Invariants: at most one child; it is ended by its own process id; it is in a process group of its own, so that Ctrl-C reaches it once, from here.
    """

    def __init__(self, command: Sequence[str], folder: Path, say: Callable[[str], None]) -> None:
        self._command = command
        self._folder = folder
        self._say = say
        self._told = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, environment: Mapping[str, str], descriptors: Sequence[int]) -> int:
        """Run until SIGINT, SIGTERM or SIGHUP, or until the child ends well by itself; gives the exit code.

        The child inherits `descriptors` under the same numbers. One that fails is started again after the next change. A second signal kills it.
        """
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._hear)
        self._say(f"watching {self._folder} for changes")
        before = snapshot(self._folder)
        while not self._told.is_set():
            self._child = subprocess.Popen(self._command, env=dict(environment), pass_fds=descriptors, process_group=0)
            before, change = self._watch(before)
            if change is None:
                break
            self._say(f"{_short(change, self._folder)} changed: starting again")
            self._end()
        self._end()
        return 0

    def _watch(self, before: Snapshot) -> tuple[Snapshot, list[str] | None]:
        """Wait for a change; None instead of the changed files when it is time to end."""
        failed = False
        while not self._told.wait(_EVERY):
            after = snapshot(self._folder)
            if change := changed(before, after):
                return after, change
            assert self._child is not None
            code = self._child.poll()
            if code == 0:
                return after, None
            if code is not None and not failed:
                failed = True
                self._say(f"stopped with exit code {code}; waiting for a change")
        return before, None

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._told.is_set() and self._child is not None:
            self._child.kill()
        self._told.set()

    def _end(self) -> None:
        """End the child: ask it first, kill it when it takes too long."""
        child, self._child = self._child, None
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _short(paths: Sequence[str], folder: Path) -> str:
    first = os.path.relpath(paths[0], folder)
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"
