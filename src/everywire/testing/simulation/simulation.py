"""One simulated run: drawn from a seed, played to its end, checked."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from everywire.app import Everywire
from everywire.brokers.base import Query, Retention
from everywire.brokers.local import LocalBroker
from everywire.brokers.local.client import Patience
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat, Position
from everywire.testing.checker import Fault, check
from everywire.testing.clock import VirtualLoop, passed
from everywire.testing.simulation.authority import Authority, _deaf, _silent
from everywire.testing.simulation.client import SimulatedClient
from everywire.testing.simulation.network import End, Network
from everywire.testing.simulation.node import MortalWorld, Node

__all__ = ["Plan", "Simulation", "simulate"]

SECRET = "the same at every node"  # so that sessions go on at any of them
SETTINGS = Settings(linger=1.5, heartbeat=Heartbeat(3.0, 1.5), lease=3.0, connect_deadline=3.0, max_held=64)
PATIENCE = Patience(answer=1.0, beat=1.0, silence=2.5)
_REST = 15.0  # seconds without faults after which everything has to be well


_WEIGHTS = {
    "publish": 24,
    "wait": 16,
    "cut": 4,
    "freeze": 2,
    "forget": 1,
    "kill": 2,
    "unlink": 2,
    "stall": 1,
    "lose": 1,
    "flush": 1,
    "slow": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run consists of; `weights` say how often each thing happens."""

    nodes: int = 2
    clients: int = 3
    channels: int = 1
    steps: int = 40
    history: int = 12
    ttl: float = 8.0
    page: int = 1000
    weights: Mapping[str, int] = field(default_factory=lambda: _WEIGHTS)

    @classmethod
    def drawn(cls, seed: int) -> Plan:
        """Give the plan of a seed: most runs are ordinary, some are lopsided."""
        dice = random.Random(~seed)
        return cls(
            nodes=dice.choice((1, 2, 2, 3)),
            clients=dice.choice((2, 3, 3, 4)),
            channels=dice.choice((1, 1, 2)),
            steps=dice.choice((20, 30, 40, 50)),
            history=dice.choice((3, 12, 12, 40)),
            ttl=dice.choice((2.0, 8.0, 60.0)),
            page=dice.choice((2, 5, 1000, 1000)),
        )


