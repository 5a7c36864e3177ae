"""Lines as transports: numbers, what is kept, who fetches it."""

import asyncio
from dataclasses import replace

import pytest
from tests.transports.outlets import Sink

from everywire.payloads import BodyFormat, Payload
from everywire.testing.clock import VirtualLoop
from everywire.transports.http import CARRIER, LineLimits, LineTransport, OutOfStep

LIMITS = LineLimits(write_high=1_000, write_limit=10_000, keep=1_000)


class Form:
    """A format that counts how often it writes."""

    def __init__(self):
        self.written = 0
        self.format = BodyFormat("x/y", self.pack, lambda code, reason: b"bye %d" % code, prelude=b"hello ")

    def pack(self, payloads):
        self.written += 1
        return b"".join(each.encode() + b" " for each in payloads)


class Line:
    """A line, what its listener is told, and time."""

    def __init__(self, loop):
        self.loop = loop
        self.told = []
        self.transport = LineTransport(LIMITS, self.loop.call_later, self)
        self.form = Form()

    def deaf(self, *, gone):
        self.told.append("deaf" if gone else "full")

    def lost(self, code):
        self.told.append(code)

    def say(self, *texts):
        self.transport.send([Payload(text) for text in texts])

    def stream(self, limit=0, **how):
        sink = Sink()
        sink.producer = self.transport.stream(
            sink, replace(self.form.format, limit=limit) if limit else self.form.format, **how
        )
        return sink

    def poll(self):
        return self.loop.create_task(self.transport.poll(10, self.transport.displace()))

    def run(self, seconds=0.001):
        self.loop.run(seconds)


@pytest.fixture
def line():
    with VirtualLoop() as loop:
        yield Line(loop)


def test_what_is_said_before_anybody_asks_is_kept(line):
    line.say("one", "two")
    assert line.transport.fetch() == ["one", "two"]
    assert line.transport.fetch() == ["one", "two"]  # until the client says that it has them
    line.transport.acknowledge(1)
    assert line.transport.fetch() == ["two"]
    line.transport.acknowledge(2)
    assert line.transport.emptied


@pytest.mark.parametrize(("after", "code"), [(3, 1002), (0, 4413)])
def test_a_client_out_of_step(line, after, code):
    line.say("one", "two")
    line.transport.acknowledge(1)
    with pytest.raises(OutOfStep) as fault:
        line.transport.acknowledge(after)
    assert fault.value.code == code


def test_a_stream_begins_with_what_is_kept_and_goes_on(line):
    line.say("one")
    sink = line.stream()
    line.say("two")
    assert sink.body == b"hello one two "
    assert line.transport.heard


def test_a_payload_is_written_once_for_all_lines_of_a_format(line):
    others = [Line(line.loop) for _ in range(3)]
    for other in others:
        other.form = line.form
    sinks = [each.stream() for each in (line, *others)]
    silent = Line(line.loop)
    CARRIER.send_many([each.transport.wire for each in (line, *others, silent)], Payload("one"))
    assert line.form.written == 1
    assert {sink.body for sink in sinks} == {b"hello one "}
    assert all(sink.pieces[-1] is sinks[0].pieces[-1] for sink in sinks)
    assert silent.transport.fetch() == ["one"]


def test_a_second_request_ends_the_first(line):
    first = line.stream()
    second = line.stream()
    line.say("one")
    assert (first.over, first.body) == ("ended", b"hello ")
    assert second.body == b"hello one "
    first.producer.gone()
    assert line.told == []
    assert line.transport.heard


def test_a_stream_whose_client_goes(line):
    sink = line.stream()
    line.say("one")
    sink.producer.gone()
    line.say("two")
    assert line.told == ["deaf"]
    assert line.transport.fetch() == ["one", "two"]


def test_of_what_has_left_the_latest_are_kept(line):
    sink = line.stream()
    for number in range(100):
        line.say(f"{number:036}")  # a hundred bytes each, with the overhead
    assert line.transport.last == 100
    line.transport.acknowledge(90)
    sink.producer.gone()
    assert len(line.transport.fetch()) == 10
    with pytest.raises(OutOfStep):
        line.transport.acknowledge(80)


def test_what_has_not_left_is_kept(line):
    sink = line.stream()
    sink.backlog = 5_000
    for number in range(100):
        line.say(f"{number:036}")
    sink.producer.gone()
    assert len(line.transport.fetch()) == 60


def test_what_left_by_a_lossy_stream_is_gone(line):
    line.say("one")
    stream = line.stream(lossy=True)
    line.say("two")
    stream.producer.gone()
    assert (stream.body, line.told) == (b"hello one two ", ["deaf"])
    assert line.transport.emptied
    line.say("three")
    assert line.transport.fetch() == ["three"]


def test_what_a_closed_line_has_for_a_lossy_stream_is_given_once(line):
    line.say("one")
    line.transport.close(4000)
    assert [line.stream(lossy=True).body for _ in range(2)] == [b"hello one bye 4000", b"hello bye 4000"]


def test_a_lossy_stream_that_reads_too_slowly_is_cut_off(line):
    stream = line.stream(lossy=True)
    stream.backlog = 20_000
    line.say("y" * 15_000)  # alone it may be beyond the bound
    assert line.transport.closed is None
    line.say("x")
    assert (line.transport.closed, stream.over) == ((4413, "too slow"), "aborted")


