"""Plans and steps are the seed's alone."""

from everywire.testing.simulation.plan import Plan, draw


def test_the_same_seed_draws_the_same():
    plan = Plan.drawn(5)
    assert plan == Plan.drawn(5)
    assert draw(5, plan) == draw(5, plan) != draw(6, plan)


def test_everything_is_drawn_at_some_time():
    plan = Plan(steps=2000)
    assert {step[0] for step in draw(1, plan)} == {*plan.weights}
    assert {name.split(":")[0] for seed in range(100) for name in Plan.drawn(seed).channels} == {"room", "desk", "map"}


def test_there_are_as_many_steps_as_planned():
    assert len(draw(1, Plan(steps=7))) == 7
