"""Calls under way, in random schedules: whatever clients say and whenever they go, nothing is left over."""

import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everywire import messages as m
from everywire.app import Everywire
from everywire.errors import Declined, Refused, SessionGone
from everywire.hub.calling.callers import Caller
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, passed

NAMES = ("value", "count", "sum", "double", "beside", "finish", "back", "broken", "both", "unknown")
STREAMS = {"sum": 1, "double": 1, "broken": 1, "both": 2}


class Play:
    """An application with every sort of handler, a few clients, and steps that they take at random."""

    def __init__(self, seed, crowd=None):
        self.dice = random.Random(seed)
        self.open = 0
        limits = {"max_calls": 4, "max_credit": 20, "max_stream_bytes": 200, "max_asked": 3, "call_deadline": 20}
        self.app = Everywire(settings=Settings(**limits, heartbeat=Heartbeat(every=100_000), linger=3))
        self.declare()
        self.declare_streams()
        self.net = Net(self.app, seed, crowd=crowd)
        self.clients = [self.net.connect() for _ in range(2)]
        self.attachments = []
        self.called = {}

    def declare(self):
        on = self.app.on

        @on("value")
        async def value(wait: float = 0):
            with self:
                await passed(wait)
                return wait

        on("beside", concurrent=True)(value)
        on("finish", finish=True, concurrent=True)(value)

        @on("back")
        async def back(caller: Caller, wait: float = 0):
            with self:
                try:
                    return await caller.call("confirm", timeout=wait)
                except (Declined, SessionGone, TimeoutError) as error:
                    raise Refused(str(error), 1000) from None

    def declare_streams(self):
        on = self.app.on

        @on("count")
        async def count(wait: float = 0) -> AsyncIterator[int]:
            with self:
                for number in range(10):
                    await passed(wait)
                    yield number

        @on("sum")
        async def total(items: AsyncIterator[int], wait: float = 0) -> int:
            with self:
                found = 0
                async for item in items:
                    await passed(wait)
                    found += item
                return found

        @on("double")
        async def double(items: AsyncIterator[int], wait: float = 0) -> AsyncIterator[int]:
            with self:
                async for item in items:
                    await passed(wait)
                    yield 2 * item

        @on("broken")
        async def broken(items: AsyncIterator[int]) -> AsyncIterator[int]:
            with self:
                async for item in items:
                    yield item
                    raise Refused("broken", 1001)

        @on("both")
        async def both(left: AsyncIterator[int], right: AsyncIterator[int], wait: float = 0) -> AsyncIterator[int]:
            with self:
                async for item in left:
                    await passed(wait)
                    yield item + await anext(right, 0)

    def __enter__(self):
        self.open += 1

    def __exit__(self, *_):
        self.open -= 1

    def step(self):
        dice, place = self.dice, self.dice.randrange(len(self.clients))
        client = self.clients[place]
        of = dice.choice([*self.called.get(client, [])[-4:], client._next_id + 1])
        match dice.choice(
            ("call", "call", "item", "item", "item", "end", "credit", "cancel", "answer", "wait", "drop")
        ):
            case "call":
                self.call(client)
            case "item":
                client.send("item", id=of, data=dice.choice([1, 2, 3, 4, 5, "x", "y" * 60]))
                client.line.attachment.receive(m.Item(of, m.Raw(b"6"), dice.choice([0, 1, 2])))
            case "end":
                end = m.End(of, dice.choice([0, 0, 1]), dice.choice([None, None, "torn"]))
                client.line.attachment.receive(end)
            case "cancel" as kind:
                client.send(kind, id=of)
            case "credit":
                client.send("credit", id=of, count=dice.choice([0, 1, 5, 15]))
            case "answer":
                self.answer(client)
            case "wait":
                self.net.run(dice.choice([0.001, 0.5, 4]))
                client.events()
            case "drop" if dice.random() < 0.3:
                self.attachments.append(client.line.attachment)
                client.drop(dice.choice([1000, 1006]))
                self.clients[place] = self.net.connect(resume=client.resume)

    def call(self, client):
        dice = self.dice
        name = dice.choice(NAMES)
        if dice.random() < 0.5:
            self.await_answer(client, name)
            return
        streaming = (name in STREAMS) != (dice.random() < 0.1)
        fields = {"credit": dice.choice([0, 3, 3, 19]), "streaming": streaming}
        data = {"wait": dice.choice([0, 0, 0.3, 2])}
        call = client.send("call", name=name, data=data, timeout=dice.choice([None, None, 500, 3000]), **fields)
        self.called.setdefault(client, []).append(call)

    def await_answer(self, client, name):
        """Call as those do who know no credit."""
        dice = self.dice
        ref = client._next_id = client._next_id + 1
        data, streams = dice.choice([b"{}", b'{"wait":0.3}', b'{"wait":2}']), STREAMS.get(name, dice.choice([0, 0, 1]))
        awaits = "stream" if name in ("count", "double", "broken", "both") else dice.choice(["one", "one", "stream"])
        spelled = dice.choice([name, name.title()])
        client.line.attachment.receive(m.Call(ref, spelled, m.Raw(data), streams=streams, awaits=awaits))
        self.called.setdefault(client, []).append(ref)

    def answer(self, client):
        for event in client.events("call"):
            error = {"error": {"code": 1, "reason": "no"}} if self.dice.random() < 0.3 else {"data": 1}
            client.send("answer", call=event["call"], **error)

    def finish(self):
        """Let everything come to its end, and say what is left."""
        for client in self.clients:
            self.attachments.append(client.line.attachment)
            client.drop()
        self.net.run(60)
        left = [each for at in self.attachments if (each := at.calls)]
        counts = [(each.running, each.asked, each.working, each.queued) for each in left]
        return {"open": self.open, "counts": [one for one in counts if one != ({}, {}, 0, 0)]}


NOTHING = {"open": 0, "counts": []}


@pytest.mark.parametrize("crowd", [None, 2])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_nothing_is_left_of_any_schedule(seed, crowd):
    play = Play(seed, crowd)
    with play.net:
        for _ in range(120):
            play.step()
        assert play.finish() == NOTHING


def test_a_session_that_never_called_has_no_state_for_it():
    play = Play(1)
    with play.net:
        client = play.clients[0]
        client.ask("ping")
        client.send("pong")
        client.send("item", id=3, data=1)
        assert client.line.attachment.calls is None


def test_the_end_of_a_call_is_told_once():
    play = Play(1)
    with play.net:
        client = play.clients[0]
        call = client.send("call", name="value", data={"wait": 2}, timeout=1000)
        play.net.run(5)
        client.send("cancel", id=call)
        play.net.run(5)
        assert [event["code"] for event in client.events()] == [113]
