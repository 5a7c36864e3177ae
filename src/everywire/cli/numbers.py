"""Numbers of options: finite, within bounds, and asked for in words."""

from __future__ import annotations

import math
from typing import Any

import click

__all__ = ["Finite", "Whole"]


class Whole(click.IntRange):
    """A whole number within bounds."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; fails with what is needed."""
        try:
            if isinstance(value, bool | float):  # a TOML file says these, and int takes both
                raise click.BadParameter(str(value))
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"a whole number{_bounds(self)} is needed", param, ctx)

    def _describe_range(self) -> str:
        return _bounds(self).strip().removeprefix("of ")


class Finite(click.FloatRange):
    """A number within bounds, which `click.FloatRange` would have be "nan" or "inf", too."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; fails with what is needed."""
        try:
            number = math.nan if isinstance(value, bool) else float(super().convert(value, param, ctx))
        except click.BadParameter:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"a number{_bounds(self)} is needed", param, ctx)
        return number

    def _describe_range(self) -> str:
        return _bounds(self).strip().removeprefix("of ")


def _bounds(kind: click.IntRange | click.FloatRange) -> str:
    if kind.min is None:
        return ""
    if kind.max is not None:
        return f" from {kind.min} to {kind.max}"
    return f" above {kind.min}" if kind.min_open else f" of {kind.min} or more"
