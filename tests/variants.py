"""Variants of one test, of which the everyday run has as many as show that it is not broken, and the slow run all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

__all__ = ["everyday"]


def everyday(values: Iterable[Any], *usual: Any) -> list[Any]:
    """Give parameters of which only the `usual` ones (the first, where none is named) are not slow.

    ValueError for a usual one that is not among them: it would be tried by no run of the day.
    """
    values = list(values)
    usual = usual or (values[0],)
    if missing := [each for each in usual if each not in values]:
        raise ValueError(f"not among the values: {missing}")
    return [each if each in usual else pytest.param(each, marks=pytest.mark.slow) for each in values]
