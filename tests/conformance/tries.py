"""A suite in the everyday run: some of its cases wait for what takes a moment, while other tests have the processors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conformance import processes
from everywire import engine as engines
from everywire.builds import pure_wanted

__all__ = ["each_case_passes"]


def each_case_passes(suite: str, results: Path, tries: int, kept: str = "", *options: str) -> None:
    """Run `conformance/<suite>/run.py` against the build that is tested, `tries` times at most, until each case has passed in some round.

    `kept` is what its results are called by, between the suite's name and the build's.
    """
    build = "pure" if pure_wanted() or "native" not in engines.available() else "native"
    run = str(processes.ROOT / "conformance" / suite / "run.py")
    command = [sys.executable, run, "--build", build, *options, "--results", str(results)]
    failed: set[str] | None = None
    for _ in range(tries):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        assert done.returncode == 1, done.stderr
        found = {*json.loads((results / f"{suite}{kept}-{build}.json").read_text())["failures"]}
        failed = found if failed is None else failed & found
        if found and not failed:
            return
    pytest.fail(done.stdout + done.stderr)
