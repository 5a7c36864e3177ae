"""Server processes: pinned, in a scheduling group of their own, measured, ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from harness.scenarios import Scenario
from harness.servers import Server, environment

START_TIMEOUT = 20.0  # seconds
STOP_TIMEOUT = 3.0


class StartFailed(Exception):
    """The server ended, or printed no port in time; the text is the end of what it said."""


class Pinning:
    """Which cores are used, and how hard the run insists on them."""

    def __init__(self, server_core: int, load_core: int, priority: str) -> None:
        self.server_core = server_core
        self.load_core = load_core
        self.priority = priority

    def favour(self, pid: int) -> None:
        """Gives `pid`'s scheduling group (or `pid`) preference; without the right to, nothing happens."""
        with contextlib.suppress(OSError):
            if self.priority == "nice":
                Path(f"/proc/{pid}/autogroup").write_text("-15")
            elif self.priority == "fifo":
                os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))


def family(pid: int) -> list[int]:
    """`pid` and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found.extend(parents.get(one, []))
    return found


def resident(pids: list[int]) -> int:
    """Bytes of memory that the processes hold (Rss of smaps_rollup, which is exact)."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                total += int(line.split()[1]) * 1024
    return total


class Running:
    """One server process that serves one scenario. Invariant: once built, it listens on `port`."""

    def __init__(self, server: Server, scenario: Scenario, pinning: Pinning, python: str) -> None:
        self.server = server
        command = server.command(scenario, python)
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads would block the server
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=environment(),
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {pinning.server_core}),
        )
        try:
            self.port = int(self._first_line())
        except BaseException:
            self.stop()
            raise
        self.pids = family(self._process.pid)
        for pid in self.pids:
            pinning.favour(pid)

    def _first_line(self) -> bytes:
        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], START_TIMEOUT)
        line = self._process.stdout.readline() if ready else b""
        if not line.strip().isdigit():
            self._process.kill()
            self._process.wait()
            raise StartFailed(self.complaints() or "no port printed")
        return line

    def complaints(self) -> str:
        """The end of what the server wrote to its standard error."""
        self._complaints.seek(0)
        return self._complaints.read().decode(errors="replace").strip()[-400:]

    def settle(self) -> None:
        """Waits until the server has nothing left to free: memory is read after this."""
        for _ in range(2):
            if self.server.collects:
                os.kill(self._process.pid, signal.SIGUSR2)
            time.sleep(0.25)

    def resident(self) -> int:
        """Bytes of memory held now by the server's processes."""
        return resident(self.pids)

    def cpu(self) -> int:
        """Nanoseconds of processor time that the server's threads have had so far."""
        tasks = [task for pid in self.pids for task in Path(f"/proc/{pid}/task").iterdir()]
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends the server, politely for three seconds."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._complaints.close()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextlib.contextmanager
def stopping(servers: list[Running]) -> Iterator[None]:
    """Stops all of `servers` (as it is then) at the end, whatever happens."""
    try:
        yield
    finally:
        for server in servers:
            server.stop()
