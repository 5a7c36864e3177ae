"""Whatever happens between nodes and their authority: a session that goes on by its key has everything, and there is one of it in the end."""

import random
from itertools import count

import pytest
from tests.brokers.local.lines import Lines
from tests.hub.continuity.keys import Keyed

from everywire.app import Everywire
from everywire.brokers.local import Host, LocalBroker
from everywire.brokers.memory import MemoryBroker
from everywire.hub.settings import Settings
from everywire.messages import Connected, Heartbeat, Publication, Subscribe, Subscribed, Unsubscribed
from everywire.testing import Net, VirtualLoop, virtual_world

NODES = 2
CHANNELS = "ab"
WAITS = (0.0003, 0.001, 0.002, 0.005, 0.02, 0.05, 0.3, 1.0, 1.5, 4.0)
SEEDS, MORE = 15, 300


class Nobody:
    """Receives nothing any more, as a node that was killed."""

    def received(self, data): ...

    def lost(self): ...


class Follower(Keyed):
    """A client that notes, for each session that it has, where it was told to begin in each channel, and the offsets that it was told since."""

    def __init__(self, play, name):
        super().__init__(play, name, caught_up="")
        self.began, self.offsets = {}, {}

    def take(self, most=None):
        waiting = self.transport.outbox
        for event in [*waiting][: len(waiting) if most is None else most]:
            if isinstance(event, Connected) and not event.resumed:
                self.began, self.offsets = {}, {}  # it is another one
            elif isinstance(event, Publication):
                self.offsets.setdefault(event.channel, set()).add(event.position.offset)
            elif isinstance(event, Subscribed):
                self.began.setdefault(event.channel, event.position.offset)
            elif isinstance(
                event, Unsubscribed
            ):  # by a node that went on before it knew of that subscription: it is told so, and asks again
                self.began.pop(event.channel, None)
                self.offsets.pop(event.channel, None)
        return super().take(most)

    def ask(self):
        """Ask for the channels that it was not told to be in."""
        for channel in CHANNELS:
            if channel not in self.began and self.there:
                self.attachment.receive(Subscribe(2, channel))

    @property
    def there(self):
        return self.attachment.open and self.resumed is not None


class Play:
    """Nodes with links to one authority, on which everything takes its time; and clients that come and go, each with a key of its own."""

    def __init__(self, seed):
        self.loop, self.dice = VirtualLoop(), random.Random(seed)
        self.world = virtual_world(self.loop, seed)
        self.memory = MemoryBroker(self.loop.time, self.world.new_id, later=self.loop.call_later, alone=False)
        self.host = Host(self.memory, self.world)
        self.lines = Lines(self.loop, self.host.join, delay=lambda: self.dice.choice((0.001, 0.001, 0.02)))
        self.names, self.numbers = count(0), count(1)
        self.nets = [self.node() for _ in range(NODES)]
        self.loop.run(0.2)
        self.clients = [Follower(self, f"k{number}").connect(number) for number in range(2)]
        self.went_on = 0

    def node(self):
        number = next(self.names)

        def broker(world, metrics):
            return LocalBroker(
                lambda receiver: world.dead or self.lines.connect(receiver),
                self.loop,
                f"node {number}",
                metrics=metrics,
            )

        settings = Settings(linger=3, max_page=4, check_every=1.0, heartbeat=Heartbeat(1e6, 10))
        app = Everywire(broker=broker, settings=settings, secret="the same at all nodes")
        app.channel("{name}", history=1_000, presence=True)
        app.on_connect(lambda connecting: connecting.token)
        return Net(app, number, loop=self.loop)

    def run(self, seconds=0.05):
        self.loop.run(seconds)

    def quietly(self, work):
        async def done():
            try:
                await work
            except Exception:
                pass

        self.loop.create_task(done())

    def come(self, client):
        if client.attachment.open and self.dice.random() < 0.6:
            client.drop()  # else nobody notices
        client.connect(self.dice.randrange(NODES))
        self.went_on += client.resumed is True

    def kill(self):
        node = self.dice.randrange(NODES)
        net, broker = self.nets[node], self.nets[node].app.hub.broker
        net.kill()
        for line in self.lines.made:
            if line.near.receiver is broker:
                line.cut()
                line.near.receiver = Nobody()
        for client in self.clients:
            if client.net is net:
                client.transport.close(1006)
        self.nets[node] = self.node()

    def step(self):
        client = self.dice.choice(self.clients)
        match self.dice.choices(("publish", "take", "acknowledge", "come", "kill", "cut"), (16, 8, 6, 4, 0.5, 0.7))[0]:
            case "publish":
                self.quietly(self.nets[0].app.publish(self.dice.choice(CHANNELS), next(self.numbers)))
            case "take":
                client.take(self.dice.randint(1, 6)).ask()
            case "acknowledge":
                client.acknowledge()
            case "come":
                self.come(client)
            case "kill":
                self.kill()
            case "cut":
                self.lines.made[-self.dice.randint(1, min(3, len(self.lines.made)))].cut()
        self.run(self.dice.choice(WAITS))

    def settle(self):
        """Bring everybody home, and give what is wrong."""
        self.run(3)
        for _ in range(10):
            for client in self.clients:
                client.take().ask()
                if not client.there or client.transport.closed:
                    self.come(client)
            self.run(2)
        for channel in CHANNELS:
            self.quietly(self.nets[0].app.publish(channel, next(self.numbers)))
        self.run(3)
        return [fault for client in self.clients for fault in self.wrong(client.take())]

    def wrong(self, client):
        holders = [net for net in self.nets if client.session in net.app.hub.sessions]
        found = [f"{client.name} is at {len(holders)} nodes"] if len(holders) != 1 or not client.there else []
        for channel in CHANNELS:
            log, told = self.memory._logs.get(channel), client.offsets.get(channel, set())
            began = client.began.get(channel, min(told, default=1) - 1)  # where what it was told of that was lost
            if missing := {*range(began + 1, log.top + 1)} - told:
                found.append(f"{client.name} was not told {sorted(missing)} of {channel}, up to {log.top}")
        return found

    def end(self):
        for net in self.nets:
            net.kill()
        self.loop.end_tasks()
        self.loop.close()


def play(seed, steps=100):
    run = Play(seed)
    try:
        for _ in range(steps):
            run.step()
        return run.settle(), run.went_on
    finally:
        run.end()


def judge(seeds):
    found = {seed: play(seed) for seed in seeds}
    assert {seed: faults for seed, (faults, _) in found.items() if faults} == {}
    assert sum(went_on for _, went_on in found.values()) > len(seeds)


def test_schedules_leave_nothing_out():
    judge(range(SEEDS))


@pytest.mark.slow
def test_many_schedules_leave_nothing_out():
    judge(range(SEEDS, MORE))
