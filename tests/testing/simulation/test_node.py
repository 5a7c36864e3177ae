"""A node that can be killed."""

import asyncio
import json
import random

import pytest

from everywire.app import Everywire
from everywire.testing import passed
from everywire.testing.clock import VirtualLoop
from everywire.testing.simulation import MortalWorld, Network, Node


class One:
    """One node and raw connections to it."""

    def __init__(self, loop):
        self.loop = loop
        self.network = Network(loop, random.Random(1))
        self.app = Everywire()
        self.app.channel("room:{name}", presence=True)
        self.world = MortalWorld(loop, random.Random(2))
        self.node = Node("a", self.app, self.world)

    def connect(self):
        near, far = self.network.pipe().ends
        heard = []
        near.heard = lambda message: heard.append(json.loads(message) if isinstance(message, str) else message)
        near.closed = lambda: heard.append("over")
        self.node.accept(far)
        near.send('{"type":"connect","id":1}')
        return near, heard


@pytest.fixture
def one():
    with VirtualLoop() as loop:
        asyncio.set_event_loop(loop)
        yield One(loop)
        asyncio.set_event_loop(None)


def test_it_serves(one):
    near, heard = one.connect()
    one.loop.run(1)
    assert heard[0]["type"] == "connected"
    near.send('{"type":"leave"}')
    one.loop.run(1)
    assert heard[1:] == [(1000, ""), "over"]


def test_the_dead_say_and_do_nothing(one):
    near, heard = one.connect()
    one.loop.run(0.5)
    one.node.kill()
    assert not one.node.alive
    near.send('{"type":"ping","id":2}')
    sessions = dict(one.app.hub.sessions)
    one.loop.run(100)
    assert heard[1:] == ["over"]
    assert one.app.hub.sessions == sessions  # nothing was tidied up
    _, later = one.connect()
    one.loop.run(1)
    assert later == ["over"]


def test_death_ends_timers_and_tasks(one):
    done = []

    async def work():
        await passed(1)
        done.append("worked")

    one.world.task(work())
    one.world.start(work())
    one.world.later(1, lambda: done.append("rang"))
    one.world.death()
    one.world.start(work())
    one.loop.run(10)
    assert done == []
