"""The functional tests of SignalR's client in every test run; `conformance/signalr/run.py` is the strict one, in both builds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import need

from conformance import mocha, processes
from everywire import engine as engines
from everywire.builds import pure_wanted

HOME = mocha.testbed.HOME / "suites" / "signalr"
TRIES = 2  # rounds: some of the tests wait for what takes a moment, where others have the processors


@pytest.mark.timeout(600)  # the first run fetches packages
@pytest.mark.parametrize("place", ["node", pytest.param("chromium", marks=pytest.mark.slow)])
def test_every_test_passes(place: str, node: Path, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if not (HOME / "ts" / "index.ts").exists():
        pytest.skip("python conformance/signalr/run.py fetches the tests, or says how to have them")
    if place == "chromium":
        need(mocha.testbed.chromium)
    build = "pure" if pure_wanted() or "native" not in engines.available() else "native"
    run = [sys.executable, str(processes.ROOT / "conformance" / "signalr" / "run.py")]
    failed = None
    for _ in range(TRIES):
        command = [*run, "--build", build, "--place", place, "--results", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        assert done.returncode == 1, done.stderr
        found = json.loads((tmp_path / f"signalr-{place}-{build}.json").read_text())
        wrong = found["failures"].keys()
        failed = set(wrong) if failed is None else failed & wrong
        if found["failures"] and not failed:
            return  # each has passed in some round
    pytest.fail(done.stdout + done.stderr)


def test_what_became_of_tests_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(processes.ROOT / "conformance" / "signalr"))
    import suite

    said = [
        {"name": "a", "status": "passed", "errors": []},
        {"name": "b", "status": "failed", "errors": ["no\nmore"]},
        {"name": "b", "status": "failed", "errors": []},
    ]
    found = suite.score(said, 4, 1.5)
    assert (found.passes, found.failures, found.passed) == (1, {"b": "no", "b #2": "failed"}, False)
