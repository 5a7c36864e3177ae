"""The fixtures that pytest finds by itself."""

import importlib.metadata
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src"
pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester, monkeypatch):
    """Run pytest in a process of its own, as somebody does who installed everywire."""
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))
    found = importlib.metadata.entry_points(group="pytest11", name="everywire")
    words = [] if found else ["-p", "everywire_pytest"]
    return lambda *more: pytester.runpytest_subprocess(*words, "-p", "no:anyio", *more)


def test_the_fixtures_are_listed(run):
    run("--fixtures", "-q").stdout.fnmatch_lines(["*everywire_net*", "*everywire_cluster*"])


def test_an_application_and_a_cluster(run, pytester):
    pytester.makepyfile(
        """
        from everywire.app import Everywire

        def made():
            app = Everywire()
            app.channel("room:{name}")
            return app

        def test_one(everywire_net):
            net = everywire_net(made(), seed=3)
            other = everywire_net(made(), seed=3)
            assert net.connect().session == other.connect().session

        def test_several(everywire_cluster):
            cluster = everywire_cluster(made, 3)
            cluster.kill(0)
            assert cluster.connect().session
        """
    )
    run("-W", "error").assert_outcomes(passed=2)


def test_the_chat_example_has_tests(run, pytester):
    run(
        "-W", "error", str(ROOT / "examples" / "chat"), "-c", os.devnull, "--rootdir", str(pytester.path)
    ).assert_outcomes(passed=5)


def test_to_be_found_costs_nothing():
    code = "import sys, pytest; before = set(sys.modules); import everywire_pytest; print(*sorted(set(sys.modules) - before))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["everywire_pytest"]


def test_it_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["pytest11"] == {"everywire": "everywire_pytest"}
    assert "everywire_pytest" in project["tool"]["setuptools"]["py-modules"]
