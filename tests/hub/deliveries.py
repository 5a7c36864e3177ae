"""Schedules in which publications are for some, entries come and go, clients read slowly or want less, and news get lost.

A listener is a whole client of docs/protocol.md: it keeps a position, the map of a keyed channel and what differences are based on, and
accounts for every offset: seen, passed over, or told that it is gone. Steps are plain tuples:

    ("publish", n)           n publications, some of them for one user, or to entries, with or without a time to live
    ("take", who, n)         a listener receives at most n payloads
    ("drop", who)            it loses its transport
    ("come", who, resume)    it comes back
    ("adjust", who, policy)  it wants to be told in another way
    ("lose", n)              the next n news are lost on their way to the hub
    ("gap",)                 the broker says that something may have been lost
    ("wait", seconds)        time passes
    ("flush",)               the broker loses the log
"""

import random
from collections.abc import Sequence
from typing import Any

from everywire.app import Everywire
from everywire.brokers.base import Gap, Query
from everywire.brokers.memory import MemoryBroker
from everywire.deltas import applied
from everywire.hub.settings import Settings
from everywire.messages import Moved, Publication
from everywire.testing import Net, SlowBroker

CLIENTS = 3
HISTORY = 8
PAD = "x" * 100
POLICIES = [
    {"kind": "reliable"},
    {"kind": "latest", "interval": 500},
    {"kind": "latest"},
    {"kind": "sample", "interval": 200},
    {"kind": "drop_oldest", "size": 2},
]
Step = tuple[Any, ...]
Place = tuple[str, int]


class Losing(MemoryBroker):
    """Loses `left` news of publications, and of lost logs; the others take `delay()` seconds, in order."""

    left = 0
    world: Any = None
    delay: Any = None
    _last = 0.0

    def listen(self, deliver: Any) -> None:
        def hand_on(news: Any) -> None:
            if self.left and isinstance(news, Publication | Moved):
                self.left -= 1
            elif self.delay is None:
                deliver(news)
            else:
                now = self.world.now()
                self._last = max(now + self.delay(), self._last + 1e-6)
                self.world.later(self._last - now, lambda: deliver(news))

        super().listen(hand_on)