@pytest.mark.parametrize("lossy", [False, True])
def test_a_stream_ends_at_its_limit_and_the_next_goes_on(line, lossy):
    first = line.stream(limit=10, lossy=lossy)
    line.say("four", "more")
    assert (first.body, first.over, line.told) == (b"hello four more ", "ended", ["full"])
    line.say("next")
    if not lossy:
        line.transport.acknowledge(2)
    assert line.stream(limit=10, lossy=lossy).body == b"hello next "


def test_a_stream_may_be_full_with_what_was_kept(line):
    line.say("four", "more")
    stream = line.stream(limit=10, lossy=True)
    assert (stream.body, stream.over, line.told) == (b"hello four more ", "ended", ["full"])
    line.say("next")
    assert line.transport.fetch() == ["next"]


def test_a_line_that_nobody_reads_is_closed_beyond_its_bound(line):
    for _ in range(101):
        line.say("x" * 36)
    assert line.transport.closed == (4413, "too slow")
    assert line.told == []
    line.run()
    assert line.told == [4413]
    assert line.transport.emptied


def test_a_stream_that_reads_too_slowly_is_cut_off(line):
    sink = line.stream()
    line.say("one")
    sink.backlog = 10_001
    line.say("two")
    assert line.transport.closed == (4413, "too slow")
    assert sink.over == "aborted"
    line.run()
    assert line.told == [4413]


def test_what_can_leave_is_let_go_before_a_reader_is_called_slow(line):
    sink = line.stream()
    line.say("one")
    sink.backlog, sink.pushed = 10_001, 0
    line.say("two")
    assert line.transport.closed is None


def test_one_payload_may_be_beyond_the_bound(line):
    line.say("x" * 20_000)
    assert line.transport.closed is None


def test_a_poll_waits_for_the_first_and_gets_all_of_that_moment(line):
    polling = line.poll()
    line.run(5)
    assert line.transport.heard
    line.say("one")
    line.say("two")
    line.run()
    assert polling.result() == ["one", "two"]
    assert not line.transport.heard


def test_a_poll_gets_at_once_what_came_before_it_began_to_run(line):
    polling = line.poll()
    line.say("one")
    line.run()
    assert polling.result() == ["one"]
    assert not line.transport.heard


def test_a_poll_that_nothing_comes_for(line):
    polling = line.poll()
    line.run(9)
    assert not polling.done()
    line.run(2)
    assert polling.result() == []


def test_two_polls_at_once(line):
    first = line.poll()
    line.run()
    second = line.poll()
    line.run()
    assert first.result() == []
    line.say("one")
    line.run()
    assert second.result() == ["one"]


def test_a_stream_takes_over_from_a_poll(line):
    first = line.poll()
    line.run()
    sink = line.stream()
    line.run()
    assert first.result() == []
    assert sink.over is None


def test_a_poll_that_begins_to_run_after_a_stream_took_over_gets_nothing(line):
    poll = line.poll()
    sink = line.stream()
    line.say("one")
    line.run()
    assert poll.result() == []
    line.say("two")
    assert (sink.body, sink.over) == (b"hello one two ", None)


def test_a_poll_whose_client_goes(line):
    polling = line.poll()
    line.run()
    polling.cancel()
    line.run()
    assert not line.transport.heard
    line.say("one")
    assert line.transport.fetch() == ["one"]


def test_closing_ends_a_stream_with_its_reason(line):
    sink = line.stream()
    line.say("one")
    line.transport.close(4404, "out")
    line.transport.close(1000)
    line.say("late")
    assert (sink.body, sink.over) == (b"hello one bye 4404", "ended")
    assert line.told == []
    line.run()
    assert line.told == [4404]


def test_what_was_said_before_the_closing_can_still_be_fetched(line):
    line.say("one")
    line.transport.close(4401, "no")
    assert line.transport.fetch() == ["one"]
    sink = line.stream()
    assert (sink.body, sink.over) == (b"hello one bye 4401", "ended")


def test_closing_ends_a_poll(line):
    polling = line.poll()
    line.run()
    line.transport.close(1001)
    line.run()
    assert polling.result() == []


def test_there_is_room_while_little_waits(line):
    line.say("one")
    assert line.loop.run_until_complete(asyncio.wait_for(line.transport.drain(), 1)) is None


def test_commands_wait_until_the_client_has_taken_what_waits(line):
    line.say(*["x" * 36] * 11)
    draining = line.loop.create_task(line.transport.drain())
    line.run()
    line.transport.acknowledge(0)
    line.run()
    assert not draining.done()
    line.transport.acknowledge(1)
    line.run()
    assert draining.done()


def test_commands_wait_until_a_stream_has_room(line):
    sink = line.stream()
    sink.backlog = 1_001
    draining = line.loop.create_task(line.transport.drain())
    line.run()
    assert sink.asked == [500]
    sink.backlog = 500
    sink.producer.drained()
    line.run()
    assert draining.done()


@pytest.mark.parametrize("end", [lambda line: line.transport.close(1001), lambda line: line.stream()])
def test_nobody_waits_for_room_that_is_no_longer_needed(line, end):
    line.say(*["x" * 36] * 11)
    draining = line.loop.create_task(line.transport.drain())
    line.run()
    end(line)
    line.run()
    assert draining.done()
