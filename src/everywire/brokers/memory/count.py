"""The count of all publications, over all channels."""

from __future__ import annotations

from collections.abc import Callable

from everywire.messages import Position

__all__ = ["Count"]


class Count:
    """Numbers the publications of all logs, from 1 on.

    Invariants: `number` is that of the latest, and never falls; `lost` is not smaller than that of any publication whose whole log was
    forgotten: what a channel without a log was published after that is nothing.
    """

    __slots__ = ("_era", "_new_era", "lost", "number")

    def __init__(self, new_era: Callable[[], str]) -> None:
        self._new_era = new_era
        self._era: str | None = None
        self.number = 0
        self.lost = 0

    @property
    def era(self) -> str:
        """The name of this life of the count."""
        if self._era is None:
            self._era = self._new_era()
        return self._era

    @property
    def position(self) -> Position:
        """Where the count is."""
        return Position(self.era, self.number)

    def next(self) -> int:
        """Count another one."""
        self.number += 1
        return self.number

    def begin(self) -> None:
        """Count once before anything was numbered: what is told without a number of its own has one to go by."""
        self.number = self.number or 1

    def answers(self, since: Position, lost: int) -> bool:
        """Say whether `since` is a number of this era, and a log that `lost` what came up to there has all that came after it."""
        return since.epoch == self.era and lost <= since.offset <= self.number

    def forget(self, last: int) -> None:
        """Take notice that a log is forgotten, whose latest publication was numbered `last`."""
        self.lost = max(self.lost, last)

    def restore(self, era: str, number: int, lost: int) -> None:
        """Go on as it was kept."""
        self._era, self.number, self.lost = era, number, lost

    def begin_anew(self) -> None:
        """Begin another era: numbers of this one were given to publications that never were."""
        self._era = self._new_era()
