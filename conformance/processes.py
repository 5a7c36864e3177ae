"""Child processes of the suites: started, measured and ended without leaving anything behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
ECHO_SERVER = ROOT / "conformance" / "echo_server.py"


class Server:
    """A server in a process of its own, which says `{"port": …, "pid": …}` and ends with its standard input; a context manager.

    `port` and `pid` are known once it is entered; `log` holds the lines of standard error so far.
    Invariant: the process is gone when the block ends.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run `command` in `environment`, once entered."""
        self.command = command
        self.environment = environment
        self.log: list[str] = []
        self.news = threading.Condition()
        self.port = 0
        self.pid = 0

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self.reader = threading.Thread(target=self.collect, daemon=True)
        self.reader.start()
        assert self.process.stdout is not None
        hello = self.process.stdout.readline()
        if not hello:
            self.__exit__()
            raise RuntimeError("the server did not start:\n" + "\n".join(self.log))
        said = json.loads(hello)
        self.port, self.pid = said["port"], said["pid"]
        return self

    def __exit__(self, *failure: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(3)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def collect(self) -> None:
        """Keep the log's lines as they come."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self.news:
                self.log.append(line.rstrip("\n"))
                self.news.notify_all()

    def logged(self, text: str, start: int, patience: float = 3) -> int:
        """Wait for a log line with this text, from line number `start` on; gives its number. TimeoutError when none comes."""

        def number() -> int | None:
            return next((i for i in range(start, len(self.log)) if text in self.log[i]), None)

        with self.news:
            if not self.news.wait_for(lambda: number() is not None, patience):
                raise TimeoutError(f"no log line with {text!r} among {self.log[start:]}")
            return number() or 0

    @property
    def alive(self) -> bool:
        """True while the process that was started still runs."""
        return self.process.poll() is None

    def memory(self) -> float:
        """Resident memory, in MB."""
        return status_kilobytes(self.pid, "VmRSS") / 1024

    def peak_memory(self) -> float:
        """The highest resident memory since `forget_peak`, in MB."""
        return status_kilobytes(self.pid, "VmHWM") / 1024

    def forget_peak(self) -> None:
        """Let `peak_memory` begin anew from here."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def descriptors(self) -> int:
        """The number of open file descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def processor_time(self) -> float:
        """Processor time used so far, user and kernel, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class EchoServer(Server):
    """`echo_server.py` in a process of its own."""

    def __init__(self, *arguments: str, build: str = "native", **options: Any) -> None:
        """`arguments` go to the script; `options` are arguments of `serve()`; `build` is native or pure."""
        command = [sys.executable, str(ECHO_SERVER), *arguments, "--options", json.dumps(options)]
        super().__init__(command, build_environment(build))


def status_kilobytes(pid: int, name: str) -> int:
    """One figure of /proc/PID/status, in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise KeyError(name)


def build_environment(build: str) -> dict[str, str]:
    """The environment in which `everywire` is imported compiled (native) or from source (pure)."""
    paths = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "EVERYWIRE_PURE": "1" if build == "pure" else "0",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
