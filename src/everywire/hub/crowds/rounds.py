"""Questions to all nodes at once, and what they answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from everywire.errors import Refused

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["Heard", "Rounds"]

_log = logging.getLogger("everywire.hub")

Take = Callable[[str, Any], None]


class Heard(NamedTuple):
    """How many `nodes` answered in time; `silent` others were told, or were there a moment ago, and did not."""

    nodes: int
    silent: int


class _Told(msgspec.Struct):
    """A part of a node's answer, for the node `to`; its `last` one, or not."""

    to: str
    number: int
    part: msgspec.Raw
    last: bool


class _Round:
    """One question: how many nodes were told it, and which are through with it.

    Invariants: `over` is done once all have answered, it is too late, or what a node said ended it.
    """

    __slots__ = ("done", "over", "shape", "take", "told")

    def __init__(self, over: asyncio.Future[None], shape: type[msgspec.Struct], take: Take) -> None:
        self.over: Final = over
        self.shape: Final = shape
        self.take: Final = take
        self.told: int | None = None
        self.done: set[str] = set()

    def close(self) -> None:
        """Wait for no more answers."""
        if not self.over.done():
            self.over.set_result(None)

    def look(self) -> None:
        """Close it if all have answered."""
        if self.told is not None and len(self.done) >= self.told:
            self.close()


class Rounds:
    """Numbers the questions of this node to all nodes, and hands on what each answers, in parts; carries this node's answers to others.

    Who asks waits until every node that was told has answered, until a deadline at most. This node is asked as the others are.

    Invariants: `_open` holds the questions that wait for answers, by their number.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub: Final = hub
        self._last = 0
        self._open: dict[int, _Round] = {}
        hub.notes.add("round-told", _Told, self._told)

    async def hold(
        self, tell: Callable[[int], Awaitable[int]], shape: type[msgspec.Struct], take: Take, within: float
    ) -> Heard:
        """Ask by `tell`, which is given the question's number and gives how many nodes are asked; `take` is given each part, and its node.

        A part is of `shape`. Ends after `within` seconds. A `Refused` of `take` ends it at once, and is raised; so is what `tell` raises.
        """
        hub, timer = self._hub, None
        self._last += 1
        number, one = self._last, _Round(hub.world.promise(), shape, take)
        self._open[number] = one
        try:
            timer = hub.world.later(within, one.close)
            one.told = await tell(number)
            one.look()
            await one.over
        finally:
            del self._open[number]
            if timer is not None:
                timer.cancel()
        others = one.done - {hub.node}
        missing = max(one.told - len(one.done), len(hub.notes.neighbours.known() - others))
        return Heard(len(one.done), missing)

    async def say(self, node: str, number: int, part: msgspec.Struct, *, last: bool = True) -> None:
        """Tell `node`, which asked, a part of this node's answer; what cannot be told is logged."""
        if node == self._hub.node:
            self._take(number, node, part, last=last)
            return
        try:
            await self._hub.notes.tell("round-told", _Told(node, number, _packed(part), last))
        except Exception as fault:
            _log.warning("a node that asked is not answered: %r", fault)

    def _told(self, told: _Told, node: str) -> None:
        if told.to != self._hub.node or node == self._hub.node or not self._hub.notes.neighbours.heard(node):
            return
        one = self._open.get(told.number)
        if one is not None:
            self._take(told.number, node, msgspec.msgpack.decode(told.part, type=one.shape), last=told.last)

    def _take(self, number: int, node: str, part: msgspec.Struct, *, last: bool) -> None:
        one = self._open.get(number)
        if one is None or one.over.done() or node in one.done:
            return
        try:
            one.take(node, part)
        except Refused as no:
            one.over.set_exception(no)
            return
        if last:
            one.done.add(node)
            one.look()


def _packed(part: msgspec.Struct) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(part))
