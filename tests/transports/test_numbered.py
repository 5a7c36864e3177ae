"""Lines that outlive their WebSockets: numbers, what is kept, who waits for room."""

import asyncio
import random

import pytest

from everywire.engine.inbox import READY
from everywire.payloads import Payload, Uncounted
from everywire.testing.clock import VirtualLoop
from everywire.transports import websocket
from everywire.transports.http import LineLimits
from everywire.transports.numbered import CARRIER, NumberedTransport
from everywire.transports.websocket import WebSocketTransport

LIMITS = LineLimits(write_limit=1_000, unacknowledged=300)


class Socket:
    """As much of a WebSocket as a transport asks for."""

    below = None

    def __init__(self):
        self.sent, self.ended, self.room = [], None, READY

    def drain(self):
        return self.room

    def close(self, code=1000, reason=""):
        self.ended = code


class Line:
    """A transport, and what its listener is told."""

    def __init__(self, loop):
        self.told = []
        self.socket = Socket()
        self.transport = NumberedTransport(LIMITS, loop.call_later, self, WebSocketTransport(self.socket))
        self.transport.flow()

    def lost(self, code):
        self.told.append(code)

    def say(self, *texts):
        self.transport.send([Payload(text) for text in texts])

    def resume(self):
        self.socket = Socket()
        self.transport.resume(
            WebSocketTransport(self.socket), lambda number: Uncounted(f"from {number}"), Payload("nothing")
        )
        return self.socket.sent


@pytest.fixture
def written(monkeypatch):
    """How many frames were made."""
    made = []

    def broadcast(wires, data):
        made.append(data)
        for wire in wires:
            wire.sent.append(data)

    monkeypatch.setattr(websocket, "post", lambda wire, data: broadcast((wire,), data))
    monkeypatch.setattr(websocket, "broadcast", broadcast)
    return made


@pytest.fixture
def loop(written):
    with VirtualLoop() as loop:
        yield loop


@pytest.fixture
def line(loop):
    return Line(loop)


def test_what_is_not_acknowledged_is_said_again(line):
    line.say("a", "b", "c")
    line.transport.acknowledge(1)
    line.transport.part()
    line.say("d")
    assert line.resume() == ["from 2", "b", "c", "d"]
    line.say("e")
    assert line.socket.sent[-1] == "e"


def test_what_does_not_count_is_said_once(line):
    line.transport.send([Uncounted("beat"), Payload("a")])
    assert line.socket.sent == ["beat", "a"]
    line.transport.part()
    line.transport.send([Uncounted("beat")])
    assert line.resume() == ["from 1", "a"]


def test_nothing_is_left(line):
    line.say("a")
    line.transport.acknowledge(7)  # more than there is
    line.transport.acknowledge(1)
    line.transport.part()
    assert line.resume() == ["from 2"]
    assert line.transport.queued == 0


def test_many_are_written_to_by_one_frame(loop, written):
    lines = [Line(loop) for _ in range(3)]
    lines[1].transport.part()
    written.clear()
    CARRIER.send_many([line.transport.wire for line in lines], Payload("a"))
    assert written == ["a"]
    assert [line.socket.sent for line in lines] == [["a"], [], ["a"]]
    assert lines[1].resume() == ["from 1", "a"]
    assert {line.transport.carrier for line in lines} == {CARRIER}


def test_commands_wait_until_enough_is_acknowledged(loop, line):
    line.say("x" * 200)
    assert not line.transport.crowded
    line.say("y" * 200)
    assert line.transport.crowded
    waiting = loop.create_task(line.transport.drain())
    loop.run(1)
    assert not waiting.done()
    line.transport.acknowledge(1)
    loop.run(1)
    assert waiting.done()


def test_what_a_websocket_has_queued_is_a_part_of_that(line):
    line.say("x" * 200)
    line.socket.room = object()  # it has none
    assert not line.transport.crowded


def test_who_acknowledges_nothing_begins_anew_after_a_loss(loop, line):
    line.say(*("x" * 200 for _ in range(5)))
    assert len(line.socket.sent) == 5  # it is there, and told all the same
    assert line.transport.queued <= 1_000
    line.transport.part()
    loop.run(1)
    assert line.told == [4413]
    assert line.transport.closed[0] == 4413


def test_who_acknowledges_late_may_come_back(loop, line):
    line.say(*("x" * 200 for _ in range(5)))
    line.transport.acknowledge(4)
    line.transport.part()
    assert line.transport.closed is None
    assert line.resume() == ["from 5", "x" * 200]


def test_who_is_away_for_too_much_is_gone(loop, line):
    line.transport.part()
    line.say(*("x" * 200 for _ in range(5)))
    loop.run(1)
    assert line.told == [4413]
    line.say("y")
    assert line.transport.queued == 0


def test_the_end_lets_go_who_waits(loop, line):
    line.say("x" * 400)
    waiting = loop.create_task(line.transport.drain())
    loop.run(1)
    line.transport.close(1012, "restart")
    line.transport.close(1012, "again")
    loop.run(1)
    assert waiting.done()
    assert (line.socket.ended, line.told) == (1012, [1012])
    assert not line.transport.crowded


def test_a_transport_says_what_it_is(line):
    assert line.transport.kind == "websocket"
    assert asyncio.iscoroutinefunction(line.transport.drain)


class Reader:
    """A client that counts as npm's does: `heard` are the messages that it had not heard before, `next` is the number of the one that comes."""

    def __init__(self):
        self.heard, self.next = [], 1

    def read(self, said):
        verb, _, number = said.partition(" ")
        if verb == "from":
            assert int(number) <= self.next, "more was said than this client has counted"
            self.next = int(number)
            return
        if self.next > len(self.heard):
            self.heard.append(said)
        self.next += 1


@pytest.mark.parametrize("seed", range(20))
def test_losses_while_what_was_said_is_said_again(line, seed):
    chance, reader, said, read = random.Random(seed), Reader(), 0, 0
    for _ in range(300):
        match chance.choice(("say", "say", "read", "read", "read", "has it", "lose")):
            case "say" if line.transport.queued < 900:
                said += 1
                line.say(f"message {said}")
            case "read" if read < len(line.socket.sent):
                reader.read(line.socket.sent[read])
                read += 1
            case "has it" if reader.heard:  # it says so from time to time, whatever comes just then
                line.transport.acknowledge(len(reader.heard))
            case "lose":
                if chance.random() < 0.5:
                    line.transport.part()
                line.resume()
                read = 0
    for each in line.socket.sent[read:]:
        reader.read(each)
    assert reader.heard == [f"message {number}" for number in range(1, said + 1)]


def test_a_line_begins_earlier_where_its_client_may_not_have_counted_so_far(line):
    line.say("a", "b", "c")
    assert line.resume() == ["from 1", "a", "b", "c"]
    line.transport.acknowledge(3)  # it had them before, and says so while it hears them again
    assert line.resume() == ["from 1", "nothing", "nothing", "nothing"]
    line.say("d")
    line.transport.acknowledge(4)
    assert line.resume() == ["from 5"]


def test_what_waits_for_the_client_s_first_word_is_bounded(loop):
    line = Line(loop)
    line.transport.flowing = False
    said = [f"{number:0100}" for number in range(20)]
    for each in said:
        line.say(each)
        assert line.transport.queued <= 1_000
    assert line.socket.sent == said
    line.transport.part()  # of some of it nobody knows any more whether it came
    loop.run(1)
    assert line.told == [4413]
