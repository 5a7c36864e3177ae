"""The broker of a simulation: the local broker's own host and clients, over the simulated network."""

from __future__ import annotations

import random
from typing import Final

from everywire.brokers.local.host import Bounds, Host
from everywire.brokers.local.link import Connect, Receiver
from everywire.brokers.memory import MemoryBroker
from everywire.messages import Member, Position
from everywire.testing.clock import VirtualLoop
from everywire.testing.simulation.network import End, Network
from everywire.testing.simulation.node import MortalWorld

__all__ = ["Authority", "PipeLink"]


class PipeLink:
    """One end of a simulated pipe as a link of the local broker."""

    def __init__(self, end: End, receiver: Receiver) -> None:
        self._end = end
        self._receiver = receiver
        end.heard = receiver.received
        end.closed = receiver.lost

    @property
    def queued(self) -> int:
        """Messages under way; their bytes are not counted."""
        return self._end.under_way

    def write(self, data: bytes) -> None:
        """Send `data`."""
        self._end.send(data)

    def close(self) -> None:
        """End it; the receiver learns of it, as of the end of a socket."""
        if self._end.open:
            self._end.close()
            self._receiver.lost()


class Authority:
    """Holds the logs until it is killed; then another takes its place, without them.

    Invariants: `memory` is the broker of the host that lives; `links` are the nodes' ends of what was connected, by the node's name.
    """

    def __init__(self, network: Network, loop: VirtualLoop, dice: random.Random, history: int = 0) -> None:
        self._network: Final = network
        self.history: Final = history
        self._loop: Final = loop
        self._dice: Final = dice
        self.links: Final[dict[str, End]] = {}
        self._accepted: list[End] = []
        self._owed: Final[dict[tuple[str, Position], float]] = {}
        self._begin()

    def _begin(self) -> None:
        self._world = MortalWorld(self._loop, self._dice)
        self.memory = MemoryBroker(self._world.now, self._world.new_id, later=self._world.later, alone=False)
        self._host = Host(self.memory, self._world, Bounds(silence=2.5))

    def connector(self, name: str, world: MortalWorld) -> Connect:
        """Give what connects the node called `name`, which lives in `world`."""

        def connect(receiver: Receiver) -> None:
            world.later(self._network.delay(), lambda: self._connect(name, receiver))

        return connect

    def _connect(self, name: str, receiver: Receiver) -> None:
        near, far = self._network.pipe().ends
        self.links[name] = near
        self._accepted.append(far)
        peer = self._host.join()
        peer.opened(PipeLink(far, peer))
        receiver.opened(PipeLink(near, receiver))

    def stall(self, seconds: float) -> None:
        """Stand still for a while: what is asked and told now comes late."""
        for end in self._accepted:
            end._pipe.held = self._loop.time() + seconds

    # What it knows, worked out from what it keeps in the plainest way: the broker's own judgement is what is tested.

    def end(self, channel: str) -> Position | None:
        """Give where the log of `channel` ends; None where it has none."""
        log = self.memory._logs.get(channel)
        return Position(log.epoch, log.top) if log is not None else None

    def owes(self, channel: str, since: Position) -> bool:
        """Say whether everything after `since` is kept."""
        owed = self._owes(channel, since)
        if owed:
            self._owed[channel, since] = self._loop.time()
        return owed

    def owed(self, channel: str, since: Position) -> float:
        """Say when somebody last asked and everything after `since` was kept; long ago where nobody did."""
        return self._owed.get((channel, since), float("-inf"))

    def _owes(self, channel: str, since: Position) -> bool:
        log = self.memory._logs.get(channel)
        if log is None or log.epoch != since.epoch:
            return False
        size = kept_of_a_map(self.history) if channel.startswith("map") else self.history
        latest = [*log.entries][max(0, len(log.entries) - size) :]
        alive = [each for deadline, each in latest if deadline > self._loop.time()]
        first = alive[0].position.offset if alive and alive[0].position is not None else log.top + 1
        return first - 1 <= since.offset <= log.top

    def remembers(self, session: str) -> bool:
        """Say whether the session has a record."""
        deadline, _ = self.memory._records._kept.get(f"session:{session}", (0.0, b""))
        return deadline > self._loop.time()

    def entries(self, channel: str) -> dict[str, int]:
        """Give the entries of a keyed channel, each with the offset that it was set at."""
        log = self.memory._logs.get(channel)
        last = log.keyed._last if log is not None and log.keyed is not None else {}
        return {name: each.position.offset for name, each in last.items() if not each.removed and each.position}

    def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        return self.memory._places.members(channel)

    def kill(self) -> None:
        """Lose all logs, places and records; another host takes over at once, and nodes find it."""
        self._world.death()
        accepted, self._accepted = self._accepted, []
        for end in accepted:
            end.heard, end.closed = _deaf, _silent
            end._pipe.abandon(end)
        self._begin()


def kept_of_a_map(history: int) -> int:
    """Give how many publications a keyed channel keeps where others keep `history`: it has its entries to recover from."""
    return history // 4


def _deaf(_: object) -> None:
    """Hear nothing any more."""


def _silent() -> None:
    """Learn nothing any more."""
