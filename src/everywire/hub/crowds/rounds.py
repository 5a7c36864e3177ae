"""Questions to all nodes at once, and what they answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from everywire.errors import Refused

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.world import Timer

__all__ = ["Heard", "Rounds"]

_log = logging.getLogger("everywire.hub")

_LOOK: Final = 1.0  # seconds between two looks at who is still at a question

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


class _Look(msgspec.Struct):
    """Who is still at my question `number`? I ask that for the `time`-th time."""

    number: int
    time: int


class _Here(msgspec.Struct):
    """I am there, node `to`; and `busy` with your question, or not."""

    to: str
    number: int
    time: int
    busy: bool


class _Round:
    """One question: how many nodes were told it, and which are through with it.

    `time` counts how often it was asked who is still at it; `looked` is how many nodes were asked that last, and `here` what those said of it.

    Invariants: `over` is done once all have answered, nobody is at it any more, it is too late, or what a node said ended it.
    """

    __slots__ = ("done", "here", "looked", "over", "shape", "take", "time", "timer", "told")

    def __init__(self, over: asyncio.Future[None], shape: type[msgspec.Struct], take: Take) -> None:
        self.over: Final = over
        self.shape: Final = shape
        self.take: Final = take
        self.told: int | None = None
        self.done: set[str] = set()
        self.time = 0
        self.looked: int | None = None
        self.here: dict[str, bool] = {}
        self.timer: Timer | None = None

    def close(self) -> None:
        """Wait for no more answers."""
        if not self.over.done():
            self.over.set_result(None)

    def through(self, node: str) -> None:
        """Take notice that a node has answered."""
        self.done.add(node)
        if node in self.here:
            self.here[node] = False
        self.judge()

    def judge(self) -> None:
        """Close it if all have answered; or if everybody who is there has said that he is not at it: who did not answer is gone."""
        if self.told is not None and len(self.done) >= self.told:
            self.close()
        all_said = self.told is not None and self.looked is not None and len(self.here) >= self.looked
        if all_said and not any(self.here.values()):
            self.close()


class Rounds:
    """Numbers the questions of this node to all nodes, and hands on what each answers, in parts; carries this node's answers to others.

    Who asks waits until every node that was told has answered, until a deadline at most. This node is asked as the others are. Every second it is
    looked whether nodes are still at it, so that one that was killed is not waited for.

    Invariants: `_open` holds the questions that wait for answers, by their number; `_busy` those of all nodes that this one is at.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub: Final = hub
        self._last = 0
        self._open: dict[int, _Round] = {}
        self._busy: set[tuple[str, int]] = set()
        hub.notes.add("round-look", _Look, self._looked_for)
        hub.notes.add("round-here", _Here, self._found)
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
            self._look_later(number, one)
            one.told = await tell(number)
            one.judge()
            await one.over
        finally:
            del self._open[number]
            for each in (timer, one.timer):
                if each is not None:
                    each.cancel()
        others = one.done - {hub.node}
        missing = max(one.told - len(one.done), len(hub.notes.neighbours.known() - others))
        return Heard(len(one.done), missing)

    @contextmanager
    def at_it(self, node: str, number: int) -> Iterator[None]:
        """Have it known, as long as the context lasts, that this node is at the question of `node`."""
        self._busy.add((node, number))
        try:
            yield
        finally:
            self._busy.discard((node, number))

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
            one.through(node)

    # Who is still at it.

    def _look_later(self, number: int, one: _Round) -> None:
        one.timer = self._hub.world.later(_LOOK, lambda: self._look(number, one))

    def _look(self, number: int, one: _Round) -> None:
        self._look_later(number, one)
        one.time += 1
        one.looked, one.here = None, {}
        self._hub.world.task(self._ask(number, one))

    async def _ask(self, number: int, one: _Round) -> None:
        time = one.time
        try:
            told = await self._hub.notes.tell("round-look", _Look(number, time))
        except Exception as fault:
            _log.debug("it cannot be asked who is still at a question: %r", fault)
            return
        if one.time == time:
            one.looked = told
            one.judge()

    def _looked_for(self, look: _Look, node: str) -> None:
        self._hub.world.task(self._show(look, node))  # behind what was asked before, which is begun in the same way

    async def _show(self, look: _Look, node: str) -> None:
        here = _Here(node, look.number, look.time, (node, look.number) in self._busy)
        if node == self._hub.node:
            self._found(here, node)
            return
        try:
            await self._hub.notes.tell("round-here", here)
        except Exception as fault:
            _log.debug("a node that looks for this one is not answered: %r", fault)

    def _found(self, here: _Here, node: str) -> None:
        one = self._open.get(here.number) if here.to == self._hub.node else None
        if one is not None and one.time == here.time:
            one.here[node] = here.busy
            one.judge()


def _packed(part: msgspec.Struct) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(part))
