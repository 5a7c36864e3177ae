"""What the application has yet to learn of, channel by channel."""

from __future__ import annotations

from collections import deque
from typing import Literal

from everywire.brokers.base import Occurrence
from everywire.messages import Member
from everywire.metrics import Metrics

__all__ = ["Occurrences"]


class Occurrences:
    """Keeps occurrences until they are done: one queue to a channel, and only its first is given out.

    At most `most` are kept. Beyond that the oldest of the channel that waits longest goes, and is counted: an application that learns
    nothing any more must not cost the broker its memory.

    Invariants: every channel in `_queues` is either in `_ready`, in the order they became so, or in `_claimed`; no queue is empty;
    `_kept` is the length of all queues together; `_sequence` only grows.
    """

    def __init__(self, metrics: Metrics, most: int = 100_000) -> None:
        self._metrics = metrics
        self._most = most
        self._queues: dict[str, deque[Occurrence]] = {}
        self._ready: dict[str, None] = {}
        self._claimed: dict[str, str] = {}  # channel: holder
        self._sequence = 0
        self._kept = 0

    def __len__(self) -> int:
        return self._kept

    def add(self, channel: str, kind: Literal["join", "leave", "occupied", "vacated"], member: Member | None) -> None:
        """Keep another occurrence."""
        if self._kept >= self._most:
            self._make_room()
        self._sequence += 1
        queue = self._queues.get(channel)
        if queue is None:
            queue = self._queues[channel] = deque()
            self._ready[channel] = None
        queue.append(Occurrence(channel, kind, self._sequence, member))
        self._kept += 1

    def claim(self, holder: str, most: int) -> tuple[Occurrence, ...]:
        """Give the first of each channel that nobody has, and make them `holder`'s."""
        taken: list[Occurrence] = []
        while self._ready and len(taken) < most:
            channel = next(iter(self._ready))
            del self._ready[channel]
            self._claimed[channel] = holder
            taken.append(self._queues[channel][0])
        return tuple(taken)

    def done(self, holder: str, channel: str, sequence: int) -> None:
        """Let go of an occurrence, if it is `holder`'s."""
        if self._claimed.get(channel) != holder or self._queues[channel][0].sequence != sequence:
            return
        del self._claimed[channel]
        self._ready[channel] = None
        self._pop(channel)

    def release(self, holder: str) -> None:
        """Let others have what `holder` claimed."""
        for channel in [each for each, claimer in self._claimed.items() if claimer == holder]:
            del self._claimed[channel]
            self._ready[channel] = None

    def clear(self) -> None:
        """Forget everything."""
        self._queues.clear()
        self._ready.clear()
        self._claimed.clear()
        self._kept = 0

    def _make_room(self) -> None:
        self._metrics.occurrences_dropped += 1
        if self._ready:
            self._pop(next(iter(self._ready)))
        else:  # somebody is being told of the first of each: one that waits behind it goes, if there is one
            queue = max(self._queues.values(), key=len)
            if len(queue) > 1:
                del queue[1]
                self._kept -= 1

    def _pop(self, channel: str) -> None:
        """Forget the first of a channel that nobody has."""
        queue = self._queues[channel]
        queue.popleft()
        self._kept -= 1
        if not queue:
            del self._queues[channel], self._ready[channel]
