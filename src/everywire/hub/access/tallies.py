"""How many sessions a note to all nodes concerned: each that acts on it tells the one that asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import msgspec

from everywire.brokers.base import Broker
from everywire.hub.neighbours import PATIENCE
from everywire.hub.notes import Notes
from everywire.hub.world import World

__all__ = ["Reached", "Tallies"]

_log = logging.getLogger("everywire.hub")


class Reached(NamedTuple):
    """How many sessions were concerned on the `nodes` that answered in time; `silent` others are known, and did not."""

    sessions: int
    nodes: int
    silent: int


class _Told(msgspec.Struct):
    """A node's answer to the node `to`."""

    to: str
    number: int
    sessions: int


class _Tally:
    """What was answered to one note, by node."""

    __slots__ = ("answers", "complete", "known")

    def __init__(self, known: frozenset[str], complete: asyncio.Future[None]) -> None:
        self.known: Final = known
        self.complete: Final = complete
        self.answers: dict[str, int] = {}

    def close(self) -> None:
        """Wait for no more answers."""
        if not self.complete.done():
            self.complete.set_result(None)


class Tallies:
    """Numbers notes that are to be counted, and adds up what the nodes answer.

    Who counts waits until this node and every other that it knows of has answered, 0.5 s at most; without knowing of any, as the first time, all of that.

    Invariants: `_open` holds what is being counted, by its number, which begins at 1.
    """

    def __init__(self, world: World, broker: Broker, notes: Notes, node: str) -> None:
        self._world = world
        self._broker = broker
        self._notes = notes
        self._node = node
        self._last = 0
        self._open: dict[int, _Tally] = {}
        notes.add("reached", _Told, self._told)

    async def count(self, tell: Callable[[int], Awaitable[None]]) -> Reached:
        """Have `tell` write a note with the number that it is given, and give how many sessions that reached; raises what `tell` raises."""
        self._last += 1
        number, tally = self._last, _Tally(self._notes.neighbours.known(), self._world.promise())
        self._open[number] = tally
        timer = None
        try:
            await tell(number)
            timer = self._world.later(PATIENCE, tally.close)
            await tally.complete
        finally:
            del self._open[number]
            if timer is not None:
                timer.cancel()
        return Reached(sum(tally.answers.values()), len(tally.answers), len(tally.known - tally.answers.keys()))

    def acted(self, node: str, number: int, sessions: int) -> None:
        """Tell `node`, which wrote the note, how many sessions it concerned here; a note without a number is not counted."""
        if node == self._node:
            self._add(node, number, sessions)
        elif number:
            self._world.task(self._answer(_Told(node, number, sessions)))

    async def _answer(self, told: _Told) -> None:
        try:
            await self._notes.tell("reached", told)
        except Exception as fault:
            _log.warning("a node is not told how many sessions it reached: %r", fault)

    def _told(self, told: _Told, node: str) -> None:
        if told.to == self._node and node != self._node and self._notes.neighbours.heard(node):
            self._add(node, told.number, told.sessions)

    def _add(self, node: str, number: int, sessions: int) -> None:
        tally = self._open.get(number)
        if tally is None:
            return
        tally.answers[node] = sessions
        here, others = self._node in tally.answers, tally.known
        if here and (self._broker.alone or (others and tally.answers.keys() >= others)):
            tally.close()
