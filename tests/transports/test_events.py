"""Transports that live as long as one response."""

import pytest
from tests.transports.outlets import Sink

from everywire.payloads import Payload
from everywire.testing.clock import VirtualLoop
from everywire.transports.events import CARRIER, EventTransport
from everywire.transports.http import LineLimits


class Stream:
    """A transport, who writes for it, and time."""

    def __init__(self, loop):
        self.loop = loop
        self.heard = []
        self.transport = EventTransport(LineLimits(write_high=100, write_limit=1_000), loop.call_later, self)

    def write(self, payload):
        return payload.data.encode() + b" "

    def goodbye(self, code, reason):
        return b"bye %d" % code

    def told(self):
        self.heard.append("told")

    def lost(self, code):
        self.heard.append(code)

    def say(self, *texts):
        self.transport.send([Payload(text) for text in texts])

    def begin(self):
        sink = Sink()
        assert self.transport.start(sink) is self.transport
        return sink

    def run(self):
        self.loop.run(0.001)


@pytest.fixture
def stream():
    with VirtualLoop() as loop:
        yield Stream(loop)


def test_what_comes_before_the_response_is_held(stream):
    stream.say("one", "two")
    sink = stream.begin()
    CARRIER.send_many([stream.transport.wire], Payload("three"))
    assert sink.body == b"one two three "


def test_who_writes_is_told_once_for_all_of_a_moment(stream):
    stream.say("one", "two")
    assert stream.heard == []
    stream.run()
    assert stream.heard == ["told"]
    stream.say("three")
    stream.run()
    assert stream.heard == ["told", "told"]


def test_news_wake_who_waits_for_them(stream):
    waiting = stream.loop.create_task(stream.transport.news())
    stream.run()
    assert not waiting.done()
    stream.say("one")
    stream.run()
    assert waiting.done()


def test_a_response_that_is_held_back_begins_before_too_much_is_held(stream):
    stream.say("x" * 200)
    assert stream.transport.crowded
    stream.run()
    waiting = stream.loop.create_task(stream.transport.news())
    draining = stream.loop.create_task(stream.transport.drain())
    stream.run()
    assert waiting.done()
    assert not draining.done()
    stream.begin()
    stream.run()
    assert draining.done()


def test_commands_wait_for_room(stream):
    sink = stream.begin()
    sink.backlog = 101
    assert stream.transport.behind
    draining = stream.loop.create_task(stream.transport.drain())
    stream.run()
    assert sink.asked == [50]
    sink.backlog = 0
    stream.transport.drained()
    stream.run()
    assert draining.done()


def test_a_reader_that_is_too_slow_is_cut_off(stream):
    sink = stream.begin()
    sink.backlog = 1_001
    stream.say("one")
    stream.say("late")
    assert (sink.over, stream.transport.closed) == ("aborted", (4413, "too slow"))
    stream.run()
    assert stream.heard == [4413, "told"] or stream.heard == ["told", 4413]


def test_what_can_leave_is_let_go_first(stream):
    sink = stream.begin()
    sink.backlog, sink.pushed = 1_001, 0
    stream.say("one")
    assert stream.transport.closed is None


def test_closing_says_why(stream):
    sink = stream.begin()
    stream.transport.close(1001, "away")
    stream.transport.close(1000)
    stream.say("late")
    assert (sink.body, sink.over) == (b"bye 1001", "ended")
    stream.run()
    assert stream.heard == [1001]


def test_one_that_is_closed_before_its_response_begins(stream):
    stream.say("one")
    stream.transport.close(4403)
    sink = stream.begin()
    assert (sink.body, sink.over) == (b"one bye 4403", "ended")


def test_a_client_that_goes(stream):
    stream.begin()
    stream.transport.gone()
    stream.transport.gone()
    stream.run()
    assert stream.heard == [1006]


@pytest.mark.parametrize("begun", [True, False])
def test_a_response_that_never_begins(stream, begun):
    if begun:
        stream.begin()
    stream.transport.give_up()
    assert (stream.transport.closed is None) is begun
