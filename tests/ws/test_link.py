"""Storeys: what comes up goes through each, what goes down too."""

import pytest
from tests.ws.raw import Pipe

from everywire.ws.link import Link, PlainLink


class Recorder(PlainLink):
    """The highest storey: keeps what it learns."""

    def __init__(self):
        super().__init__()
        self.learnt = []

    def feed(self, data):
        self.learnt.append(data)

    def ended(self):
        self.learnt.append("ended")

    def lost(self, reason):
        self.learnt.append(("lost", reason, self.below is not None))

    def drained(self):
        self.learnt.append("drained")

    def settling(self):
        self.learnt.append("settling")

    def sweep(self, now):
        self.learnt.append(now)


@pytest.fixture
def stack():
    """A pipe, a storey that does nothing, a recorder."""
    pipe, middle, top = Pipe(), Link(), Recorder()
    pipe.put(middle)
    middle.put(top)
    return pipe, middle, top


def test_what_comes_up_reaches_the_top(stack):
    pipe, _, top = stack
    pipe.feed(b"abc")
    pipe.ended()
    pipe.drained()
    pipe.settling()
    pipe.sweep(1.5)
    assert top.learnt == [b"abc", "ended", "drained", "settling", 1.5]


def test_a_plain_storey_gets_bytes_of_its_own(stack):
    pipe, _, top = stack
    lent = bytearray(b"abc")
    pipe.feed(lent)
    lent[:] = b"xyz"
    assert top.learnt == [b"abc"]
    assert type(top.learnt[0]) is bytes


@pytest.mark.parametrize("verb", ["finish", "leave", "abort", "discard", "wake"])
def test_what_goes_down_reaches_the_bottom(stack, verb):
    pipe, _, top = stack
    getattr(top, verb)()
    assert pipe.calls == [verb]


def test_bytes_and_facts_of_the_bottom(stack):
    pipe, _, top = stack
    pipe.backlog = 7
    top.write(b"abc")
    top.reading(False)
    top.reading(True)
    assert pipe.written == b"abc"
    assert pipe.calls == ["stop reading", "read"]
    assert top.queued() == 7
    assert top.extra("peername") == ("peer", 1)
    assert top.extra("nothing") is None


def test_the_end_is_told_once_and_from_the_top_down(stack):
    pipe, middle, top = stack
    error = OSError("gone")
    pipe.lost(error)
    assert top.learnt == [("lost", error, True)]
    assert (pipe.above, middle.above, middle.below, top.below) == (None, None, None, None)
    pipe.lost(error)
    pipe.feed(b"late")
    assert len(top.learnt) == 1


def test_a_storey_without_neighbours_does_nothing():
    link = Link()
    link.feed(b"abc")
    link.write(b"abc")
    for verb in ("ended", "drained", "settling", "wake", "finish", "leave", "abort", "discard"):
        getattr(link, verb)()
    link.sweep(1.0)
    link.reading(True)
    link.lost(None)
    assert link.queued() == 0
    assert link.extra("peername") is None


def test_a_storey_may_be_replaced(stack):
    _, middle, top = stack
    other = Recorder()
    middle.put(other)
    middle.feed(b"abc")
    assert top.learnt == []
    assert other.learnt == [b"abc"]
    assert other.below is middle
