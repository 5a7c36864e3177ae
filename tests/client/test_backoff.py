"""Delays: drawn below a ceiling that doubles."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from everywire.client.backoff import Backoff, soon


def test_the_ceiling_doubles_up_to_the_cap():
    backoff = Backoff(lambda: 1.0, base=0.5, cap=5.0)
    assert [backoff.next() for _ in range(6)] == [0.5, 1, 2, 4, 5, 5]
    assert backoff.attempts == 6


def test_a_success_begins_anew():
    backoff = Backoff(lambda: 1.0, base=0.5, cap=5.0)
    assert [backoff.next() for _ in range(3)] == [0.5, 1, 2]
    backoff.reset()
    assert backoff.next() == 0.5


def test_delays_are_drawn_evenly_below_the_ceiling():
    draws = itertools.cycle([0.0, 0.5, 0.999])
    backoff = Backoff(lambda: next(draws), base=1.0, cap=1.0)
    assert [backoff.next() for _ in range(3)] == [0.0, 0.5, 0.999]


@given(st.integers(0, 2000))
def test_no_number_of_attempts_is_too_many(attempts):
    backoff = Backoff(lambda: 1.0)
    backoff.attempts = attempts
    assert 0 < backoff.next() <= 20


def test_a_delay_that_is_none_is_not_told_as_a_number():
    assert [soon(delay) for delay in (0.0, 0.04, 0.05, 2.449)] == ["at once", "at once", "in 0.1 s", "in 2.4 s"]
