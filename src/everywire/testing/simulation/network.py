"""A network in memory: pipes that take their time, keep their order, and break as real ones do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

__all__ = ["End", "Network", "Pipe"]

_APART = 1e-7  # seconds between two arrivals, so that they cannot swap
_DELAYS = (0.0, 0.0, 0.001, 0.001, 0.005, 0.02)


class End:
    """One end of a pipe: what is sent comes out at the `other`, later and in order.

    `heard` takes each message, `closed` is called once when the pipe is known here to be over; both may be
    set at any time before the first arrival. Invariants: nothing is heard after `closed`.
    """

    __slots__ = ("_arrival", "_pipe", "closed", "heard", "known", "other")

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._arrival = 0.0
        self.other: End = self
        self.heard: Callable[[Any], object] = _ignore
        self.closed: Callable[[], object] = _nothing
        self.known = False  # whether this end knows that the pipe is over

    @property
    def open(self) -> bool:
        """Say whether this end believes that the pipe is whole."""
        return not self.known

    @property
    def under_way(self) -> int:
        """How many messages sent here are not there yet."""
        return self._pipe.under_way[self]

    def send(self, message: Any) -> None:
        """Send a message; it is lost if the pipe breaks before it is there."""
        if not self.known:
            self._pipe.carry(self, message)

    def close(self) -> None:
        """End the pipe in good order: the other end hears what was sent, then that it is over."""
        if not self.known:
            self.known = True
            self._pipe.carry(self, _END)


class Pipe:
    """Two ends and what is between them.

    Invariants: messages of one direction arrive in the order in which they were sent; after a cut none arrives.
    """

    __slots__ = ("_broken", "_network", "ends", "held", "slow", "under_way")

    def __init__(self, network: Network) -> None:
        self._network = network
        self._broken = False
        self.slow = 1.0  # how many times as long as others it takes
        self.held = 0.0  # until when nothing that is sent arrives
        first, second = End(self), End(self)
        first.other, second.other = second, first
        self.ends: Final = (first, second)
        self.under_way: Final[dict[End, int]] = {first: 0, second: 0}

    def carry(self, sender: End, message: Any) -> None:
        """Have `message` arrive at the other end, unless the pipe breaks meanwhile."""
        loop, arrival = self._network.loop, sender._arrival
        arrival = sender._arrival = max(loop.time() + self._network.delay() * self.slow, arrival + _APART, self.held)
        self.under_way[sender] += 1
        loop.call_at(arrival, self._arrive, sender, message)

    def _arrive(self, sender: End, message: Any) -> None:
        self.under_way[sender] -= 1
        end = sender.other
        if self._broken or end.known:
            return
        if message is _END:
            end.known = True
            end.closed()
        else:
            end.heard(message)

    def cut(self) -> None:
        """Break it: what is under way is lost, both ends learn of it soon."""
        if not self._broken:
            self._broken = True
            for end in self.ends:
                self._network.loop.call_later(self._network.delay(), self._tell, end)

    def freeze(self) -> None:
        """Break it so that nobody learns of it: a half-open connection."""
        self._broken = True

    def abandon(self, end: End) -> None:
        """Let `end` be gone without a word, as with a killed process; the other learns of it soon."""
        end.known = True
        self.cut()

    def _tell(self, end: End) -> None:
        if not end.known:
            end.known = True
            end.closed()


class Network:
    """Makes pipes whose delays are drawn from `dice`; `slow` multiplies them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, dice: random.Random, delays: Sequence[float] = _DELAYS) -> None:
        self.loop: Final = loop
        self._dice = dice
        self._delays = delays
        self.slow = 1.0

    def delay(self) -> float:
        """Draw how long the next message takes."""
        return self._dice.choice(self._delays) * self.slow

    def pipe(self) -> Pipe:
        """Give a new pipe."""
        return Pipe(self)


_END: Final = object()


def _ignore(_: Any) -> None:
    """Hear nothing yet."""


def _nothing() -> None:
    """Nobody wants to know."""
