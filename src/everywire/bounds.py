"""Between which numbers a setting has to be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["AMOUNT", "COUNT", "NUMBER", "TIME", "Bound", "check"]


@dataclass(frozen=True, slots=True)
class Bound:
    """What a number may be: `least` at least, or more than that where it is to be `above`; `most` at most; `whole`; or None, where it is `optional`."""

    least: float = 0
    above: bool = False
    most: float = math.inf
    whole: bool = False
    optional: bool = False

    def has(self, value: object) -> bool:
        """Say whether `value` is one of these; infinity is where numbers are not whole."""
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return self.least <= value <= self.most and not (self.above and value == self.least)

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.most != math.inf:
            said = f"{kind} from {self.least:g} to {self.most:g}"
        else:
            said = f"{kind} above {self.least:g}" if self.above else f"{kind} of {self.least:g} or more"
        return f"{said}, or None," if self.optional else said


AMOUNT: Final = Bound(whole=True)
COUNT: Final = Bound(1, whole=True)
NUMBER: Final = Bound()
TIME: Final = Bound(above=True)


def check(whole: object, bounds: Mapping[str, Bound], what: str = "") -> None:
    """Raise `ValueError` for a field of `whole` that is not within its bound; the text begins with `what`."""
    for name, bound in bounds.items():
        value: Any = getattr(whole, name)
        if not bound.has(value):
            raise ValueError(f"{what}{name} is {value!r}: {bound} is needed")
