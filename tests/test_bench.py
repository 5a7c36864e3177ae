"""The quick benchmark: it drives a real server and says what that cost."""

import subprocess
import sys

import pytest

from everywire import bench


@pytest.mark.slow
@pytest.mark.parametrize("engine", [[], ["--engine", "portable"]])
def test_a_run_prints_the_cost_of_a_message(capsys, engine):
    assert bench.main(["--connections", "3", "--window", "2", "--seconds", "0.1", *engine]) == 0
    printed = capsys.readouterr().out
    assert "3 connections, 32 bytes, 2 in flight on each" in printed
    assert "of server CPU per message" in printed


@pytest.mark.slow
def test_a_server_that_does_not_start_is_reported(capsys, monkeypatch):
    monkeypatch.setattr(bench.sys, "executable", "/bin/false")
    assert bench.main([]) == 1
    assert "did not start" in capsys.readouterr().err


@pytest.mark.slow
def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "everywire.bench", "--connections", "1", "--seconds", "0.05", "--size", "70000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "70000 bytes" in done.stdout) == (0, True), done.stderr
