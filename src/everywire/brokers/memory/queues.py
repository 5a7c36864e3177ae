"""Queues in this process's memory: each publication in one is for one reader."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from everywire.brokers.base import Filled, Holding, Pulled, Pushed
from everywire.messages import Publication

__all__ = ["Queues"]

_TICKETS = 1_000  # whose publications are kept, in case that they are asked for again
_FEW = 1_000  # queues, or channels that are bound to some, that are not worth a look at what of them is over
_TICKET_BYTES = 16 << 20  # of the data of all these


class _Queue:
    """One queue: what is in it, the first with the nearest end; and what was lost since somebody was told."""

    __slots__ = ("expired", "full", "items")

    def __init__(self) -> None:
        self.items: deque[tuple[float, Publication]] = deque()
        self.full = 0
        self.expired = 0


class Queues:
    """All queues of one broker.

    Queues that nobody comes to any more are found by looking at all, whenever there are twice as many as the last look left.

    Invariants: a queue is in `_queues` while it holds anything, or has losses to tell, and `_lost` has those of queues that are forgotten;
    `_bound` has the queues of each channel by name, with what they hold and when that ends, and no channel without one; `_taken` is what the
    latest tickets took, the latest last.
    """

    def __init__(self, clock: Callable[[], float], tell: Callable[[Filled], None]) -> None:
        self._clock: Final = clock
        self._tell: Final = tell
        self._queues: dict[str, _Queue] = {}
        self._bound: dict[str, dict[str, tuple[Holding, float]]] = {}
        self._taken: dict[tuple[str, str], tuple[float, Publication]] = {}
        self._taken_bytes = 0
        self._lost: dict[str, int] = {}
        self._many = _FEW

    def push(self, name: str, publication: Publication, holding: Holding) -> Pushed:
        """Put a publication at the end of a queue, if there is room."""
        taken = self._put(name, publication, holding)
        queue = self._queues[name]
        expired, queue.expired = queue.expired, 0
        elsewhere, self._lost = tuple(self._lost.items()), {}
        return Pushed(taken, expired, elsewhere)

    def _put(self, name: str, publication: Publication, holding: Holding) -> bool:
        queue = self._queues.get(name)
        now = self._clock()
        if queue is None:
            self._look(now)
            queue = self._queues[name] = _Queue()
        self._prune(queue, now)
        if len(queue.items) >= holding.capacity:
            return False
        queue.items.append((now + holding.expiry, publication))
        if len(queue.items) == 1:
            self._tell(Filled(name))
        return True

    def pull(self, name: str, ticket: str) -> Pulled:
        """Take the first publication, or give what the ticket took before."""
        before = self._taken.get((name, ticket))
        if before is not None:
            return Pulled(before[1])
        queue = self._queues.get(name)
        if queue is None:
            return Pulled(None)
        self._prune(queue, self._clock())
        publication = None
        if queue.items:
            end, publication = queue.items.popleft()
            self._remember((name, ticket), end, publication)
        if not queue.items:
            del self._queues[name]
        found = Pulled(publication, queue.full, queue.expired)
        queue.full = queue.expired = 0
        return found

    def _remember(self, ticket: tuple[str, str], end: float, publication: Publication) -> None:
        self._taken[ticket] = end, publication
        self._taken_bytes += len(publication.data)
        while len(self._taken) > _TICKETS or self._taken_bytes > _TICKET_BYTES:
            self._forget(next(iter(self._taken)))

    def _forget(self, ticket: tuple[str, str]) -> tuple[float, Publication] | None:
        taken = self._taken.pop(ticket, None)
        if taken is not None:
            self._taken_bytes -= len(taken[1].data)
        return taken

    def put_back(self, name: str, ticket: str) -> None:
        """Put back what a ticket took: it is the first again."""
        before = self._forget((name, ticket))
        if before is None:
            return
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = _Queue()
        queue.items.appendleft(before)
        if len(queue.items) == 1:
            self._tell(Filled(name))

    def _prune(self, queue: _Queue, now: float) -> None:
        while queue.items and queue.items[0][0] <= now:
            queue.items.popleft()
            queue.expired += 1

    def _look(self, now: float) -> None:
        """Forget queues that hold nothing but what is over, and bindings that are, if there may be many of them."""
        if len(self._queues) + len(self._bound) < self._many:
            return
        for name, queue in [*self._queues.items()]:
            self._prune(queue, now)
            if not queue.items:
                self._lost[name] = self._lost.get(name, 0) + queue.expired + queue.full
                del self._queues[name]
        for channel, bound in [*self._bound.items()]:
            for name in [each for each, (_, end) in bound.items() if end <= now]:
                self.unbind(name, channel)
        self._many = max(_FEW, 2 * (len(self._queues) + len(self._bound)))

    # Channels whose publications come into queues.

    def bind(self, name: str, channel: str, holding: Holding, ttl: float) -> None:
        """Have the publications of a channel put into a queue."""
        self._look(self._clock())
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
            self._forget(taken)

    def clear(self) -> None:
        """Forget everything."""
        self._queues.clear()
        self._bound.clear()
        self._taken.clear()
        self._lost.clear()
        self._taken_bytes = 0
