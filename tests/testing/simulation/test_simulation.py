"""Simulated runs: every promise is kept, and the same seed is the same run in every process."""

import os
import subprocess
import sys
import time

import pytest

from everywire.testing.simulation.plan import Plan, draw
from everywire.testing.simulation.simulation import Simulation, simulate

_DIGESTS = """
import logging
from everywire.testing.simulation.plan import Plan, draw
from everywire.testing.simulation.simulation import Simulation
logging.disable(logging.CRITICAL)
for seed in range(12):
    run = Simulation(seed, Plan.drawn(seed))
    run.run(draw(seed, run.plan))
    print(run.digest())
"""


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level("CRITICAL")  # what breaks is meant to


@pytest.mark.parametrize("first", range(0, 150, 10))
def test_every_promise_is_kept(first):
    assert {seed: faults for seed in range(first, first + 10) if (faults := simulate(seed))} == {}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_promise_is_kept_in_ten_thousand_runs():
    begun = time.monotonic()
    command = [sys.executable, "-m", "everywire.testing.simulation", "--seeds", "10000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(f"{time.monotonic() - begun:.0f} s")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_run_is_the_same_in_every_process():
    def digests(hashing):
        environment = os.environ | {"PYTHONHASHSEED": hashing}
        command = [sys.executable, "-c", _DIGESTS]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    assert digests("1") == digests("2")


def test_a_run_is_the_same_again():
    def digest(seed):
        run = Simulation(seed, Plan.drawn(seed))
        run.run(draw(seed, run.plan))
        return run.digest()

    assert digest(3) == digest(3) != digest(4)


def test_what_is_drawn_happens():
    """Otherwise all the above would say little."""
    heard, recovered, resumed = set(), 0, 0
    for seed in range(40):
        run = Simulation(seed, Plan.drawn(seed))
        run.run(draw(seed, run.plan))
        texts = [message for client in run.clients for _, message in client.heard if isinstance(message, str)]
        heard |= {text.split('"', 4)[3] for text in texts}
        recovered += sum('"recovered":true' in text for text in texts)
        resumed += sum('"resumed":true' in text for text in texts)
    assert {"publication", "passed", "moved", "join", "leave", "presence", "ping", "error", "subscribed"} <= heard
    assert recovered > 50
    assert resumed > 20


def test_a_schedule_may_be_written_by_hand():
    steps = [("publish", 0, 0, 3), ("kill", 0), ("wait", 0.1), ("publish", 1, 0, 2), ("lose",), ("wait", 1.0)]
    assert simulate(1, Plan(clients=2), steps) == []
