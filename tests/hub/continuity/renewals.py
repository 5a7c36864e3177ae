"""Schedules of clients that remember one order, on nodes with links to one authority; and what must hold after each.

Steps are plain tuples:

    ("publish", channel)      another number
    ("ephemeral", channel)    one that is kept nowhere
    ("join", who, channel)    the server subscribes a client
    ("remove", who, channel)  the server unsubscribes it
    ("leave", who, channel)   a client gives a channel up
    ("take", who, n)          it receives at most n events
    ("drop", who)             it loses its line, and what was on its way
    ("vanish", who)           the same, and the server does not notice
    ("come", who, node)       it comes back, to any node
    ("wait", seconds)         time passes
    ("forget", channel)       the authority loses one log
    ("cut", node)             a node loses its link, and makes another
    ("kill", node)            a node dies between two instructions, and another takes its place
    ("restart",)              the authority dies, and begins with nothing
"""

import random
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

from tests.brokers.local.lines import Lines
from tests.hub.continuity.reasons import MOMENT, Reasons
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
    """One schedule: `truth` has the order of everything that was ever published, by channel, epoch and offset; `times` when each was."""

    def __init__(self, seed: int) -> None:
        self.loop, self.dice = VirtualLoop(), random.Random(seed)
        self.world = virtual_world(self.loop, seed)
        self.truth: dict[tuple[str, str, int], int] = {}
        self.times: dict[tuple[str, int], float] = {}
        self.reasons = Reasons(self)
        self._begin()
        self.lines = Lines(self.loop, lambda: self.host.join(), delay=lambda: self.dice.choice((0.001, 0.001, 0.02)))
        self.names = count(0)
        self.nets = [self._node() for _ in range(NODES)]
        self.loop.run(0.2)
        self.clients = [Remembering() for _ in range(CLIENTS)]
        self.reasons.watch()
        self.joined: dict[tuple[int, str], float] = {}
        self.parted: dict[tuple[int, str], float] = {}
        self.numbers = count(1)

    def _begin(self) -> None:
        self.memory = MemoryBroker(self.loop.time, self.world.new_id, later=self.loop.call_later, alone=False)
        self.host = Host(self.memory, self.world)
        tell = self.memory._tell

        def note(news: Any) -> None:
            if isinstance(news, Publication) and news.position is not None:
                self.truth[news.channel, news.position.epoch, news.position.offset] = news.order
                self.times[news.era, news.order] = self.loop.time()
            tell(news)

        get = self.memory._records.get

        def seen(name: str) -> Any:
            found = get(name)
            self.reasons.read(name, found)
            return found

        self.memory._tell = note  # type: ignore[method-assign]
        self.memory._records.get = seen  # type: ignore[method-assign]

    def _node(self) -> Net:
        number = next(self.names)
        settings = Settings(linger=3, max_page=4, check_every=1.0, heartbeat=Heartbeat(1e6, 10))

        def broker(world: Any, metrics: Any) -> Any:
            def connect(receiver: Any) -> None:
                if not world.dead:
                    self.lines.connect(receiver)

            return LocalBroker(connect, self.loop, f"node {number}", metrics=metrics)

        app = Everywire(broker=broker, settings=settings, secret="the same at all nodes")
        app.channel("{name}", history=HISTORY)
        net = Net(app, number, loop=self.loop)
        net.app.hub.remove = self._removing(net.app.hub.remove)  # type: ignore[method-assign]
        return net

    def _removing(self, remove: Any) -> Any:
        def noted(subscription: Any, reason: str) -> None:
            for client in self.clients:
                if (
                    client.lives
                    and client.life.session == subscription.session.id
                    and not subscription.session.attachment
                ):
                    client.owed()
                    client.removed(subscription.channel.name)
            remove(subscription, reason)

        return noted

    def step(self, step: Step) -> None:
        match step:
            case ("publish", channel):
                self.start(self.nets[0].app.publish(channel, next(self.numbers)))
            case ("ephemeral", channel):
                self.start(self.nets[0].app.publish(channel, next(self.numbers), ephemeral=True))
            case ("join", who, channel) if self.clients[who].lives:
                self.joined[who, channel] = self.loop.time()
                self.start(self.nets[1].app.subscribe(channel, session=self.clients[who].life.session))
            case ("remove", who, channel) if self.clients[who].lives:
                self.parted[who, channel] = self.loop.time()
                self.start(self.nets[1].app.unsubscribe(None, channel, session=self.clients[who].life.session))
            case ("wait", seconds):
                self.loop.run(seconds)
            case ("forget", channel):
                self.memory.forget(channel)
            case ("cut", node):
                self.lines.made[node].cut() if node < len(self.lines.made) else None
            case ("kill", node):
                self._kill(node)
            case ("restart",):
                self.host.close()
                self._begin()
            case _:
                self._of_client(step)
        self.reasons.note(step)
        for client in self.clients:
            client.owed()

    def _of_client(self, step: Step) -> None:
        client = self.clients[step[1]]
        match step:
            case ("leave", _, channel) if client.lives and channel in client.life.at:
                client.life.leaving.add(channel)
                self.parted[step[1], channel] = self.loop.time()
                client.say(Unsubscribe(1, channel))
            case ("take", _, most):
                client.take(most)
            case ("drop", _):
                client.drop()
            case ("vanish", _):
                client.vanish()
            case ("come", _, node) if not client.connected:
                self._come(client, self.nets[node])

    def _come(self, client: Remembering, net: Net) -> None:
        self.reasons.begun(client)
        client.connect(net)

    def _kill(self, node: int) -> None:
        net, broker = self.nets[node], self.nets[node].app.hub.broker
        net.kill()
        for line in self.lines.made:
            if line.near.receiver is broker:
                line.cut()
                line.near.receiver = _Nobody()
        for client in self.clients:
            if client.connected and client.attachment in net.app.hub.attachments:
                client.vanish()
        self.nets[node] = self._node()

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
        self.step(("wait", MOMENT))
        for _ in range(8):
            for client in self.clients:
                if not client.connected:
                    self._come(client, self.nets[self.dice.randrange(NODES)])
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
        # It was given up, and it was not told, or read what came before that after it; or it was subscribed while its line was dead, on a
        # node that died before it could say so.
        unsaid = {
            each for each in CHANNELS if self.parted.get((number, each), -1.0) > self.joined.get((number, each), -1.0)
        }
        unsaid |= client.life.leaving | (client.life.late if self.reasons.killed else set())
        for channel in unsaid - {*session.subscriptions}:
            client.life.at.pop(channel, None)
        for channel, at in client.life.at.items():
            log = self.memory._logs.get(channel)
            if log is None or (at.epoch, at.offset) != (log.epoch, log.top):
                found.append(f"client {number} is at {at} of {channel}, not at {log and log.position}")
        for channel in {*session.subscriptions} ^ {*client.life.at}:
            found.append(f"client {number} and the server do not agree on {channel}")
        if not self.reasons.killed:  # or what it gave up may not have been written down in time
            told = {each for each in client.life.ghosts & {*session.subscriptions} if not self._wanted(number, each)}
            found += [f"client {number} is told {channel}, where it is not" for channel in told]
        return found

    def _wanted(self, number: int, channel: str) -> bool:
        """Say whether a client was last subscribed to a channel, and not unsubscribed, as far as that can be told apart."""
        return self.joined.get((number, channel), -1.0) > self.parted.get((number, channel), -1.0) - MOMENT

    def _has(self, net: Net, client: Remembering) -> bool:
        return client.life.session in net.app.hub.sessions


