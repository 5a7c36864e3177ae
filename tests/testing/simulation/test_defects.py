"""The simulation can fail: what somebody could get wrong is found, and soon."""

import random
from dataclasses import replace

import pytest
from tests.testing.simulation.defects import DEFECTS, SCHEDULES, WHERE

from everywire.testing.simulation.plan import Plan
from everywire.testing.simulation.simulation import simulate

SOON = 60  # runs


def play(defect, seed):
    plan = replace(Plan.drawn(seed), **WHERE.get(defect, {}))
    schedule = SCHEDULES.get(defect)
    return simulate(seed, plan, schedule(random.Random(seed)) if schedule is not None else None)


def found(defect, runs):
    return any(play(defect, seed) for seed in range(runs))


@pytest.mark.slow
@pytest.mark.parametrize("defect", SCHEDULES, ids=lambda defect: defect.__name__)
def test_without_the_defect_its_schedule_breaks_no_promise(defect, caplog):
    caplog.set_level("CRITICAL")
    assert not any(play(defect, seed) for seed in range(SOON))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_seeded_defect_is_found(defect, monkeypatch, caplog):
    caplog.set_level("CRITICAL")
    defect(monkeypatch.setattr)
    assert found(defect, SOON), "not found"


@pytest.mark.parametrize(
    "defect",
    [each for each in DEFECTS if each.__name__ in ("epoch_ignored", "held_in_vain", "hole_told", "places_kept")],
    ids=lambda defect: defect.__name__,
)
def test_some_are_found_every_day(defect, monkeypatch, caplog):
    caplog.set_level("CRITICAL")
    defect(monkeypatch.setattr)
    assert found(defect, 10), "not found"
