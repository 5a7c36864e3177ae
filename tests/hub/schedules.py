"""Schedules of publishing, dropping, coming back, waiting and losing, and what must hold after each.

A schedule is a list of steps, plain tuples, so that hypothesis can shrink one and a person can read it:

    ("publish", n)          n publications
    ("retry",)              the latest publication again, with its idempotency key
    ("take", who, n)        a client receives at most n payloads
    ("drop", who)           it loses its transport, and what was on its way
    ("come", who, resume)   it comes back, showing its session's secret or not
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


class Play:
    """One schedule on one application with a few clients."""

    def __init__(self, seed: int = 0, *, slow: bool = False, page: int = 1000) -> None:
        self.dice = random.Random(seed)
        self.slow, self.page = slow, page
        app = Everywire(settings=Settings(linger=3, max_page=page), broker=self._broker)
        self.kind = app.channel("room:{name}", history=HISTORY, ttl=TTL, presence=True)
        self.net = Net(app, seed)
        self.followers = [Asking(self, f"client {n}") for n in range(CLIENTS)]
        self.kept = Kept()
        self.receipts: list[tuple[int, Any]] = []
        self.faults: list[Fault] = []
        self.number = 0

    def _broker(self, world: Any, metrics: Any) -> Any:
        self.memory = MemoryBroker(world.now, world.new_id, metrics=metrics)
        if not self.slow:
            return self.memory
        return SlowBroker(self.memory, world, lambda: self.dice.choice((0.0, 0.0, 0.01, 0.2, 1.0)))

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
            case ("drop", who):
                self.followers[who].drop()
            case ("come", who, resume):
                self.followers[who].connect(resume=resume)
                if not self.slow:
                    # Of short pages one or none: what comes next happens before the next is asked for, or after.
                    self.followers[who].take(None if self.page > HISTORY else self.dice.choice((0, 1)))
            case ("wait", seconds):
                self.net.run(seconds)
            case ("flush",):
                self.memory.forget(CHANNEL)

    def _publish(self) -> None:
        data = {"sender": "app", "number": self.number}
        receipt = self.net.app.publish(CHANNEL, data, key=f"k{self.number}")
        self.receipts.append((self.number, receipt))
        if not self.slow:
            answer: Receipt = receipt.result()  # type: ignore[attr-defined]
            assert answer.position is not None
            if not answer.repeated:
                self.kept.published.append((self.net.loop.time(), answer.position))

    def owed(self, since: Position | None) -> bool:
        """Say whether who asks with `since` now has to be told that it is recovered."""
        return since is not None and self.kept.answers(since, self._end(), self.net.loop.time())

    def _end(self) -> Position:
        reading = self.memory.read(CHANNEL, Query(limit=0), Retention(HISTORY, TTL))
        return self.net.loop.run_until_complete(reading).position

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
        self._play = play
        self._owed: tuple[Position | None, bool] = (None, False)
        self._more = False

    def _subscribe(self) -> None:
        self._owed = (self.position, self._play.owed(self.position))
        super()._subscribe()

    @property
    def paging(self) -> bool:
        """Whether it was given a page and waits for the next."""
        return self.client is not None and self._more

    def _begin(self, event: dict[str, Any]) -> None:
        owed, self._more = self._owed, "more" in event
        super()._begin(event)
        if not self._play.slow and (told := (owed[0], event["recovered"])) != owed:
            self._play.faults.append(Fault("P5", self.log.client, f"asked, was owed {owed} and told {told}"))


def play(steps: Sequence[Step], seed: int = 0, *, slow: bool = False, page: int = 1000) -> list[Fault]:
    """Play a schedule to its end and give every broken promise; `page` publications fit in one answer."""
    run = Play(seed, slow=slow, page=page)
    with run.net:
        for step in steps:
            run.step(step)
        return run.settle()


def draw(seed: int, length: int = 40) -> list[Step]:
    """Draw a schedule."""
    dice = random.Random(seed)
    who = lambda: dice.randrange(CLIENTS)  # noqa: E731
    makers: list[tuple[int, Callable[[], Step]]] = [
        (8, lambda: ("publish", dice.randint(1, 3))),
        (2, lambda: ("retry",)),
        (6, lambda: ("take", who(), dice.randint(1, 4))),
        (4, lambda: ("drop", who())),
        (6, lambda: ("come", who(), dice.random() < 0.7)),
        (4, lambda: ("wait", dice.choice((0.005, 0.1, 1.0, 2.5, 8.0, 21.0)))),
        (1, lambda: ("flush",)),
    ]
    weights = [weight for weight, _ in makers]
    return [make() for _, make in dice.choices(makers, weights, k=length)]
