"""The load generator as a function: builds it, runs it, reads its report."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.places import BENCH, BUILD, NODE_MODULES
from harness.process import Pinning, Running
from harness.scenarios import Scenario

Report = dict[str, Any]
STUCK_AFTER = 45.0  # seconds beyond the run itself; opening, draining and closing have limits of their own
PATHS = {"fan": "/fan", "hub": "/everywire", "storm": "/everywire"}  # where no dialect has another
DIALECT_PATHS = {
    ("socketio", "hub"): "/socket.io/?EIO=4&transport=websocket",
    ("socketio", "call"): "/socket.io/?EIO=4&transport=websocket",
    ("signalr", "hub"): "/hub",
    ("signalr-msgpack", "hub"): "/hub",
    ("sockjs", "hub"): "/room/000/*/websocket",  # each connection puts a word of its own for the star
    ("sockjs", "call"): "/echo/000/*/websocket",
}
PACKAGES = ("ws@8", "bufferutil@4", "socket.io@4", "sockjs@0.3.24")


class LoadFailed(Exception):
    """The load generator could not do its work at all (it says why)."""


@dataclass(frozen=True)
class Timing:
    """How long one run lasts, in seconds."""

    seconds: float = 1.0
    warmup: float = 0.3


def build() -> None:
    """Compiles what is not up to date, and installs what the peers on Node need when npm is there."""
    subprocess.run(["make", "-s", "-C", str(BENCH)], check=True)
    if not all((NODE_MODULES / "node_modules" / package.partition("@")[0]).is_dir() for package in PACKAGES):
        NODE_MODULES.mkdir(parents=True, exist_ok=True)
        (NODE_MODULES / "package.json").write_text('{"private": true}\n')
        with contextlib.suppress(OSError):
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES]
            subprocess.run(command, cwd=NODE_MODULES, check=False, timeout=180)


def _path(scenario: Scenario) -> str:
    if scenario.path:
        return scenario.path
    return DIALECT_PATHS.get((scenario.language, scenario.mode)) or PATHS.get(scenario.mode, "/")


def command(scenario: Scenario, server: Running, pinning: Pinning, timing: Timing) -> list[str]:
    """The command line that puts `scenario` on `server`."""
    values = {
        "--mode": scenario.mode,
        "--port": server.port,
        "--path": _path(scenario),
        "--language": scenario.language,
        "--rooms": scenario.rooms,
        "--channels": scenario.channels,
        "--connections": scenario.connections,
        "--size": scenario.size,
        "--window": scenario.window,
        "--seconds": timing.seconds,
        "--warmup": timing.warmup,
        "--pids": ",".join(map(str, server.pids)),
        "--core": pinning.load_core,
    }
    if scenario.mode == "storm":
        values["--concurrency"] = scenario.connections  # all at once
    flags = {
        "--tls": scenario.tls,
        "--deflate": scenario.deflate,
        "--binary": scenario.binary,
        "--hold": scenario.hold,
    }
    words = [str(word) for pair in values.items() for word in pair]
    return [str(BUILD / "load"), *words, *(flag for flag, wanted in flags.items() if wanted)]


def _parse(line: str, errors: str) -> Report:
    try:
        report = json.loads(line)
    except ValueError:
        raise LoadFailed(errors.strip()[-400:] or "no report") from None
    assert isinstance(report, dict)
    if errors:
        report["said"] = errors.strip()[-400:]
    return report


def _started(words: list[str], pinning: Pinning) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    pinning.favour(process.pid)
    return process


@contextlib.contextmanager
def _prioritised(server: Running, pinning: Pinning) -> Iterator[None]:
    """Real-time priority is held only while a run lasts."""
    if pinning.priority == "fifo":
        for pid in server.pids:
            pinning.favour(pid)
    yield
    if pinning.priority == "fifo":
        for pid in server.pids:
            with contextlib.suppress(OSError):
                os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))


def run(scenario: Scenario, server: Running, pinning: Pinning, timing: Timing) -> Report:
    """One run; its report, errors included. Raises LoadFailed when there is none."""
    with _prioritised(server, pinning):
        process = _started(command(scenario, server, pinning, timing), pinning)
        try:
            output, errors = process.communicate(timeout=timing.seconds + timing.warmup + STUCK_AFTER)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
    return _parse(output, errors)


@contextlib.contextmanager
def held(scenario: Scenario, server: Running, pinning: Pinning) -> Iterator[Report]:
    """Idle connections that stay open inside the `with`.

    Yields {"ready": how many}; when the `with` has ended, the load generator's report is in there too.
    """
    process = _started(command(scenario, server, pinning, Timing()), pinning)
    assert process.stdout
    held_open: Report = {"ready": 0}
    try:
        held_open.update(json.loads(process.stdout.readline() or "{}"))
        yield held_open
    finally:
        output, errors = process.communicate("\n", timeout=STUCK_AFTER)
    held_open.update(_parse(output, errors))
