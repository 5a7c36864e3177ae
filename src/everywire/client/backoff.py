"""How long to wait before the next attempt: exponential, with full jitter."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["STABLE", "Backoff", "soon"]

STABLE = 5.0  # seconds that a connection lasts before it counts as a success


def soon(delay: float) -> str:
    """Say when something follows that is `delay` seconds away."""
    return f"in {delay:.1f} s" if delay >= 0.05 else "at once"


class Backoff:
    """Delays in seconds, each drawn evenly between 0 and a ceiling that doubles from `base` up to `cap`.

    `draw() -> [0, 1)` is handed in. Full jitter keeps many clients that lost the same server from coming back at the same moment.
    """

    def __init__(self, draw: Callable[[], float], base: float = 0.25, cap: float = 20.0) -> None:
        self._draw = draw
        self._base = base
        self._cap = cap
        self.attempts = 0

    def next(self) -> float:
        """Give the next delay."""
        ceiling = min(self._cap, self._base * 2.0 ** min(self.attempts, 32))
        self.attempts += 1
        return self._draw() * ceiling

    def reset(self) -> None:
        """Begin anew, after a success."""
        self.attempts = 0