class Listener:
    """One client: every fault that it notices is in `faults`."""

    def __init__(self, play: "Play", user: str, *, delta: bool) -> None:
        self.play, self.user, self.delta = play, user, delta
        self.policy = self.holds = self._wanted = POLICIES[
            0
        ]  # what it wants, what holds, and what it has last subscribed with
        self.client: Any = None
        self.faults: list[str] = []
        self.epoch, self.offset = "", -1
        self.after: int | None = None
        self.map: dict[str | None, Any] = {}
        self.bases: dict[str | None, tuple[int, Any]] = {}
        self.seen: list[tuple[Place, int]] = []
        self.skipped: list[Place] = []
        self._resume, self._asked = "", 0

    def connect(self, *, resume: bool = True) -> None:
        if self.client is None:
            self.client = self._connected({"resume": self._resume} if resume and self._resume else {})
            self._resume = self.client.resume
            self.subscribe()

    def _connected(self, shown: dict[str, str]) -> Any:
        """Give a connected client; time passes until the server has found an earlier session, or not."""
        client = self.play.net.client()
        asked = client.send("connect", token=self.user, **shown)
        while True:
            try:
                client.connected(client.answer(asked))
            except LookupError:
                self.play.net.run(0.01)
            else:
                return client

    def drop(self) -> None:
        if self.client is not None:
            self.client.drop()
            self.client = None

    def take(self, most: int | None = None) -> None:
        if self.client is not None:
            for event in self.client.events(most=most):
                self.hear(event)
            if self.client.closed is not None and not self.client.transport.outbox:
                self.drop()

    def adjust(self, policy: dict[str, Any]) -> None:
        self.policy = policy
        if self.client is not None:
            self.client.send("policy", channel=self.play.channel, policy=policy)

    def subscribe(self) -> None:
        self._wanted = self.policy
        wanted: dict[str, Any] = {"policy": self.policy, "delta": self.delta, "pages": 2}
        if self.epoch:
            wanted["since"] = {"epoch": self.epoch, "offset": self.offset}
        if self.after is not None:
            wanted["after"] = self.after
        self._asked = self.client.send("subscribe", channel=self.play.channel, **wanted)

    def hear(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "subscribed" if event["id"] == self._asked:
                self._begin(event)
            case "publication" if "offset" in event:
                self._count(event["offset"], 1)
                self._see(event)
            case "passed":
                self._count(event["offset"], event["count"])
                if self.holds["kind"] == "reliable":
                    self.skipped += [(self.epoch, event["offset"] - n) for n in range(event["count"])]
            case "ping":
                self.client.line.receive('{"type":"pong"}')
            case "policy":
                self.holds = event["policy"]
            case "moved":
                self.subscribe()
            case "error" if event["id"] == self._asked:
                self.subscribe()

    def _count(self, offset: int, count: int) -> None:
        if self.offset + count != offset:
            self.faults.append(f"was at {self.offset}, told {count} up to {offset}")
        self.offset = offset

    def _begin(self, event: dict[str, Any]) -> None:
        missed, entries = event["publications"], event.get("entries")
        if not event["recovered"]:
            self.map, self.bases, self.epoch = {}, {}, event["epoch"]
            self.offset = missed[0]["offset"] - 1 if missed else event["offset"]
        if event["epoch"] != self.epoch:
            self.faults.append("recovered into another epoch")
        for publication in missed:
            leap = range(self.offset + 1, publication["offset"])
            self.skipped += [(self.epoch, offset) for offset in leap]
            self._see(publication)
            self.offset = publication["offset"]
        for publication in entries or ():
            self._see(publication)
        if entries is None:
            self.skipped += [(self.epoch, offset) for offset in range(self.offset + 1, event["offset"] + 1)]
        self.offset, self.after, self.holds = event["offset"], event.get("after"), self._wanted
        if event.get("more") == "ask":
            self.subscribe()

    def _see(self, publication: dict[str, Any]) -> None:
        entry, offset, data = publication.get("entry"), publication["offset"], publication.get("data")
        if "delta" in publication:
            base, before = self.bases.get(entry, (-1, None))
            if base != publication["base"]:
                self.faults.append(f"{offset} is said by what changed since {publication['base']}, had {base}")
                return
            data = applied(before, publication["delta"])
        self.bases[entry] = (offset, data)
        if publication.get("removed"):
            self.map.pop(entry, None)
            return
        self.map[entry] = data["number"]
        self.seen.append(((self.epoch, offset), data["number"]))


class Play:
    """One schedule on one application."""

    def __init__(
        self, seed: int, *, keyed: bool, slow: bool = False, crowd: int | None = None, late: bool = False
    ) -> None:
        self.dice = random.Random(seed)
        self.late = late
        self.keyed, self.slow = keyed, slow
        self.channel = "map" if keyed else "feed"
        settings = Settings(linger=3, max_page=3, check_every=1.0, max_held=40)
        app = Everywire(settings=settings, broker=self._broker)
        app.channel("feed", history=HISTORY)
        app.channel("map", keyed=True, entries=6, history=2)
        app.on_connect(lambda connecting: connecting.token)
        self.net = Net(app, seed, crowd=crowd)
        self.listeners = [Listener(self, f"user {n}", delta=n == 0) for n in range(CLIENTS)]
        self.number = 0
        self.published: list[tuple[int, str | None, Any]] = []

    def _broker(self, world: Any, metrics: Any) -> Any:
        self.memory = Losing(world.now, world.new_id, later=world.later, alone=False, metrics=metrics)
        if self.late:
            self.memory.world, self.memory.delay = world, lambda: self.dice.choice((0.0, 0.0, 0.01, 0.3))
        if not self.slow:
            return self.memory
        return SlowBroker(self.memory, world, lambda: self.dice.choice((0.0, 0.0, 0.01, 0.1)))

    def step(self, step: Step) -> None:
        match step:
            case ("publish", count):
                for _ in range(count):
                    self._publish()
            case ("take", who, most):
                self.listeners[who].take(most)
                self.net.run()
            case ("drop", who):
                self.listeners[who].drop()
            case ("come", who, resume):
                self.listeners[who].connect(resume=resume)
            case ("adjust", who, policy):
                # By the others a map is not kept whole.
                self.listeners[who].adjust(POLICIES[policy % 3 if self.keyed else policy])
            case ("lose", count):
                self.memory.left = count
            case ("gap",):
                self.net.app.hub.delivering.take(Gap())
            case ("wait", seconds):
                self.net.run(seconds)
            case ("flush",):
                self.memory.forget(self.channel)

    def _publish(self) -> None:
        self.number += 1
        data, options, user = {"number": self.number, "pad": PAD}, {}, None
        if self.keyed:
            options = {"entry": f"e{self.dice.randrange(6)}", "remove": self.dice.random() < 0.2}
            if self.dice.random() < 0.2:
                options["ttl"] = self.dice.choice((0.3, 2.0))
        elif self.dice.random() < 0.3:
            user = options["to_user"] = f"user {self.dice.randrange(CLIENTS)}"
        receipt = self.net.app.publish(self.channel, data, **options)
        self.published.append((self.number, user, receipt))

    def settle(self) -> list[str]:
        """Bring everybody home, and give what is wrong."""
        self.memory.left = 0
        for _ in range(12):
            for listener in self.listeners:
                listener.connect()
            self.net.run(4)
            for listener in self.listeners:
                listener.take()
        return [f"{each.user}: {fault}" for each in self.listeners for fault in [*each.faults, *self._wrong(each)]]

    def _wrong(self, listener: Listener) -> list[str]:
        end = self._now(self.memory.read(self.channel, Query(limit=0), self._retention())).position
        truth = {(r.result().position.epoch, r.result().position.offset): (n, user) for n, user, r in self.published}
        found = []
        if (listener.epoch, listener.offset) != (end.epoch, end.offset):
            found.append(f"is at {listener.offset} of {listener.epoch}, not at {end}")
        for place, number in listener.seen:
            if truth[place][0] != number or truth[place][1] not in (None, listener.user):
                found.append(f"was told {number} at {place}: {truth[place]}")
        for place in listener.skipped:
            if truth.get(place, (0, None))[1] in (None, listener.user) and place in truth:
                found.append(f"was not told {truth[place]}")
        if self.keyed:
            there = self._now(self.memory.entries(self.channel, Query(), self._retention())).entries
            meant = {each.entry: int(bytes(each.data).split(b":")[1].split(b",")[0]) for each in there}
            if meant != listener.map:
                found.append(f"has {listener.map}, not {meant}")
        return found

    def _retention(self) -> Any:
        return self.net.app.hub.place(self.channel).kind.retention

    def _now(self, work: Any) -> Any:
        try:
            work.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("a broker in memory never waits")


def play(steps: Sequence[Step], seed: int, **manner: Any) -> list[str]:
    """Play a schedule to its end and give everything that is wrong."""
    run = Play(seed, **manner)
    with run.net:
        for step in steps:
            run.step(step)
        return run.settle()


def draw(seed: int, length: int = 50) -> list[Step]:
    """Draw a schedule."""
    dice = random.Random(seed)
    makers: dict[str, Any] = {
        "publish": (10, lambda: (dice.randint(1, 4),)),
        "take": (8, lambda: (dice.randrange(CLIENTS), dice.randint(1, 6))),
        "drop": (3, lambda: (dice.randrange(CLIENTS),)),
        "come": (8, lambda: (dice.randrange(CLIENTS), dice.random() < 0.7)),
        "adjust": (3, lambda: (dice.randrange(CLIENTS), dice.randrange(len(POLICIES)))),
        "lose": (2, lambda: (dice.randint(1, 4),)),
        "gap": (1, lambda: ()),
        "wait": (6, lambda: (dice.choice((0.005, 0.1, 0.3, 1.0, 2.5)),)),
        "flush": (1, lambda: ()),
    }
    kinds = dice.choices([*makers], [weight for weight, _ in makers.values()], k=length)
    return [(kind, *makers[kind][1]()) for kind in kinds]
