"""Whatever happens to its requests, a line's client hears everything once and in order, and is heard so."""

import asyncio
import json
import random

import pytest
from tests.gateway.place import Place, seen

from everywire.app import Everywire
from everywire.testing import Net

SUBSCRIBE = {"type": "subscribe", "id": 2, "channel": "room"}


class Client:
    """Asks in every way there is, and loses what the dice say."""

    def __init__(self, place, dice):
        self.place = place
        self.dice = dice
        self.line = place.open(SUBSCRIBE)
        self.after = 0
        self.heard = []
        self.seq = 0
        self.said = 0
        self.stream = None
        self.poll = None

    def take(self, messages):
        for message in messages:
            self.after += 1
            if message["type"] == "publication":
                self.heard.append(message["data"])

    def step(self):
        self.dice.choice([self.listen, self.ask, self.hang, self.lose, self.finish, self.say, self.say])()
        if self.dice.random() < 0.3:
            self.place.net.run()

    def listen(self):
        """Begin a stream, which ends whatever was before."""
        self.lose()
        self.stream = self.place.ask("GET", f"{self.line}/stream?after={self.after}").sink

    def lose(self):
        """Lose the connection after some of the messages."""
        if self.stream is not None:
            lines = [json.loads(line) for line in self.stream.body.splitlines()]
            self.take(lines[: self.dice.randint(0, len(lines))])
            self.stream.producer.gone()
            self.stream = None
        if self.poll is not None:
            self.poll.cancel()
            self.poll = None

    def ask(self):
        """Poll shortly; the answer may be lost."""
        self.lose()
        events = self.place.poll(self.line, self.after)
        if self.dice.random() < 0.7:
            self.take(events)

    def hang(self):
        """Begin a long poll."""
        self.lose()
        answer = self.place.begin("GET", f"{self.line}/poll?after={self.after}&wait=20000")
        if isinstance(answer, asyncio.Task):
            self.poll = answer
        else:
            self.take(seen(answer).json)

    def finish(self):
        """Take what the long poll has brought."""
        self.place.net.run()
        if self.poll is not None and self.poll.done():
            poll, self.poll = self.poll, None
            self.take(seen(poll.result()).json)

    def say(self):
        """Publish a number; say it again, or the next one before it."""
        bodies = []
        for _ in range(self.dice.randint(1, 3)):
            self.seq += 1
            self.said += 1
            command = {"type": "publish", "id": self.seq + 2, "channel": "room", "data": self.said}
            bodies += [(self.seq, command)] * self.dice.choice([1, 1, 2])
        self.dice.shuffle(bodies)
        answers = [self.place.begin("POST", f"{self.line}?seq={seq}", command) for seq, command in bodies]
        self.place.net.run()
        for (seq, command), answer in zip(bodies, answers, strict=True):
            status = answer.result().status if isinstance(answer, asyncio.Task) else answer.status
            if status != 204:
                assert status == 409  # the same twice, early: only one of them waits
                assert self.place.ask("POST", f"{self.line}?seq={seq}", command).status == 204


@pytest.mark.parametrize("seed", range(40))
def test_everything_once_and_in_order(seed):
    app = Everywire()
    app.channel("room")
    with Net(app, seed) as net:
        client = Client(Place(net), random.Random(seed))
        for _ in range(60):
            client.step()
        client.lose()
        client.take(client.place.poll(client.line, client.after))
        assert client.heard == list(range(1, client.said + 1))
