"""Schedules of clients that remember one order, on nodes with links to one authority; and what must hold after each.

Steps are plain tuples:

    ("publish", channel)      another number
    ("ephemeral", channel)    one that is kept nowhere
    ("join", who, channel)    the server subscribes a client
    ("leave", who, channel)   a client gives a channel up
    ("take", who, n)          it receives at most n events
    ("drop", who)             it loses its line, and what was on its way
    ("come", who, node)       it comes back, to any node
    ("wait", seconds)         time passes
    ("forget", channel)       the authority loses one log
    ("cut", node)             a node loses its link, and makes another
    ("restart",)              the authority dies, and begins with nothing
"""

import random
from collections.abc import Sequence
from itertools import count
from typing import Any

from tests.brokers.local.lines import Lines
from tests.hub.remembering import Remembering

from everywire.app import Everywire
from everywire.brokers.local import Host, LocalBroker
from everywire.brokers.memory import MemoryBroker
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat, Publication, Unsubscribe
from everywire.testing import Net, VirtualLoop, virtual_world

NODES = 2
CLIENTS = 2
CHANNELS = "abc"
HISTORY = 12
WAITS = (0.0003, 0.001, 0.001, 0.002, 0.003, 0.005, 0.02, 0.05, 0.3, 2.0)  # mostly shorter than a question takes
Step = tuple[Any, ...]


class Play:
    """One schedule: `truth` has the order of everything that was ever published, by channel, epoch and offset."""

    def __init__(self, seed: int) -> None:
        self.loop, self.dice = VirtualLoop(), random.Random(seed)
        self.world = virtual_world(self.loop, seed)
        self.truth: dict[tuple[str, str, int], tuple[int, int]] = {}
        self.gaps = 0  # losses that excuse a client whom a node had to begin anew
        self._begin()
        self.lines = Lines(self.loop, lambda: self.host.join(), delay=lambda: self.dice.choice((0.001, 0.001, 0.02)))
        self.nets = [self._node(n) for n in range(NODES)]
        self.loop.run(0.2)
        self.clients = [Remembering() for _ in range(CLIENTS)]
        self.numbers = count(1)

    def _begin(self) -> None:
        self.memory = MemoryBroker(self.loop.time, self.world.new_id, later=self.loop.call_later, alone=False)
        self.host = Host(self.memory, self.world)
        tell = self.memory._tell

        def note(news: Any) -> None:
            if isinstance(news, Publication) and news.position is not None:
                place = (news.channel, news.position.epoch, news.position.offset)
                self.truth[place] = (self.gaps, news.order)
            tell(news)

        self.memory._tell = note  # type: ignore[method-assign]

    def _node(self, number: int) -> Net:
        settings = Settings(linger=3, max_page=4, check_every=1.0, heartbeat=Heartbeat(1e6, 10))

        def broker(world: Any, metrics: Any) -> Any:
            return LocalBroker(self.lines.connect, self.loop, f"node {number}", metrics=metrics)

        app = Everywire(broker=broker, settings=settings, secret="the same at all nodes")
        app.channel("{name}", history=HISTORY)
        return Net(app, number, loop=self.loop)

    def step(self, step: Step) -> None:
        match step:
            case ("publish", channel):
                self.start(self.nets[0].app.publish(channel, next(self.numbers)))
            case ("ephemeral", channel):
                self.start(self.nets[0].app.publish(channel, next(self.numbers), ephemeral=True))
            case ("join", who, channel) if self.clients[who].lives:
                self.start(self.nets[1].app.subscribe(channel, session=self.clients[who].life.session))
            case ("leave", who, channel) if self.clients[who].lives and channel in self.clients[who].life.at:
                self.clients[who].life.leaving.add(channel)
                self.clients[who].say(Unsubscribe(1, channel))
            case ("take", who, most):
                self.clients[who].take(most)
            case ("drop", who):
                self.clients[who].drop()
            case ("come", who, node) if not self.clients[who].connected:
                self.clients[who].connect(self.nets[node])
            case ("wait", seconds):
                self.loop.run(seconds)
            case ("forget", channel):
                self.memory.forget(channel)
            case ("cut", node):
                self.lines.made[node].cut() if node < len(self.lines.made) else None
            case ("restart",):
                self.gaps += 1
                self.host.close()
                self._begin()

    def start(self, work: Any) -> None:
        """Have it done; where the link is lost it is not, and nobody minds."""

        async def quietly() -> None:
            try:
                await work
            except Exception:
                pass

        self.loop.create_task(quietly())

    def settle(self) -> list[str]:
        """Bring everybody home, publish once more everywhere, and give what is wrong."""
        for _ in range(8):
            for client in self.clients:
                if not client.connected:
                    client.connect(self.nets[self.dice.randrange(NODES)])
            self.loop.run(1.5)
            for client in self.clients:
                client.take()
        for channel in CHANNELS:
            self.step(("publish", channel))
        self.loop.run(3)
        for client in self.clients:
            client.take()
        return [fault for n, client in enumerate(self.clients) for fault in self._wrong(n, client)]

    def _wrong(self, number: int, client: Remembering) -> list[str]:
        found = [f"client {number}: {fault}" for fault in [*client.faults, *client.life.doubts]]
        if not client.connected:
            return [*found, f"client {number} is not there: {client.transport.closed}"]
        found += [f"client {number} was told {data!r} twice" for data in _twice(client)]
        for channel, at in [move for life in client.lives for move in life.moves]:
            if (channel, at.epoch, at.offset + 1) in self.truth:
                found.append(f"client {number} was not told what came after {at} of {channel}")
        (session,) = [net.app.hub.sessions[client.life.session] for net in self.nets if self._has(net, client)]
        leaving = client.life.leaving
        for channel, at in client.life.at.items():
            if channel in leaving:
                continue
            log = self.memory._logs.get(channel)
            if log is None or (at.epoch, at.offset) != (log.epoch, log.top):
                found.append(f"client {number} is at {at} of {channel}, not at {log and log.position}")
        for channel in ({*session.subscriptions} ^ {*client.life.at}) - leaving:
            found.append(f"client {number} and the server do not agree on {channel}")
        return found

    def _has(self, net: Net, client: Remembering) -> bool:
        return client.life.session in net.app.hub.sessions


