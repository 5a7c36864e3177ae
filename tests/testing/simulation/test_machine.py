"""Schedules that hypothesis makes up step by step, and shrinks to what a person can read."""

import logging
import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from everywire.testing.simulation.plan import Plan
from everywire.testing.simulation.simulation import Simulation

WHO = st.integers(0, 2)
CHANNELS = (("room:0",), ("desk:0",), ("map:0",))


class Schedules(RuleBasedStateMachine):
    """Three clients and two nodes; at the end everything comes to rest, and is judged."""

    @initialize(
        seed=st.integers(0, 2**16),
        channels=st.sampled_from(CHANNELS),
        history=st.sampled_from((2, 5, 40)),
        page=st.sampled_from((1, 3, 1000)),
        crowd=st.sampled_from((1, 64)),
    )
    def begin(self, **drawn):
        seed = drawn.pop("seed")
        self.run = Simulation(seed, Plan(ttl=2.0, private=0.2, paced=0.2, **drawn))
        self.run.begin()

    def play(self, *step):
        self.run.play([step])

    @rule(who=WHO, count=st.integers(1, 4))
    def publish(self, who, count):
        self.play("publish", who, 0, count)

    @rule(who=WHO, how=st.sampled_from(("cut", "freeze", "forget")))
    def lose_connection(self, who, how):
        self.play(how, who)

    @rule(who=WHO, count=st.integers(1, 5))
    def drop_during_replay(self, who, count):
        for step in (("cut", who), ("publish", (who + 1) % 3, 0, count), ("wait", 0.55), ("cut", who)):
            self.play(*step)

    @rule(who=WHO, factor=st.sampled_from((1.0, 50.0)))
    def read_slowly(self, who, factor):
        self.play("crowd", who, factor)

    @rule(seconds=st.sampled_from((0.003, 0.1, 0.5, 2.5)))
    def wait(self, seconds):
        self.play("wait", seconds)

    @rule(node=st.integers(0, 1), how=st.sampled_from(("kill", "drain", "unlink", "deafen")))
    def lose_a_node_or_its_link(self, node, how):
        self.play(how, node)

    @rule(how=st.sampled_from((("lose",), ("flush", 0), ("stall", 0.9))))
    def lose_at_the_broker(self, how):
        self.play(*how)

    def teardown(self):
        if hasattr(self, "run"):
            with self.run.loop:
                assert self.run.finish() == []


def check(count):
    logging.disable(logging.CRITICAL)
    try:
        run_state_machine_as_test(
            Schedules,
            settings=settings(
                max_examples=count, stateful_step_count=25, deadline=None, suppress_health_check=[*HealthCheck]
            ),
        )
    finally:
        logging.disable(logging.NOTSET)


def test_schedules_keep_every_promise():
    check(60)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_schedules_keep_every_promise():
    check(int(os.environ.get("EVERYWIRE_SCHEDULES", "1000")))
