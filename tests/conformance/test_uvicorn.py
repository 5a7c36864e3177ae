"""Uvicorn's own tests of its WebSocket implementations, with ours in their place."""

from pathlib import Path

import pytest
from conformance.uvicorn import run
from tests.conformance.tries import each_case_passes
from tests.conftest import need

TRIES = 3  # rounds: some wait for a tenth of a second, which is short where other tests have the processors


@pytest.mark.timeout(600)  # the first run fetches the tests
@pytest.mark.slow
def test_every_test_passes(tmp_path: Path) -> None:
    need(run.install)
    each_case_passes("uvicorn", tmp_path, TRIES)
