"""Queues in this process's memory: each publication in one is for one reader."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from everywire.brokers.base import Filled, Holding, Pulled, Pushed
from everywire.messages import Publication

__all__ = ["Queues"]

_READERS = 10_000  # whose last publication is kept, in case that they ask for it again


class _Queue:
    """One queue: what is in it, the first with the nearest end; and what was lost since somebody was told."""

    __slots__ = ("expired", "full", "items")

    def __init__(self) -> None:
        self.items: deque[tuple[float, Publication]] = deque()
        self.full = 0
        self.expired = 0


class Queues:
    """All queues of one broker.

    Invariants: a queue is in `_queues` while it holds anything, or has losses to tell; `_bound` has the queues of each channel by name, with
    what they hold and when that ends, and no channel without one; `_taken` is each reader's last question and its answer, the latest last.
    """

    def __init__(self, clock: Callable[[], float], tell: Callable[[Filled], None]) -> None:
        self._clock: Final = clock
        self._tell: Final = tell
        self._queues: dict[str, _Queue] = {}
        self._bound: dict[str, dict[str, tuple[Holding, float]]] = {}
        self._taken: dict[tuple[str, str], tuple[int, float, Publication]] = {}

    def push(self, name: str, publication: Publication, holding: Holding) -> Pushed:
        """Put a publication at the end of a queue, if there is room."""
        taken = self._put(name, publication, holding)
        queue = self._queues[name]
        expired, queue.expired = queue.expired, 0
        return Pushed(taken, expired)

    def _put(self, name: str, publication: Publication, holding: Holding) -> bool:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = _Queue()
        now = self._clock()
        self._prune(queue, now)
        if len(queue.items) >= holding.capacity:
            return False
        queue.items.append((now + holding.expiry, publication))
        if len(queue.items) == 1:
            self._tell(Filled(name))
        return True

    def pull(self, name: str, reader: str, number: int) -> Pulled:
        """Take the first publication, or give what the reader was given for this number before."""
        before = self._taken.pop((name, reader), None)
        if before is not None and before[0] == number:
            self._taken[name, reader] = before
            return Pulled(before[2])
        queue = self._queues.get(name)
        if queue is None:
            return Pulled(None)
        self._prune(queue, self._clock())
        publication = None
        if queue.items:
            end, publication = queue.items.popleft()
            self._taken[name, reader] = number, end, publication
            for each in [*islice(self._taken, max(0, len(self._taken) - _READERS))]:
                del self._taken[each]
        if not queue.items:
            del self._queues[name]
        found = Pulled(publication, queue.full, queue.expired)
        queue.full = queue.expired = 0
        return found

    def put_back(self, name: str, reader: str, number: int) -> None:
        """Put back what a reader took: it is the first again."""
        before = self._taken.get((name, reader))
        if before is None or before[0] != number:
            return
        del self._taken[name, reader]
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = _Queue()
        queue.items.appendleft((before[1], before[2]))
        if len(queue.items) == 1:
            self._tell(Filled(name))

    def _prune(self, queue: _Queue, now: float) -> None:
        while queue.items and queue.items[0][0] <= now:
            queue.items.popleft()
            queue.expired += 1

    # Channels whose publications come into queues.

    def bind(self, name: str, channel: str, holding: Holding, ttl: float) -> None:
        """Have the publications of a channel put into a queue."""
        self._bound.setdefault(channel, {})[name] = holding, self._clock() + ttl

    def unbind(self, name: str, channel: str) -> None:
        """Have them put there no longer."""
        bound = self._bound.get(channel)
        if bound is not None and bound.pop(name, None) is not None and not bound:
            del self._bound[channel]

    def publish(self, publication: Publication) -> None:
        """Put a publication into the queues that its channel is bound to."""
        bound = self._bound.get(publication.channel)
        if bound is None:
            return
        now = self._clock()
        for name, (holding, end) in [*bound.items()]:
            if end <= now:
                self.unbind(name, publication.channel)
            elif not self._put(name, publication, holding):
                self._queues[name].full += 1

    def purge(self, prefix: str) -> None:
        """Forget all queues whose names begin so, and what is bound to them."""
        for name in [each for each in self._queues if each.startswith(prefix)]:
            del self._queues[name]
        for channel, bound in [*self._bound.items()]:
            for name in [each for each in bound if each.startswith(prefix)]:
                self.unbind(name, channel)
        for taken in [each for each in self._taken if each[0].startswith(prefix)]:
            del self._taken[taken]

    def clear(self) -> None:
        """Forget everything."""
        self._queues.clear()
        self._bound.clear()
        self._taken.clear()
