"""A node that can be killed: an application in a world that ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

from everywire.app import Everywire
from everywire.dialects.native import SUBPROTOCOL
from everywire.gateway import Gateway, Line
from everywire.http.request import Headers, Request
from everywire.hub.draining import Draining
from everywire.payloads import Payload
from everywire.testing.clock import MortalWorld
from everywire.testing.simulation.network import End

__all__ = ["MortalWorld", "Node", "PipeTransport"]

_CROWDED = 64  # payloads under way above which a transport has no room, unless it is told otherwise
_DRAINED = 0.5  # seconds in which a node that drains sends its clients away


class _Carrier:
    """Writes one payload to many simulated connections."""

    __slots__ = ()

    def send_many(self, wires: Iterable[End], payload: Payload) -> None:
        """Send `payload` on every pipe that is whole."""
        for wire in wires:
            wire.send(payload.data)


_CARRIER: Final = _Carrier()


class PipeTransport:
    """A simulated connection as a transport; the close code goes ahead of the end."""

    __slots__ = ("_most", "wire")

    carrier = _CARRIER

    def __init__(self, wire: End, most: int = _CROWDED) -> None:
        self.wire: Final = wire
        self._most = most

    def send(self, payloads: Sequence[Payload]) -> None:
        """Send `payloads` in order."""
        for payload in payloads:
            self.wire.send(payload.data)

    @property
    def crowded(self) -> bool:
        """Whether much of what was sent is not there yet."""
        return self.wire.open and self.wire.under_way > self._most

    async def drain(self) -> None:
        """Wait until most of what was sent is there."""
        while self.crowded:
            await asyncio.sleep(0.01)

    def close(self, code: int, reason: str = "") -> None:
        """Tell the code, then end."""
        self.wire.send((code, reason))
        self.wire.close()


class Node:
    """One running application, reached over pipes.

    Invariants: `pipes` are those that its clients hold; after `kill` it hears and says nothing.
    """

    def __init__(self, name: str, app: Everywire, world: MortalWorld, crowd: int = _CROWDED) -> None:
        self.name: Final = name
        self.app: Final = app
        self.world: Final = world
        self._crowd = crowd
        self._lines: dict[End, Line] = {}
        self.gateway: Gateway = app.start(world)

    @property
    def alive(self) -> bool:
        """Say whether it was not killed."""
        return not self.world.dead

    def accept(self, end: End) -> None:
        """Take a client's connection; it is refused by a dead node, as its kernel would."""
        if not self.alive:
            end._pipe.cut()
            return
        headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Protocol", SUBPROTOCOL)]
        line = self.gateway.open(PipeTransport(end, self._crowd), Request("GET", self.app.path, Headers(headers)))
        if line is None:
            raise ValueError("the application opens nothing at its own path")
        self._lines[end] = line
        end.heard = line.receive
        end.closed = lambda: self._lost(end)

    def _lost(self, end: End) -> None:
        line = self._lines.pop(end, None)
        if line is not None and self.alive:
            line.lost(1006)

    def drain(self) -> None:
        """Let it end as a server that is told to: it sends its clients away, writes down what others need, and stops."""
        self.world.task(self._leave())

    async def _leave(self) -> None:
        await Draining(self.app.hub, _DRAINED, 10.0).wait()
        await self.app.stop()

    def kill(self) -> None:
        """End it between two instructions: nobody is told by it, and nothing is tidied up."""
        self.world.death()
        for end in [*self._lines]:
            end.heard, end.closed = _deaf, _silent
            end._pipe.abandon(end)
        self._lines.clear()


def _deaf(_: Any) -> None:
    """Hear nothing any more."""


def _silent() -> None:
    """Learn nothing any more."""
