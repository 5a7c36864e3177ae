"""Several nodes of one application on one broker, in one virtual time, and what may happen to them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from everywire.app import Everywire
from everywire.brokers.memory import MemoryBroker
from everywire.client.hub import Client
from everywire.testing.client import MemoryClient
from everywire.testing.clock import VirtualLoop, virtual_world
from everywire.testing.dialling import Dialling
from everywire.testing.net import Net
from everywire.testing.shared import SharedBroker

__all__ = ["Cluster"]

_SECRET = "the same at every node of a cluster in memory"


class Cluster:
    """Runs `count` nodes of the application that `make` makes, each an application of its own; `seed` decides every id and every choice.

    Use it as a context manager:

        with Cluster(make_app, 3) as cluster:
            ann = cluster.nodes[0].connect()
            cluster.kill(1)
            cluster.run(10)

    The broker is in memory and no node's own: its logs, presence and records outlive every node. An application that chose a broker itself keeps that.

    Invariants: `nodes` keeps its order; a node that was killed stays in it until another one is started in its place.
    """

    def __init__(self, make: Callable[[], Everywire], count: int = 2, seed: int = 0) -> None:
        if count < 1:
            raise ValueError("a cluster has at least one node")
        self.loop = VirtualLoop()
        self.nodes: list[Net] = []
        self._make = make
        self._dice = Random(seed)
        world = virtual_world(self.loop, seed)
        memory = MemoryBroker(world.now, world.new_id, later=world.later, alone=False)
        self.broker = SharedBroker(memory)
        try:
            self.nodes = [self._node() for _ in range(count)]
        except BaseException:
            self.loop.close()
            raise
        self.dialling = Dialling(self.nodes[0], seed)
        self.dialling.reach = self._any

    def _node(self) -> Net:
        app = self._make()
        app.default_broker = self.broker.view
        app.default_secret = _SECRET
        return Net(app, self._dice.getrandbits(32), loop=self.loop)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: Any) -> None:
        for net in self.nodes:
            net.__exit__()
        self.loop.end_tasks()
        self.loop.close()

    def run(self, seconds: float = 0.001) -> None:
        """Let time pass, for all."""
        self.loop.run(seconds)

    # Clients.

    def connect(self, **fields: Any) -> MemoryClient:
        """Give a connected client of a node that lives, by chance; `fields` go into its `connect`."""
        net = self._any()
        if net is None:
            raise ConnectionRefusedError("no node lives")
        return net.connect(**fields)

    def client(self, **options: Any) -> Client:
        """Make a real client, which finds a node that lives whenever it has to; `options` are those of `ClientOptions`."""
        return self.dialling.client(**options)

    def _any(self) -> Net | None:
        alive = [net for net in self.nodes if net.alive]
        return self._dice.choice(alive) if alive else None

    # What may happen.

    def kill(self, number: int) -> None:
        """End a node as SIGKILL would: it tells nobody, its places and claims last until their lease is over, its connections are lost."""
        net = self.nodes[number]
        view = self._view(net)
        net.kill()
        if view is not None:
            self.broker.forget(view)
        for cable in self.dialling.all:
            if cable.net is net:
                cable.abandon()

    def start(self, number: int) -> Net:
        """Start another node in the place of one that was killed."""
        if self.nodes[number].alive:
            raise ValueError(f"node {number} lives")
        net = self.nodes[number] = self._node()
        return net

    def cut(self, number: int | None = None) -> None:
        """Have a node lose its broker, or all of them theirs: it hears nothing, and every question fails."""
        for view in self._views(number):
            view.cut()

    def heal(self, number: int | None = None) -> None:
        """Give a node its broker again, or all of them theirs; each is told that it may have missed something."""
        for view in self._views(number):
            view.heal()

    def _views(self, number: int | None) -> list[Any]:
        nets = self.nodes if number is None else [self.nodes[number]]
        return [view for net in nets if net.alive and (view := self._view(net)) is not None]

    def _view(self, net: Net) -> Any:
        return next((view for view in self.broker.views if net.alive and net.app.hub.broker is view), None)
