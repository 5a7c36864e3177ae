"""Every node's view as one: each is asked by a note, and answers by another."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import msgspec

from everywire.hub.hub import Hub
from everywire.hub.neighbours import PATIENCE
from everywire.ops.view import View, look, total

__all__ = ["Nodes"]

_log = logging.getLogger("everywire.admin")


class _Asked(msgspec.Struct):
    """A node asks for views; answers carry `number`."""

    number: int


class _Told(msgspec.Struct):
    """A node's answer to the node `to`."""

    to: str
    number: int
    view: View


class Nodes:
    """Asks all nodes that share a broker for their views, and answers for this one.

    Who asks waits until every node has answered that it knows of, 0.5 s at most; without knowing of any, as the first time, all of that. One that does not
    answer in time is left out, and counted as silent until it has said nothing for 10 s. A new node is found by its first answer, even a late one.

    Invariants: `_views` holds the answers to the question `_number`, `_known` the nodes that were known when it was asked, and `_round` is that
    question while it is under way.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: frozenset[str] = frozenset()
        self._number = 0
        self._views: dict[str, View] = {}
        self._round: asyncio.Future[View] | None = None
        self._all = asyncio.Event()
        hub.notes.add("view-asked", _Asked, self._asked)
        hub.notes.add("view-told", _Told, self._told)

    async def view(self) -> View:
        """Give all nodes as one, this one in any case; who asks while somebody does already gets the same."""
        if self._hub.broker.alone:
            return look(self._hub)
        if self._round is None:
            self._round = self._hub.world.task(self._ask())
        return await asyncio.shield(self._round)

    async def _ask(self) -> View:
        self._number += 1
        self._views.clear()
        self._all.clear()
        self._known = self._hub.notes.neighbours.known()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._hub.notes.tell("view-asked", _Asked(self._number))
                    await self._all.wait()
        except Exception as fault:
            _log.warning("the other nodes cannot be asked: %r", fault)
        finally:
            self._round = None
        whole = total([look(self._hub), *self._views.values()])
        whole.silent = len(self._hub.notes.neighbours.known() - self._views.keys())
        return whole

    def _asked(self, asked: _Asked, node: str) -> None:
        if node != self._hub.node:
            self._hub.world.task(self._answer(_Told(node, asked.number, look(self._hub))))

    async def _answer(self, told: _Told) -> None:
        try:
            await self._hub.notes.tell("view-told", told)
        except Exception as fault:
            _log.warning("a node that asked is not answered: %r", fault)

    def _told(self, told: _Told, node: str) -> None:
        if told.to != self._hub.node or not self._hub.notes.neighbours.heard(node):
            return
        if told.number == self._number and self._round is not None:
            self._views[node] = told.view
            if self._known and self._views.keys() >= self._known:
                self._all.set()
