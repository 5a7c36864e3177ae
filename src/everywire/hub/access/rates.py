"""How often something may be done: token buckets, as numbers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["Bucket", "Buckets", "Rate"]


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` times a second in the long run, `burst` times at once."""

    per_second: float
    burst: float

    def __post_init__(self) -> None:
        if not (self.per_second > 0 and self.burst >= 1):
            raise ValueError("a rate is more than nothing, and its burst at least 1")

    def faster(self, per_second: float | None) -> Rate:
        """Give this rate with another number per second, and a burst as much larger or smaller; as it is for None."""
        if per_second is None:
            return self
        return Rate(per_second, max(1.0, self.burst * per_second / self.per_second))

    def refilled(self, left: float, seconds: float) -> float:
        """Give what is left after `seconds` in which nothing was taken."""
        return min(self.burst, left + max(0.0, seconds) * self.per_second)


class Bucket:
    """What is left of a rate.

    Invariants: `left` is between 0 and the burst; `since` is when that was so.
    """

    __slots__ = ("left", "since")

    def __init__(self, rate: Rate, now: float) -> None:
        self.left = rate.burst
        self.since = now

    def take(self, rate: Rate, now: float, amount: float = 1.0) -> bool:
        """Take `amount`, if there is so much at `now`, and say whether there was."""
        self.left = rate.refilled(self.left, now - self.since)
        self.since = now
        if self.left < amount:
            return False
        self.left -= amount
        return True


class Buckets:
    """A bucket for each name, for those `most` names that were used last: whoever was forgotten begins with a full one.

    Invariants: `_kept` is ordered by use, the latest last, and has at most `most` entries.
    """

    def __init__(self, clock: Callable[[], float], most: int = 10_000) -> None:
        self._clock = clock
        self._most: Final = most
        self._kept: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, name: str, rate: Rate) -> bool:
        """Take one of what `name` may, and say whether it might."""
        bucket = self._kept.get(name)
        now = self._clock()
        if bucket is None:
            bucket = self._kept[name] = Bucket(rate, now)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(name)
        return bucket.take(rate, now)
