"""The loop of a simulation: virtual time, and nothing of a loop that a simulation does without."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

from everywire.testing.clock import VirtualLoop

__all__ = ["SimulatedLoop"]


class SimulatedLoop(VirtualLoop):
    """A virtual loop without files and threads: a turn is what is due, and time leaps when nothing is.

    Most of what a simulation costs is the loop, and most of that is comparing timers. What is due at the same moment happens in the
    order in which it was asked for. Invariants: `_due` is a heap of (when, number, timer).
    """

    def __init__(self) -> None:
        super().__init__()
        self._due: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Call `callback` at the virtual time `when`."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._due, (when, next(self._numbers), timer))
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Call `callback` in `delay` virtual seconds."""
        return self.call_at(self._leapt + delay, callback, *args, context=context)

    def _run_once(self) -> None:
        ready, due = self._ready, self._due  # type: ignore[attr-defined]
        while due and due[0][2].cancelled():
            heapq.heappop(due)
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            if not due:
                raise RuntimeError("everything waits for something that no timer will bring")
            self._leapt = max(self._leapt, due[0][0])
        now = self._leapt
        while due and due[0][0] <= now:
            ready.append(heapq.heappop(due)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()
