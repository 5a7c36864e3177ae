"""Running `wstest`: as the fuzzing client against a server, and as the fuzzing server for a client."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from install import WSTEST, wstest_environment

Progress = Callable[[int], None]  # called with the number of cases begun so far

# Every group, and what takes about ten seconds: no waiting for timeouts, no megabytes, one of each kind of deflate.
SHORT = "1.* 2.* 3.* 4.* 5.* 6.1.* 6.2.* 6.3.* 6.5.* 6.12.* 6.23.* 7.* 9.1.1 9.2.1 9.3.1 10.* 12.1.1 12.2.5 12.4.3 12.5.4 13.1.1 13.3.3 13.7.2".split()


def fuzz_server(url: str, agent: str, cases: Sequence[str], folder: Path, progress: Progress) -> Path:
    """Run the cases against the server at url; returns the path of the report's index."""
    server = {"agent": agent, "url": url, "options": {"version": 18}}
    spec = write_spec(folder, {"servers": [server], "cases": list(cases)})
    command = [str(WSTEST), "-m", "fuzzingclient", "-s", str(spec)]
    with subprocess.Popen(
        command, env=wstest_environment(), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        follow(process, r"Running test case", progress)
    return folder / "index.json"


def fuzz_client(client: Sequence[str], agent: str, cases: Sequence[str], folder: Path, **run: object) -> Path:
    """Serve the cases to `client`, a command to which the URL and the agent are added; returns the path of the report's index.

    `run` holds `progress`, `environment` (of the client) and `certificate` (a pair of key and certificate file, for wss, or None).
    """
    certificate = run.get("certificate")
    with fuzzing_server(cases, folder, certificate) as url:  # type: ignore[arg-type]
        command = [*client, url, agent]
        environment = run["environment"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:  # type: ignore[call-overload]
            follow(process, r"case \d+ of", run["progress"])  # type: ignore[arg-type]
    return folder / "index.json"


@contextmanager
def fuzzing_server(cases: Sequence[str], folder: Path, certificate: tuple[Path, Path] | None) -> Iterator[str]:
    """A fuzzing server on a free port; gives its URL."""
    scheme, port = "wss" if certificate else "ws", free_port()
    url = f"{scheme}://127.0.0.1:{port}"
    pair = {"key": str(certificate[0]), "cert": str(certificate[1])} if certificate else {}
    spec = write_spec(folder, {"url": url, "cases": list(cases), **pair})
    command = [str(WSTEST), "-m", "fuzzingserver", "-s", str(spec), "-u", "0"]
    with (folder / "wstest.log").open("w") as log:
        process = subprocess.Popen(command, env=wstest_environment(), cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(port, process)
            yield url
        finally:
            process.terminate()
            process.wait()


def write_spec(folder: Path, spec: dict[str, object]) -> Path:
    """Write wstest's specification file; the report goes into the same folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    path = folder / "spec.json"
    path.write_text(json.dumps({"outdir": str(folder), "exclude-cases": [], "exclude-agent-cases": {}, **spec}))
    return path


def follow(process: subprocess.Popen[str], pattern: str, progress: Progress) -> None:
    """Read the process's output to its end; count the lines that begin a case, show the ones that speak of trouble."""
    begun = 0
    assert process.stdout is not None
    for line in process.stdout:
        if re.match(pattern, line):
            begun += 1
            progress(begun)
        elif re.search(r"unexpected|Error|Traceback|failed", line):
            print("\n  " + line.rstrip(), flush=True)
    process.wait()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the port accepts; RuntimeError after 20 s, or when the process ends before."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}: {process.args!r}")
