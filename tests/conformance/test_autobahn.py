"""A part of the Autobahn Testsuite in every test run; `make autobahn` runs the whole."""

import subprocess
import sys
from pathlib import Path

import pytest
from conformance.autobahn import install
from tests.variants import everyday

from everywire import engine as engines
from everywire.builds import pure_wanted

RUN = Path(install.__file__).with_name("run.py")


@pytest.fixture(scope="module", autouse=True)
def suite() -> None:
    """Autobahn needs Python 2.7; where neither that nor the suite can be had, these tests are skipped."""
    try:
        install.install()
    except (install.Unavailable, subprocess.CalledProcessError) as error:
        pytest.skip(f"the Autobahn Testsuite cannot be had here: {error}")


@pytest.mark.timeout(300)  # the first run installs the suite
@pytest.mark.parametrize("role", everyday(["server", "client"]))
def test_short(role: str) -> None:
    build, engine = (
        ("pure", "portable") if pure_wanted() or "native" not in engines.available() else ("native", "native")
    )
    command = [sys.executable, str(RUN), "--role", role, "--build", build, "--engine", engine, "--short"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
