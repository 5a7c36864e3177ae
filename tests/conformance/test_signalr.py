"""The functional tests of SignalR's client in every test run; `conformance/signalr/run.py` is the strict one, in both builds."""

from pathlib import Path

import pytest
from tests.conformance.tries import each_case_passes
from tests.conftest import need

from conformance import mocha, processes

HOME = mocha.testbed.HOME / "suites" / "signalr"
TRIES = 2  # rounds: some of the tests wait for what takes a moment, where others have the processors


@pytest.mark.timeout(600)  # the first run fetches packages
@pytest.mark.parametrize("place", ["node", pytest.param("chromium", marks=pytest.mark.slow)])
def test_every_test_passes(place: str, node: Path, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if not (HOME / "ts" / "index.ts").exists():
        pytest.skip("python conformance/signalr/run.py fetches the tests, or says how to have them")
    if place == "chromium":
        need(mocha.testbed.chromium)
    each_case_passes("signalr", tmp_path, TRIES, f"-{place}", "--place", place)


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
