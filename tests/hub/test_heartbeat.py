"""Heartbeats: the silent are found in time, the living are left in peace."""

import heapq
import itertools
import math

import pytest

from everywire.app import Everywire
from everywire.hub.heartbeat import Heartbeats
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net


@pytest.fixture
def net():
    with Net(Everywire(settings=Settings(heartbeat=Heartbeat(every=8, patience=2)))) as net:
        yield net


def test_a_client_hears_a_beat_once_per_interval(net):
    client = net.connect()
    beats = 0
    for _ in range(40):
        net.run(1)
        beats += len(client.events("ping"))
        client.send("pong")
    assert beats in (4, 5)
    assert client.closed is None


def test_a_silent_client_is_closed_within_interval_and_patience(net):
    client = net.connect()
    net.run(7.5)
    assert client.closed is None
    net.run(2.5)
    assert client.closed == (4408, "no answer to a ping")


class Tardy:
    """A world whose timers are all late; what is beaten in it is beaten at `beats`."""

    LATE = 0.05

    def __init__(self):
        self.time, self.timers, self.beats, self.numbers = 0.0, [], [], itertools.count()
        self.codec = self.transport = self.carrier = self.wire = self

    def now(self):
        return self.time

    def later(self, delay, action):
        heapq.heappush(self.timers, (self.time + delay + self.LATE, next(self.numbers), action))

    def encode(self, event):
        self.beats.append(self.time)
        return ()

    def run(self, until):
        while self.timers[0][0] < until:
            self.time, _, action = heapq.heappop(self.timers)
            action()


def test_timers_that_are_late_do_not_slow_it_down():
    world = Tardy()
    heartbeats = Heartbeats(world, Heartbeat(every=8, patience=2))
    heartbeats.add(world)
    world.heard = math.inf
    world.run(81)
    assert world.beats[0] < 8
    assert [round(beat / 8) for beat in world.beats] == list(range(1, 11))
    assert world.beats[-1] - world.beats[0] == pytest.approx(72, abs=2 * Tardy.LATE)


def test_any_message_is_a_sign_of_life(net):
    client = net.connect()
    for _ in range(40):
        net.run(1)
        client.ask("ping")
    assert client.closed is None


def test_beats_are_spread_over_the_interval(net):
    clients = []
    for _ in range(8):
        clients.append(net.connect())
        net.run(1)
    heard = [len(client.events("ping")) for client in clients]
    assert sum(heard) <= 1


def test_the_wheel_stops_when_nobody_is_there(net):
    net.connect().drop(1000)
    net.run(20)
    assert net.app.hub.heartbeats._timer is None
    late = net.connect()
    net.run(11)
    assert late.closed is not None


def test_a_client_that_is_not_connected_is_not_beaten(net):
    client = net.client()
    net.run(9)
    assert client.events() == []


@pytest.mark.parametrize("heartbeat", [Heartbeat(5, 5), Heartbeat(5, 0), Heartbeat(5, 9)])
def test_a_patience_that_makes_no_sense_is_refused(heartbeat):
    with pytest.raises(ValueError, match="patience"):
        Net(Everywire(settings=Settings(heartbeat=heartbeat)))
