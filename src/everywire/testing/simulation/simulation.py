"""One simulated run: drawn from a seed, played to its end, judged."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from everywire.app import Everywire
from everywire.brokers.local import LocalBroker
from everywire.brokers.local.client import Patience
from everywire.hub.hooks import Connecting
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing.checker import Fault
from everywire.testing.clock import passed
from everywire.testing.simulation.authority import Authority, _deaf, _silent, kept_of_a_map
from everywire.testing.simulation.client import SimulatedClient, Surroundings
from everywire.testing.simulation.follow import Follow
from everywire.testing.simulation.judge import Judge
from everywire.testing.simulation.loop import SimulatedLoop
from everywire.testing.simulation.network import End, Network
from everywire.testing.simulation.node import MortalWorld, Node
from everywire.testing.simulation.plan import Plan, Step, draw

__all__ = ["Simulation", "simulate"]

SECRET = "the same at every node"  # so that sessions go on at any of them
SETTINGS = Settings(
    linger=1.5, heartbeat=Heartbeat(3.0, 1.5), lease=3.0, connect_deadline=3.0, max_held=64, check_every=2.0
)
PATIENCE = Patience(answer=1.0, beat=1.0, silence=2.5)
_REST = 12.0  # seconds without faults after which everything has to be well
_CALM = 0.7  # seconds in which everybody is told what is published then
_ENTRIES = 3  # of a keyed channel; one more is refused, and what was removed before that many others is forgotten
_GRACE = 1.0  # seconds in which a user may come back
_POLICIES = (
    {"kind": "latest", "interval": 100},
    {"kind": "latest", "interval": 0},
    {"kind": "sample", "interval": 100},
    {"kind": "drop_oldest", "size": 2},
)


class Simulation:
    """Nodes, their broker, the network and clients, all drawn from one seed.

    It is played step by step: `begin`, any number of steps by `play`, `finish`. Invariants: there is always a node that lives; nothing
    outside the seed and the steps decides anything.
    """

    def __init__(self, seed: int, plan: Plan) -> None:
        self.seed: Final = seed
        self.plan: Final = plan
        self.dice: Final = random.Random(seed)
        self.loop: Final = SimulatedLoop()
        self.network: Final = Network(self.loop, self.dice)
        self.authority: Final = Authority(self.network, self.loop, self.dice, plan.history)
        self.nodes: list[Node] = []
        self.leaving: list[Node] = []
        self.clients: list[SimulatedClient] = []
        self.losses: list[tuple[str, float]] = []  # which channel's log was lost, and when
        self._born = 0

    def start_node(self) -> Node:
        """Start one more node."""
        self._born += 1
        name = f"node {self._born}"
        world = MortalWorld(self.loop, self.dice)

        def broker(*_: Any) -> LocalBroker:
            return LocalBroker(self.authority.connector(name, world), self.loop, name, PATIENCE)

        app = Everywire(settings=replace(SETTINGS, max_page=self.plan.page), broker=broker, secret=SECRET)
        app.on_connect(_user)
        kept: Any = {"history": self.plan.history, "ttl": self.plan.ttl}
        app.channel("room:{name}", presence=True, **kept)
        app.channel("desk:{name}", presence="users", leave_after=_GRACE, **kept)
        kept["history"] = kept_of_a_map(self.plan.history)
        app.channel("map:{name}", presence=True, keyed=True, entries=_ENTRIES, **kept)
        node = Node(name, app, world, self.plan.crowd)
        self.nodes.append(node)
        return node

    def dial(self, _: SimulatedClient) -> End | None:
        """Give a client a connection to some node."""
        node = self.dice.choice(self.nodes)
        near, far = self.network.pipe().ends
        node.accept(far)
        return near

    def _client(self, number: int) -> SimulatedClient:
        dice, plan = self.dice, self.plan
        follows = [
            Follow(f"client {number}", name, dice.choice(_POLICIES) if dice.random() < plan.paced else None)
            for name in plan.channels
        ]
        shared = number < 2  # two are one user
        surroundings = Surroundings(self.loop, dice, self.authority, shared)
        return SimulatedClient(f"client {number}", follows, surroundings, self.dial)

    # What happens.

    def act(self, step: Step) -> None:
        """Let one step but "wait" happen."""
        match step:
            case ("publish", client, channel, count):
                for _ in range(count):
                    self._publish(_of(self.clients, client), _of(self.plan.channels, channel))
            case ("cut" | "freeze" as how, client) if (end := _of(self.clients, client).end) is not None:
                getattr(end._pipe, how)()
            case ("crowd", client, factor) if (end := _of(self.clients, client).end) is not None:
                end._pipe.slow = factor
            case ("forget", client):
                _of(self.clients, client).forget()
            case ("kill", node):
                self._kill(_of(self.nodes, node))
            case ("drain", node):
                self._drain(_of(self.nodes, node))
            case ("unlink", node):
                self._break_link(node, "cut")
            case ("deafen", node):  # the link is dead, and nobody knows
                self._break_link(node, "freeze")
            case ("stall", seconds):
                self.authority.stall(seconds)
            case ("lose",):
                self.authority.kill()
                self.losses += [(channel, self.loop.time()) for channel in self.plan.channels]
            case ("flush", channel):
                name = _of(self.plan.channels, channel)
                self.authority.memory.forget(name)
                self.losses.append((name, self.loop.time()))
            case ("slow", factor):
                self.network.slow = factor

    def _publish(self, client: SimulatedClient, channel: str) -> None:
        dice, fields = self.dice, dict[str, Any]()
        if channel.startswith("map"):
            entry = fields["entry"] = f"e{dice.randrange(5)}"
            if dice.random() < 0.3:
                fields["expect"] = client.follows[channel].map.get(entry, 0)
            if dice.random() < 0.35:
                fields["remove"] = True
        elif dice.random() < self.plan.private:
            other = dice.choice(self.clients)
            audiences: list[dict[str, Any]] = [
                {"exclude": [client.session, other.session]},
                {"to": {"session": other.session}},
                {"to": {"user": other.user}},
            ]
            fields = dice.choice(audiences)
        client.publish(channel, **fields)

    def _break_link(self, node: int, how: str) -> None:
        link = self.authority.links.get(_of(self.nodes, node).name)
        if link is not None:
            getattr(link._pipe, how)()

    def _kill(self, node: Node) -> None:
        self.nodes.remove(node)
        self._bury(node)
        self.start_node()

    def _drain(self, node: Node) -> None:
        self.nodes.remove(node)
        self.leaving.append(node)
        self.start_node()
        node.drain()

    def _bury(self, node: Node) -> None:
        link = self.authority.links.pop(node.name, None)
        node.kill()
        if link is not None:
            link.heard, link.closed = _deaf, _silent
            link._pipe.abandon(link)

    # The run.

    def run(self, steps: Iterable[Step]) -> list[Fault]:
        """Play it, let everything come to rest, and give every broken promise."""
        with self.loop:
            self.begin()
            self.play(steps)
            return self.finish()

    def begin(self) -> None:
        """Start nodes and clients."""
        self.loop.run_until_complete(self._begin())

    def play(self, steps: Iterable[Step]) -> None:
        """Let `steps` happen one after another."""
        self.loop.run_until_complete(self._play(steps))

    def finish(self) -> list[Fault]:
        """Let everything come to rest, judge, and end it."""
        return self.loop.run_until_complete(self._finish())

    async def _begin(self) -> None:
        for _ in range(self.plan.nodes):
            self.start_node()
        for number in range(self.plan.clients):
            self.clients.append(self._client(number))

    async def _play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step[0] == "wait":
                await passed(step[1])
            else:
                self.act(step)

    async def _finish(self) -> list[Fault]:
        self.network.slow = 1.0
        for client in self.clients:
            if client.end is not None:
                client.end._pipe.slow = 1.0
        await passed(_REST)
        faults = await self._calm()
        for client in self.clients:
            client.stop()
        for node in [*self.nodes, *self.leaving]:
            self._bury(node)
        await passed(0.001)
        return faults

    async def _calm(self) -> list[Fault]:
        """Have everybody publish once more, while nothing disturbs anything: that is told at once, and nothing needs repair."""
        before = self._repairs()
        for channel in self.plan.channels:
            entry = {"entry": next(iter(self.authority.entries(channel)), "e0")}
            for client in self.clients:
                client.publish(channel, **(entry if channel.startswith("map") else {}))
        await passed(_CALM)
        faults = Judge(self.authority, self.clients, self.plan.channels, self.losses).faults()
        if (needed := self._repairs() - before) > 0:
            faults.append(Fault("calm", "the nodes", f"{needed} repairs, and nothing was lost"))
        return faults

    def _repairs(self) -> int:
        return sum(node.app.metrics.repairs for node in self.nodes)

    def digest(self) -> str:
        """Give the fingerprint of all that happened: the same seed and code give the same, in any process."""
        said = hashlib.sha256()
        for client in self.clients:
            said.update(repr((client.session, client.heard, client.published)).encode())
            said.update(repr([follow.log for follow in client.follows.values()]).encode())
        return said.hexdigest()


def _user(connecting: Connecting) -> str | None:
    return connecting.token


def _of(things: Any, number: int) -> Any:
    return things[number % len(things)]


def simulate(seed: int, plan: Plan | None = None, steps: Iterable[Step] | None = None) -> list[Fault]:
    """Play the run of `seed`, or `steps` with its dice, and give every broken promise."""
    plan = plan or Plan.drawn(seed)
    return Simulation(seed, plan).run(draw(seed, plan) if steps is None else steps)