def _twice(client: Remembering) -> list[Any]:
    told = [[bytes(data) for data in life.data] for life in client.lives]
    return [data for life in told for data in {*life} if life.count(data) > 1]


def play(steps: Sequence[Step], seed: int) -> tuple[list[str], int]:
    """Play a schedule to its end; gives everything that is wrong, and how often somebody went on."""
    run = Play(seed)
    try:
        for step in steps:
            run.step(step)
        faults = run.settle()
        went_on = sum(getattr(event, "resumed", False) for client in run.clients for event in client.events)
        return faults, went_on
    finally:
        for net in run.nets:
            net.kill()
        run.loop.end_tasks()
        run.loop.close()


def draw(seed: int, length: int = 120, *, calm: bool = False) -> list[Step]:
    """Draw a schedule; a `calm` one has no losses but those of lines, and too short a history."""
    dice = random.Random(seed)

    def who() -> int:
        return dice.randrange(CLIENTS)

    makers: dict[str, Any] = {
        "publish": (16, lambda: (dice.choice(CHANNELS),)),
        "ephemeral": (2, lambda: (dice.choice(CHANNELS),)),
        "join": (5, lambda: (who(), dice.choice(CHANNELS))),
        "leave": (1, lambda: (who(), dice.choice(CHANNELS))),
        "take": (8, lambda: (who(), dice.randint(1, 6))),
        "drop": (4, lambda: (who(),)),
        "come": (9, lambda: (who(), dice.randrange(NODES))),
        "wait": (16, lambda: (dice.choice(WAITS),)),
        "forget": (0 if calm else 1, lambda: (dice.choice(CHANNELS),)),
        "cut": (0 if calm else 1, lambda: (dice.randrange(NODES + 2),)),
        "restart": (0 if calm else 1, lambda: ()),
    }
    kinds = dice.choices([*makers], [weight for weight, _ in makers.values()], k=length)
    return [(kind, *makers[kind][1]()) for kind in kinds]
