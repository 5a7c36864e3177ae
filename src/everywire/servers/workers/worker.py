"""A worker, from the inside: what its supervisor gave it, and what it asks of it."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

import msgspec

from everywire.brokers.base import Broker
from everywire.brokers.local import LocalBroker, connector
from everywire.gateway import Gateway
from everywire.hub.world import World
from everywire.metrics import Metrics
from everywire.servers.here import Leaves, Leaving
from everywire.servers.websocket import Server
from everywire.servers.workers.control import Adopt, Control, Drain, Drained, Message, Ready, Release
from everywire.servers.workers.ports import Ports
from everywire.servers.workers.reach import Reach

__all__ = ["ENVIRONMENT", "Given", "Worker"]

ENVIRONMENT: Final = "EVERYWIRE_WORKER"


class Given(msgspec.Struct, frozen=True):
    """What a worker is given: its slot, the folder with the broker's socket, and descriptors.

    `listening` are its own slot's sockets; `spare` those of the other slots, by slot, for when their workers are not there.
    """

    slot: int
    folder: str
    control: int
    listening: tuple[int, ...]
    spare: dict[int, tuple[int, ...]] = {}

    @property
    def broker(self) -> Path:
        """Where the broker listens."""
        return Path(self.folder) / "broker"


class Worker:
    """The worker that this process is.

    Invariants: `told` is set once it has to end; `drain` says how then; `_members` are those who have clients, `_leaving` there once they let them go.
    """

    def __init__(self, given: Given) -> None:
        self.given: Final = given
        self.told: Final = asyncio.Event()
        self.ports: Final = Ports(Path(given.folder))
        self.drain = Drain(0, 1000)
        self._links = itertools.count()
        self._members: list[Leaves] = []
        self._leaving: list[Leaving] = []
        self._server: Server | None = None
        self._control: Control | None = None
        self._reach: Reach | None = None
        self._adopting: asyncio.Future[None] | None = None
        self._adopted: dict[int, list[socket.socket]] = {}

    @classmethod
    def found(cls, environ: MutableMapping[str, str]) -> Worker | None:
        """Give the worker that the environment says this process is; taken out of there, since a child of it is none."""
        said = environ.pop(ENVIRONMENT, None)
        return None if said is None else cls(msgspec.json.decode(said, type=Given))

    @property
    def folder(self) -> Path:
        """Where the workers of this server find each other."""
        return Path(self.given.folder)

    def sockets(self) -> list[socket.socket]:
        """Give its own listening sockets."""
        return [socket.socket(fileno=number) for number in self.given.listening]

    def broker(self, world: World, metrics: Metrics) -> Broker:
        """Make the broker: that of all workers. Each application of the process has a link of its own."""
        loop = asyncio.get_running_loop()
        name = f"{self.given.slot}.{os.getpid()}.{next(self._links)}"
        return LocalBroker(connector(str(self.given.broker), loop), loop, name, metrics=metrics)

    def join(self, member: Leaves) -> None:
        """Have the clients of `member` let go of at the end."""
        self._members.append(member)

    def leave(self, member: Leaves) -> None:
        """Learn that one has ended by itself."""
        if member in self._members:
            self._members.remove(member)

    async def begin(self, server: Server, ready: Ready, gateway: Gateway | None = None) -> None:
        """Be there for the other workers, if `server` is that of a gateway, then tell the supervisor that clients are welcome."""
        self._server = server
        if gateway is not None:
            self._reach = await Reach.open(self.folder, server, gateway)
        sock = socket.socket(fileno=self.given.control)
        self._control = await Control.over(sock, self._hear, self._alone)
        self._control.say(ready)

    def _alone(self) -> None:
        """End without a supervisor: nobody would ever restart or stop this process."""
        self.told.set()

    def _hear(self, message: Message) -> None:
        match message:
            case Drain():
                self.drain = message
                self.told.set()
                for each in self._leaving:
                    each.hasten(message.window, message.pace, message.finish)
            case Adopt(slot=slot):
                self._adopting = asyncio.ensure_future(self._adopt(slot))
            case Release(slot=slot):
                for sock in self._adopted.pop(slot, ()):
                    assert self._server is not None
                    self._server.refrain(sock)

    async def _adopt(self, slot: int) -> None:
        assert self._server is not None
        if slot in self._adopted or self.told.is_set():
            return
        socks = [socket.socket(fileno=os.dup(number)) for number in self.given.spare.get(slot, ())]
        self._adopted[slot] = socks
        for sock in socks:
            await self._server.listen(sock)

    async def end(self) -> None:
        """Stop listening, and let the clients go in the time that the supervisor gives; their requests by other workers still come."""
        assert self._server is not None
        for member in self._members:
            member.refrain()  # from new clients on connections that are kept alive, too
        for sock in [*self._server.sockets, *(sock for adopted in self._adopted.values() for sock in adopted)]:
            self._server.refrain(sock)
        drain = self.drain
        self._leaving = [each.leaving(drain.window, drain.pace, drain.finish) for each in self._members]
        gone = sum(await asyncio.gather(*[each.wait() for each in self._leaving]))
        if self._control is not None:
            self._control.say(Drained(gone))
        if self._reach is not None:
            self._reach.close()
