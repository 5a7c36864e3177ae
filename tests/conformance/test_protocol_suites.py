"""The official suites of Engine.IO and Socket.IO in every test run; `conformance/engineio/run.py --times 10` is the strict one."""

from pathlib import Path

import pytest
from tests.conformance.tries import each_case_passes
from tests.conftest import need

from conformance import mocha

TRIES = 3  # rounds: the suites' own timers, of a few hundred milliseconds, fail where other tests have the processors


@pytest.mark.timeout(300)  # the first run fetches packages
@pytest.mark.parametrize("suite", ["engineio", "socketio"])
def test_every_case_passes(suite: str, node: Path, tmp_path: Path) -> None:
    if not (mocha.testbed.HOME / "suites" / suite / "test-suite.js").exists():
        pytest.skip(f"python conformance/{suite}/run.py fetches the suite, or says how to have it")
    need(lambda: mocha.testbed.npm_ci(mocha.testbed.HOME / "suites" / suite))
    each_case_passes(suite, tmp_path, TRIES)
