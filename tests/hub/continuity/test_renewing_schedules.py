"""Whatever happens: who remembers one order is told exactly what it missed, in order and once, or that it has another session."""

from collections import Counter

import pytest
from tests.hub.continuity.renewals import draw, play

SEEDS = 25
MORE = 1_000


@pytest.mark.parametrize("calm", [True, False], ids=["calm", "rough"])
def test_schedules_keep_the_promise_and_go_on_where_nothing_forbids_it(calm):
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        faults, outcomes = play(draw(seed, calm=calm), seed)
        assert not faults, f"seed {seed}: {faults}"
        seen += outcomes
    assert seen["went on"] > SEEDS


@pytest.mark.slow
@pytest.mark.parametrize("calm", [True, False], ids=["calm", "rough"])
def test_many_schedules_keep_it(calm):
    for seed in range(SEEDS, MORE):
        faults, _ = play(draw(seed, calm=calm), seed)
        assert not faults, f"seed {seed}: {faults}"
