"""Heartbeats: the silent are found in time, the living are left in peace."""

import heapq
import itertools
import math

import pytest

from everywire import messages as m
from everywire.app import Everywire
from everywire.dialects.base import Open
from everywire.gateway.line import begin
from everywire.hub.heartbeat import Heartbeats
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.payloads import Payload
from everywire.testing import Net
from everywire.testing.transport import MemoryTransport


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
        self.heartbeat = Heartbeat(every=8, patience=2)

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
    heartbeats = Heartbeats(world, world.heartbeat)
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
    assert [wheel._timer for wheel in net.app.hub.heartbeats._wheels.values()] == [None]
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


def test_who_else_might_ask_is_refused():
    with pytest.raises(ValueError, match="server, both, nobody, not 'client'"):
        Heartbeat(who_asks="client")


# Heartbeats of other languages, in one application with the usual one.


class Beats:
    """Reads beats, and remembers what heartbeat it was told of; says how often it was asked for a beat."""

    dialect = "plain"

    def __init__(self):
        self.told, self.encoded = [], 0

    def encode(self, event):
        match event:
            case m.Connected():
                self.told.append(event.heartbeat)
            case m.Beat():
                self.encoded += 1
                return (Payload("beat"),)
        return ()


BOTH = Heartbeat(12, 16, "both")
NOBODY = Heartbeat(5, 0, "nobody")


def attached(net, heartbeat, codec=None):
    attachment = net.app.hub.attach(MemoryTransport(), codec or Beats(), heartbeat=heartbeat)
    attachment.receive(m.Connect(1))
    return attachment


def beats(net, attachment, seconds):
    attachment.transport.outbox.clear()
    net.run(seconds)
    return len(attachment.transport.outbox)


@pytest.mark.parametrize("heartbeat", [BOTH, NOBODY, Heartbeat(5, 4)])
def test_a_client_is_told_which_heartbeat_holds_and_beaten_by_it(net, heartbeat):
    each = attached(net, heartbeat)
    assert each.codec.told == [heartbeat]
    usual = net.connect()
    count = usual_count = 0
    for _ in range(60):
        count += beats(net, each, 1)
        each.receive(m.Pong())
        usual_count += len(usual.events("ping"))
        usual.send("pong")
    assert abs(count - 60 / heartbeat.every) <= 1
    assert abs(usual_count - 60 / 8) <= 1
    assert (each.transport.closed, usual.closed) == (None, None)


def test_a_beat_is_encoded_once_for_all_who_are_beaten_together(net):
    codec = Beats()
    for _ in range(10):
        attached(net, BOTH, codec)
    net.run(13)
    assert codec.encoded == 1


@pytest.mark.parametrize("silent_from", [0.0, 3.1, 11.6, 11.7, 12.4, 20.0])
def test_where_both_beat_who_was_silent_for_interval_and_patience_is_closed_then(net, silent_from):
    each = attached(net, BOTH)
    net.run(silent_from)
    each.receive(m.Pong())
    net.run(27.4)
    assert each.transport.closed is None
    net.run(1.4)  # a step of the wheel is 3/8 s, and when somebody was heard is as exact
    assert each.transport.closed == (4408, "nothing was heard for too long")


def test_where_both_beat_an_answer_to_a_beat_is_not_asked_for(net):
    each = attached(net, BOTH)
    for _ in range(20):
        net.run(27)
        each.receive(m.Pong())
    assert each.transport.closed is None


def test_one_that_left_is_looked_at_no_more(net):
    each = attached(net, BOTH)
    net.run(20)
    each.lost(1000)
    net.run(60)
    (wheel,) = (wheel for kind, wheel in net.app.hub.heartbeats._wheels.items() if kind == BOTH)
    assert (each.transport.closed, wheel._timer, wheel._silent) == (None, None, {})


def test_where_nobody_answers_the_silent_stay(net):
    each = attached(net, NOBODY)
    net.run(1_000)
    assert (each.transport.closed, beats(net, each, 10)) == (None, 2)


def test_what_cannot_be_kept_is_refused(net):
    for heartbeat in (Heartbeat(5, 0), Heartbeat(5, 5)):
        each = attached(net, None)
        each.heartbeat = heartbeat
        with pytest.raises(ValueError, match="patience"):
            net.app.hub.heartbeats.add(each)


@pytest.mark.parametrize("times", [(0, 0), (-1, 1), (5, -1), (float("nan"), 1)])
def test_times_that_are_none_are_refused(times):
    with pytest.raises(ValueError, match="a heartbeat: "):
        Heartbeat(*times, "nobody")


def test_the_gateway_attaches_by_the_heartbeat_that_an_intent_says(net):
    transport, codec = MemoryTransport(), Beats()
    line = begin(net.app.hub, transport, None, Open(codec, None, heartbeat=BOTH))
    line.attachment.receive(m.Connect(1))
    assert codec.told == [BOTH]
    several = begin(net.app.hub, MemoryTransport(), None, Open(codec, None, part=lambda *_: None, heartbeat=NOBODY))
    several.bundle.strand(codec).receive(m.Connect(1))
    assert codec.told == [BOTH, NOBODY]
    assert begin(net.app.hub, MemoryTransport(), None, Open(codec, None)).attachment.heartbeat == Heartbeat(8, 2)
