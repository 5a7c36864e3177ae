"""Schedules of publishing, dropping, coming back, waiting and losing, and what must hold after each.

A schedule is a list of steps, plain tuples, so that hypothesis can shrink one and a person can read it:

    ("publish", n)          n publications
    ("retry",)              the latest publication again, with its idempotency key
    ("take", who, n)        a client receives at most n payloads
    ("drop", who)           it loses its transport, and what was on its way
    ("come", who, resume)   it comes back, showing its session's secret or not
    ("miss", who, n)        it loses its transport, n publications, and it comes back: so it asks for pages
    ("rain", n)             n publications, some 30 milliseconds apart
    ("wait", seconds)       time passes
    ("flush",)              the broker loses the channel's log
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from everywire.app import Everywire
from everywire.brokers.base import Query, Receipt, Retention
from everywire.brokers.memory import MemoryBroker
from everywire.hub.settings import Settings
from everywire.messages import Position
from everywire.testing import Fault, Follower, Net, Published, SlowBroker, check

CHANNEL = "room:1"
HISTORY = 5
TTL = 20.0
CLIENTS = 3

Step = tuple[Any, ...]


@dataclass
class Kept:
    """What the log must still hold, worked out beside the broker in the plainest way."""

    published: list[tuple[float, Position]] = field(default_factory=list)

    def answers(self, since: Position, end: Position, now: float) -> bool:
        alive = [at for when, at in self.published[-HISTORY:] if at.epoch == end.epoch and when + TTL > now]
        first = min((at.offset for at in alive), default=end.offset + 1)
        return since.epoch == end.epoch and first - 1 <= since.offset <= end.offset


@dataclass(frozen=True)
class Manner:
    """How the world is: whether the broker takes its time; how many publications fit in one answer; how many answers a
    client takes to one question; and how many payloads it may have left to take before the server waits for it."""

    slow: bool = False
    page: int = 1000
    pages: int = 1
    crowd: int | None = None

    @property
    def prompt(self) -> bool:
        """Whether a question is answered in the moment it is asked."""
        return not self.slow and self.crowd is None


class Play:
    """One schedule on one application with a few clients."""

    def __init__(self, seed: int = 0, **manner: Any) -> None:
        self.dice = random.Random(seed)
        self.manner = manner = Manner(**manner)
        # With a broker that answers at once there is never much to keep.
        settings = Settings(linger=3, max_page=manner.page, max_held=1000 if manner.slow else 2)
        app = Everywire(settings=settings, broker=self._broker)
        self.kind = app.channel("room:{name}", history=HISTORY, ttl=TTL, presence=True)
        self.net = Net(app, seed, crowd=manner.crowd)
        self.followers = [Asking(self, f"client {n}") for n in range(CLIENTS)]
        self.kept = Kept()
        self.receipts: list[tuple[int, Any]] = []
        self.faults: list[Fault] = []
        self.number = 0

    def _broker(self, world: Any, metrics: Any) -> Any:
        self.memory = MemoryBroker(world.now, world.new_id, alone=False, metrics=metrics)
        if not self.manner.slow:
            return self.memory
        # Several answers take several times as long: with the longer delays nobody would ever be given the second.
        delays = (0.0, 0.0, 0.01, 0.2, 1.0) if self.manner.pages == 1 else (0.0, 0.0, 0.01, 0.1)
        return SlowBroker(self.memory, world, lambda: self.dice.choice(delays))

    def step(self, step: Step) -> None:
        match step:
            case ("publish", count):
                for _ in range(count):
                    self.number += 1
                    self._publish()
            case ("retry",) if self.number:
                self._publish()
            case ("take", who, most):
                self.followers[who].take(most)
                if self.manner.crowd is not None and self.dice.random() < 0.5:
                    self.net.run()  # otherwise what comes next happens before the server sees that there is room
            case ("drop", who):
                self.followers[who].drop()
            case ("come", who, resume):
                self.followers[who].connect(resume=resume)
                if not self.manner.slow:
                    # Of short pages one or none: what comes next happens before the next is asked for, or after.
                    self.followers[who].take(None if self.manner.page > HISTORY else self.dice.choice((0, 1)))
            case ("miss", who, count):
                for part in (("drop", who), ("publish", count), ("come", who, True)):
                    self.step(part)
            case ("rain", count):
                for _ in range(count):
                    self.step(("publish", 1))
                    self.net.run(0.03)
            case ("wait", seconds):
                self.net.run(seconds)
            case ("flush",):
                self.memory.forget(CHANNEL)

    def _publish(self) -> None:
        data = {"sender": "app", "number": self.number}
        receipt = self.net.app.publish(CHANNEL, data, key=f"k{self.number}")
        self.receipts.append((self.number, receipt))
        if not self.manner.slow:
            answer: Receipt = receipt.result()  # type: ignore[attr-defined]
            assert answer.position is not None
            if not answer.repeated:
                self.kept.published.append((self.net.loop.time(), answer.position))

    def owed(self, since: Position | None) -> bool:
        """Say whether who asks with `since` now has to be told that it is recovered."""
        return since is not None and self.kept.answers(since, self._end(), self.net.loop.time())

    def _end(self) -> Position:
        # Stepped by hand: a turn of the loop would let everything else go on in the middle of a step.
        try:
            self.memory.read(CHANNEL, Query(limit=0), Retention(HISTORY, TTL)).send(None)
        except StopIteration as end:
            position: Position = end.value.position
            return position
        raise AssertionError("a broker in memory never waits")

    def settle(self) -> list[Fault]:
        """Bring everybody home, and give what is wrong."""
        for _ in range(12):
            for follower in self.followers:
                follower.connect()
            self.net.run(4)
            for follower in self.followers:
                follower.take()
        end = self._end()
        published = [
            Published(receipt.result().position, "app", number) for number, receipt in self.receipts if receipt.done()
        ]
        logs = [follower.log for follower in self.followers]
        return self.faults + self._presence() + check(logs, published, {log.client: end for log in logs})

    def _presence(self) -> list[Fault]:
        """Compare who is there with who the log, and each client, believe is there."""
        there = {follower.client.session for follower in self.followers if follower.client is not None}
        listed = self.net.loop.run_until_complete(self.memory.members(CHANNEL))
        beliefs = {"the broker": {member.session for member in listed}}
        beliefs |= {follower.log.client: follower.members for follower in self.followers}
        return [
            Fault("presence", who, f"believes {sorted(believed)}, not {sorted(there)}")
            for who, believed in beliefs.items()
            if believed != there
        ]


class Asking(Follower):
    """A follower whose every question is compared with its answer, also those for a further page."""

    def __init__(self, play: Play, name: str) -> None:
        super().__init__(play.net, name, CHANNEL)
        self.pages = play.manner.pages
        self.rewind = HISTORY if self.pages > 1 else 0
        self._play = play
        self._owed: tuple[Position | None, bool] = (None, False)
        self._more: str | None = None

    def _subscribe(self) -> None:
        self._owed = (self.position, self._play.owed(self.position))
        super()._subscribe()

    @property
    def waits(self) -> str | None:
        """Whether it was given a page and waits for the next: one that "follows", or that it did "ask" for."""
        return self._more if self.client is not None else None

    def _hear(self, event: dict[str, Any]) -> None:
        if event["type"] == "error" and not self._play.manner.slow:
            self._play.faults.append(Fault("refused", self.log.client, event["reason"]))
        super()._hear(event)

    def _begin(self, event: dict[str, Any]) -> None:
        owed, self._more = self._owed, event.get("more")
        super()._begin(event)
        if self._more == "follows":
            self._owed = (self.position, True)  # it was read in the same moment
        if self._play.manner.prompt and (told := (owed[0], event["recovered"])) != owed:
            self._play.faults.append(Fault("P5", self.log.client, f"asked, was owed {owed} and told {told}"))


def play(steps: Sequence[Step], seed: int = 0, **manner: Any) -> list[Fault]:
    """Play a schedule to its end and give every broken promise; `manner` has the fields of `Manner`."""
    run = Play(seed, **manner)
    with run.net:
        for step in steps:
            run.step(step)
        return run.settle()


CALM = {"publish": 8, "retry": 2, "take": 6, "drop": 4, "come": 6, "wait": 4, "flush": 1}
BUSY = {"publish": 3, "retry": 1, "take": 8, "drop": 2, "come": 3, "miss": 12, "rain": 4, "wait": 10, "flush": 1}


def draw(seed: int, length: int = 40, kinds: dict[str, int] = CALM) -> list[Step]:
    """Draw a schedule, with steps of each kind as often as `kinds` says; a busy one has hardly a pause."""
    dice = random.Random(seed)
    who = lambda: dice.randrange(CLIENTS)  # noqa: E731
    pauses = (0.005, 0.1, 1.0, 2.5, 8.0, 21.0) if kinds is CALM else (0.005, 0.1, 0.3, 1.0)
    makers: dict[str, Callable[[], Step]] = {
        "publish": lambda: ("publish", dice.randint(1, 3)),
        "retry": lambda: ("retry",),
        "take": lambda: ("take", who(), dice.randint(1, 4)),
        "drop": lambda: ("drop", who()),
        "come": lambda: ("come", who(), dice.random() < 0.7),
        "miss": lambda: ("miss", who(), dice.randint(0, HISTORY)),
        "rain": lambda: ("rain", dice.randint(1, HISTORY)),
        "wait": lambda: ("wait", dice.choice(pauses)),
        "flush": lambda: ("flush",),
    }
    return [makers[kind]() for kind in dice.choices([*kinds], [*kinds.values()], k=length)]