class Simulation:
    """Nodes, their broker, the network and clients, all drawn from one seed.

    Invariants: there is always a node that lives; nothing outside the seed decides anything.
    """

    def __init__(self, seed: int, plan: Plan) -> None:
        self.seed: Final = seed
        self.plan: Final = plan
        self.dice: Final = random.Random(seed)
        self.loop: Final = VirtualLoop()
        self.network: Final = Network(self.loop, self.dice)
        self.authority: Final = Authority(self.network, self.loop, self.dice)
        self.nodes: list[Node] = []
        self._born = 0
        self.channels: Final = [f"room:{number}" for number in range(plan.channels)]
        self.clients: list[SimulatedClient] = []
        self.losses: list[tuple[str, float]] = []  # which channel's log was lost, and when

    def start_node(self) -> Node:
        """Start one more node."""
        self._born += 1
        name = f"node {self._born}"
        world = MortalWorld(self.loop, self.dice)

        def broker(*_: Any) -> LocalBroker:
            return LocalBroker(self.authority.connector(name, world), self.loop, name, PATIENCE)

        app = Everywire(settings=replace(SETTINGS, max_page=self.plan.page), broker=broker, secret=SECRET)
        app.channel("room:{name}", history=self.plan.history, ttl=self.plan.ttl, presence=True)
        node = Node(name, app, world, self.loop)
        self.nodes.append(node)
        return node

    def dial(self, _: SimulatedClient) -> End | None:
        """Give a client a connection to some node."""
        node = self.dice.choice(self.nodes)
        near, far = self.network.pipe().ends
        node.accept(far)
        return near

    # Faults.

    def step(self, kind: str) -> None:
        """Let one thing happen."""
        client = self.dice.choice(self.clients)
        match kind:
            case "publish":
                for _ in range(self.dice.choice((1, 1, 2, 5))):
                    client.publish(self.dice.choice(self.channels))
            case "cut" | "freeze" if client.end is not None:
                getattr(client.end._pipe, kind)()
            case "forget":
                client.forget()
            case "kill":
                self._kill(self.dice.choice(self.nodes))
            case "unlink":
                self._break_link("cut")
            case "stall":  # the link to the broker is dead, and nobody knows
                self._break_link("freeze")
            case "lose":
                self.authority.kill()
                self.losses += [(channel, self.loop.time()) for channel in self.channels]
            case "flush":
                channel = self.dice.choice(self.channels)
                self.authority.memory.forget(channel)
                self.losses.append((channel, self.loop.time()))
            case "slow":
                self.network.slow = self.dice.choice((1.0, 1.0, 20.0))

    def _break_link(self, how: str) -> None:
        """Break some node's link to the broker."""
        if self.authority.links:
            name = self.dice.choice([*self.authority.links])
            getattr(self.authority.links[name]._pipe, how)()

    def _kill(self, node: Node) -> None:
        self.nodes.remove(node)
        link = self.authority.links.pop(node.name, None)
        node.kill()
        if link is not None:
            link.heard, link.closed = _deaf, _silent
            link._pipe.abandon(link)
        self.start_node()

    # The run.

    def run(self) -> list[Fault]:
        """Play it, let everything come to rest, and give every broken promise."""
        with self.loop:
            self.loop.run_until_complete(self._play())
            faults = self._faults()
            self.loop.run_until_complete(self._end_all())
        return faults

    async def _play(self) -> None:
        plan, dice = self.plan, self.dice
        for _ in range(plan.nodes):
            self.start_node()
        for number in range(plan.clients):
            self.clients.append(SimulatedClient(f"client {number}", self.channels, self.loop, dice, self.dial))
        for kind in dice.choices([*plan.weights], [*plan.weights.values()], k=plan.steps):
            if kind == "wait":
                await passed(dice.choice((0.0, 0.003, 0.02, 0.1, 0.5, 2.0)))
            else:
                self.step(kind)
        self.network.slow = 1.0
        await passed(_REST)

    async def _end_all(self) -> None:
        for client in self.clients:
            client.stop()
        for node in self.nodes:
            node.kill()
        await passed(0.001)

    def _faults(self) -> list[Fault]:
        logs = [follow.log for client in self.clients for follow in client.follows.values()]
        published = [each for client in self.clients for each in client.published]
        ends = {
            follow.log.client: self._end(channel)
            for client in self.clients
            for channel, follow in client.follows.items()
        }
        faults = check(logs, published, ends, said_again=self._said_again())
        faults += [Fault("refused", client.name, reason) for client in self.clients for reason in client.refused]
        faults += [
            Fault("P6", client.name, f"{client.unanswered} publications are not answered")
            for client in self.clients
            if client.unanswered
        ]
        return faults + self._presence()

    def _said_again(self) -> set[tuple[str, int]]:
        """Give what was said and not answered when its channel's log was lost."""
        return {
            (client.name, number)
            for client in self.clients
            for channel, number, said, answered in client.waits
            if any(lost == channel and said <= when <= answered for lost, when in self.losses)
        }

    def _end(self, channel: str) -> Position:
        try:
            self.authority.memory.read(channel, Query(limit=0), Retention(self.plan.history, self.plan.ttl)).send(None)
        except StopIteration as end:
            position: Position = end.value.position
            return position
        raise AssertionError("a broker in memory never waits")

    def _presence(self) -> list[Fault]:
        """Compare who is there with who the broker, and each client, believe is there."""
        there = {client.session for client in self.clients}
        faults = []
        for channel in self.channels:
            listed = self.authority.memory._places.members(channel)
            beliefs = {"the broker": {member.session for member in listed}}
            beliefs |= {each.name: each.follows[channel].members for each in self.clients}
            faults += [
                Fault("presence", who, f"believes {sorted(believed)} in {channel}, not {sorted(there)}")
                for who, believed in beliefs.items()
                if believed != there
            ]
        return faults

    def digest(self) -> str:
        """Give the fingerprint of all that happened: the same seed and code give the same."""
        said = hashlib.sha256()
        for client in self.clients:
            for follow in client.follows.values():
                said.update(repr((client.session, follow.log)).encode())
            said.update(repr(client.published).encode())
        return said.hexdigest()


def simulate(seed: int, plan: Plan | None = None) -> list[Fault]:
    """Play the run of `seed` and give every broken promise."""
    return Simulation(seed, plan or Plan.drawn(seed)).run()
