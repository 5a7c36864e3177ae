"""Bounds of settings."""

import math
from types import SimpleNamespace

import pytest

from everywire.bounds import AMOUNT, COUNT, NUMBER, TIME, Bound, check

MAYBE = Bound(1, whole=True, optional=True)


@pytest.mark.parametrize(
    ("bound", "good", "bad"),
    [
        (AMOUNT, [0, 7], [-1, 0.0, 1.5, True, None, "1", math.inf, math.nan]),
        (COUNT, [1, 7], [0, -1]),
        (NUMBER, [0, 0.5, math.inf], [-0.1, math.nan, None, "1", True]),
        (TIME, [0.001, 5, math.inf], [0, 0.0, -1, math.nan]),
        (MAYBE, [1, None], [0]),
        (Bound(1, most=9, whole=True), [1, 9], [0, 10]),
    ],
)
def test_what_is_within(bound, good, bad):
    assert [bound.has(value) for value in good] == [True] * len(good)
    assert [bound.has(value) for value in bad] == [False] * len(bad)


@pytest.mark.parametrize(
    ("bound", "value", "said"),
    [
        (COUNT, 0, "size is 0: a whole number of 1 or more is needed"),
        (MAYBE, -3, "size is -3: a whole number of 1 or more, or None, is needed"),
        (TIME, 0, "size is 0: a number above 0 is needed"),
        (Bound(1, most=9, whole=True), 20, "size is 20: a whole number from 1 to 9 is needed"),
    ],
)
def test_what_is_needed_is_said(bound, value, said):
    with pytest.raises(ValueError) as caught:
        check(SimpleNamespace(size=value), {"size": bound})
    assert str(caught.value) == said
    check(SimpleNamespace(size=5), {"size": bound})
