"""Whatever happens: who remembers one order is told exactly what it missed, in order and once, or that it has another session."""

import pytest
from tests.hub.continuity.renewals import draw, play

SEEDS = 40
MORE = 1_000


@pytest.mark.parametrize("calm", [True, False], ids=["calm", "rough"])
def test_schedules_keep_the_promise(calm):
    went_on = 0
    for seed in range(SEEDS):
        faults, resumed = play(draw(seed, calm=calm), seed)
        assert not faults, f"seed {seed}: {faults}"
        went_on += resumed
    assert went_on > SEEDS // 3


@pytest.mark.slow
@pytest.mark.parametrize("calm", [True, False], ids=["calm", "rough"])
def test_many_schedules_keep_it(calm):
    for seed in range(SEEDS, MORE):
        faults, _ = play(draw(seed, calm=calm), seed)
        assert not faults, f"seed {seed}: {faults}"


@pytest.mark.parametrize("seed", [527, 1807])
def test_a_client_between_two_nodes_does_not_lose_a_channel_that_it_was_just_subscribed_to(seed):
    faults, _ = play(draw(seed, calm=True), seed)
    assert not faults


@pytest.mark.parametrize("seed", [964, 2754])
def test_what_began_anew_unheard_is_not_taken_for_what_had_begun(seed):
    faults, _ = play(draw(seed), seed)
    assert not faults
