"""A list of the clients of all nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from everywire.messages import Raw
from everywire.ops.instrument.looking import Looking
from everywire.ops.instrument.options import Instrument
from everywire.ops.instrument.reporting import Reporter

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["Found", "Listing"]

_LIST: Final = "ui-list"
_PART: Final = 256 * 1024  # bytes of one answer, about

_write = msgspec.json.Encoder().encode


class Found(NamedTuple):
    """The descriptions of clients, and what each node has reported by then: `counts` of all, `following` the number of what it tells next."""

    clients: list[Raw]
    counts: dict[str, int]
    following: dict[str, int]


class _Asked(msgspec.Struct):
    number: int


class _Part(msgspec.Struct):
    count: int
    following: int
    clients: list[bytes]


class Listing:
    """Asks all nodes for their clients, and answers for this one."""

    def __init__(self, hub: Hub, instrument: Instrument, looking: Looking, reporter: Reporter) -> None:
        self._hub: Final = hub
        self._most: Final = instrument.max_clients
        self._looking: Final = looking
        self._reporter: Final = reporter
        hub.notes.add(_LIST, _Asked, self._asked)

    async def gather(self) -> Found:
        """Give the clients of all nodes that answer in time, `Instrument.max_clients` at most."""
        hub, found = self._hub, Found([], {}, {})

        def take(node: str, part: _Part) -> None:
            found.counts[node], found.following[node] = part.count, part.following
            found.clients.extend(map(Raw, part.clients[: self._most - len(found.clients)]))

        await hub.crowds.rounds.hold(
            lambda number: hub.notes.tell(_LIST, _Asked(number)), _Part, take, hub.settings.round_deadline
        )
        return found

    def _asked(self, asked: _Asked, node: str) -> None:
        # All of it is looked at in one turn: what happens from then on is reported.
        count, following, parts = self._reporter.count, self._reporter.next, self._parts()
        self._hub.world.task(self._answer(node, asked.number, [_Part(count, following, part) for part in parts]))

    def _parts(self) -> list[list[bytes]]:
        parts: list[list[bytes]] = [[]]
        size, shown = 0, filter(self._looking.shown, [*self._hub.sessions.values()])
        for session, _ in zip(shown, range(self._most), strict=False):
            if size >= _PART:
                parts.append([])
                size = 0
            said = _write(self._looking.described(session))
            parts[-1].append(said)
            size += len(said)
        return parts

    async def _answer(self, node: str, number: int, parts: list[_Part]) -> None:
        rounds = self._hub.crowds.rounds
        with rounds.at_it(node, number):
            for part in parts[:-1]:
                await rounds.say(node, number, part, last=False)
            await rounds.say(node, number, parts[-1])
