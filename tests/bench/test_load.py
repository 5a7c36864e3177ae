"""The benchmark's load generator notices every fault of a server, and minds none of what is allowed."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parent.parent.parent / "bench"
BUILD = BENCH / ".build"
SHORT = {"--settle": 0.02, "--warmup": 0, "--seconds": 0.04, "--drain": 0.1}
EVERY = 997  # a faulty server goes wrong once in so many messages


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    if not (shutil.which("gcc") and shutil.which("make")):
        pytest.skip("the load generator is C: gcc and make are needed")
    subprocess.run(["make", "-s", "-C", str(BENCH)], check=True)


@contextmanager
def faulty(fault: str) -> Iterator[int]:
    """The port of a server that goes wrong every `EVERY`th message, in one way."""
    with subprocess.Popen([BUILD / "faulty", fault], stdout=subprocess.PIPE) as server:
        assert server.stdout
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


def load(port: int, *flags: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """The load generator's exit code and report."""
    values = {"--port": port, "--connections": 10, **SHORT, **{f"--{name}": value for name, value in options.items()}}
    words = [str(word) for pair in values.items() for word in pair]
    done = subprocess.run(
        [BUILD / "load", *words, *flags], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def load_faulty(fault: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """The same against a faulty server; again and longer while that had no time to go wrong, on a machine that is busy."""
    for seconds in (0.12, 1, 5):
        with faulty(fault) as port:
            code, report = load(port, **options, seconds=seconds)
        if code != 0 or report["messages"] > 3 * EVERY:
            break
    return code, report


def kinds(report: dict[str, Any]) -> set[str]:
    return {kind for kind, count in report["errors"].items() if count}


FAULTS = [("lose", "lost"), ("double", "duplicated"), ("damage", "corrupted"), ("drop", "closed")]


@pytest.mark.parametrize(("fault", "expected"), FAULTS)
def test_a_fault_in_an_echo_is_reported(fault, expected):
    code, report = load_faulty(fault, mode="echo", window=64)
    assert code == 1
    assert expected in kinds(report)


@pytest.mark.parametrize(
    ("fault", "expected"), [("lose", "lost missing"), ("double", "duplicated"), ("damage", "corrupted")]
)
def test_a_fault_in_a_broadcast_is_reported(fault, expected):
    code, report = load_faulty(fault, mode="fan", path="/fan", window=64, connections=3)
    assert code == 1
    assert kinds(report) & set(expected.split())


@pytest.mark.parametrize("fault", ["none", "cut"])
@pytest.mark.parametrize("flags", [(), ("--binary",)])
def test_a_healthy_echo_has_no_errors_however_its_bytes_are_cut(fault, flags):
    with faulty(fault) as port:
        code, report = load(port, *flags, mode="echo", window=4, size=300 if fault == "cut" else 32, drain=2)
    assert (code, kinds(report)) == (0, set())
    assert report["messages"] > 0


def test_messages_longer_than_the_read_buffer_come_back_whole():
    with faulty("none") as port:
        code, report = load(port, mode="echo", size=300_000, connections=2, drain=2)
    assert (code, kinds(report)) == (0, set())
    assert report["messages"] > 0


def test_a_broadcast_reaches_every_subscriber_and_not_its_publisher():
    with faulty("none") as port:
        code, report = load(port, mode="fan", path="/fan", connections=20, drain=2)
    assert (code, kinds(report)) == (0, set())
    assert report["messages"] >= 20


def test_handshakes_and_idle_connections_are_counted():
    with faulty("none") as port:
        code, churned = load(port, mode="churn", connections=4)
        assert (code, kinds(churned)) == (0, set())
        code, idle = load(port, mode="idle", connections=50)
    assert (code, kinds(idle), idle["messages"]) == (0, set(), 50)
    assert churned["messages"] > 0


def test_a_server_that_refuses_the_upgrade_is_an_error():
    with faulty("refuse") as port:
        code, report = load(port, mode="echo")
    assert (code, "protocol" in kinds(report)) == (1, True)