class _Nobody:
    """Receives nothing any more, as a node that was killed."""

    def received(self, data: bytes) -> None: ...

    def lost(self) -> None: ...


def _twice(client: Remembering) -> list[Any]:
    told = [[bytes(data) for data in life.data] for life in client.lives]
    return [data for life in told for data in {*life} if life.count(data) > 1]


def play(steps: Sequence[Step], seed: int) -> tuple[list[str], Counter[str]]:
    """Play a schedule to its end; gives everything that is wrong, and how often somebody went on, or why not."""
    run = Play(seed)
    try:
        for step in steps:
            run.step(step)
        faults = run.settle()
        went_on = sum(getattr(event, "resumed", False) for client in run.clients for event in client.events)
        return [*faults, *run.reasons.faults], Counter({"went on": went_on}) + run.reasons.found
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
        "remove": (1, lambda: (who(), dice.choice(CHANNELS))),
        "take": (8, lambda: (who(), dice.randint(1, 6))),
        "drop": (4, lambda: (who(),)),
        "vanish": (2, lambda: (who(),)),
        "come": (9, lambda: (who(), dice.randrange(NODES))),
        "wait": (16, lambda: (dice.choice(WAITS),)),
        "kill": (0 if calm else 0.7, lambda: (dice.randrange(NODES),)),
        "forget": (0 if calm else 0.7, lambda: (dice.choice(CHANNELS),)),
        "cut": (0 if calm else 1, lambda: (dice.randrange(NODES + 2),)),
        "restart": (0 if calm else 0.3, lambda: ()),
    }
    kinds = dice.choices([*makers], [weight for weight, _ in makers.values()], k=length)
    return [(kind, *makers[kind][1]()) for kind in kinds]
