"""A client that agrees on its codec while it is there."""

from types import SimpleNamespace

import pytest

from everywire.dialects.base import Acknowledged, Agreed
from everywire.errors import ProtocolError
from everywire.gateway import agreeing
from everywire.gateway.agreeing import AgreeingLine
from everywire.hub.world import LoopWorld
from everywire.testing.clock import VirtualLoop
from everywire.transports.http import LineLimits


class Attachment(SimpleNamespace):
    session = None

    def pay(self, size):
        return size < 10

    def receive(self, command):
        self.heard.append(command)

    def close(self, code, reason):
        self.ended = (code, reason)


@pytest.fixture
def line():
    attachment = Attachment(
        heard=[], inbox=[], ended=None, codec="before", transport=object(), calls=None, session=None, open=True
    )
    return AgreeingLine(None, attachment, SimpleNamespace(decode=lambda said: said, received=0), LineLimits(), 4)


def test_it_reads_another_codec_from_then_on(line):
    line.receive(["a", Agreed("then"), "b"])
    assert (line.attachment.codec, line.attachment.heard) == ("then", ["a", "b"])


def test_numbers_mean_nothing_where_nothing_outlives_a_websocket(line):
    line.receive([Agreed("then", object()), Acknowledged(3)])
    assert line.numbered is None
    assert line.attachment.heard == []


def test_what_is_paid_for_is_looked_at(line):
    line.receive(["a"] * 10)
    assert line.attachment.heard == []


def test_what_comes_before_a_fault_is_heard(line):
    def decode(said):
        yield from said
        raise ProtocolError("bad", 4400)

    line.decoder.decode = decode
    line.receive(["a"])
    assert (line.attachment.heard, line.attachment.ended) == (["a"], (4400, "bad"))


class Slow(Attachment):
    """Has each command wait, until it is told to `handle` some."""

    __hash__ = object.__hash__

    def receive(self, command):
        self.inbox.append(command)

    def handle(self, count):
        self.handled += self.inbox[:count]
        del self.inbox[:count]
        self.moved()

    def moved(self):
        learn = self.hub.moved.get(self)
        if learn is not None:
            learn()


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


@pytest.fixture
def slow(loop):
    hub = SimpleNamespace(world=LoopWorld(loop), time=0.0, moved={})
    attachment = Slow(
        handled=[],
        inbox=[],
        ended=None,
        codec="before",
        calls=None,
        session=None,
        hub=hub,
        transport=SimpleNamespace(crowded=False),
        open=True,
    )
    yield AgreeingLine(hub, attachment, SimpleNamespace(decode=lambda said: said, received=0), LineLimits(), 4)
    loop.run(0)
    assert hub.moved == {}


def begun(loop, *rests):
    tasks = [loop.create_task(rest) for rest in rests]
    loop.run(0)
    return tasks


def test_no_more_is_read_than_may_wait(loop, slow):
    (rest,) = begun(loop, slow.receive("abcdefgh"))
    assert slow.attachment.inbox == [*"abcd"]
    slow.attachment.handle(1)
    loop.run(0)
    assert slow.attachment.inbox == [*"bcd"]  # more is read once half of it is handled
    slow.attachment.handle(2)
    loop.run(0)
    assert slow.attachment.inbox == [*"defg"]
    slow.attachment.handle(4)
    loop.run(0)
    assert rest.done()
    assert slow.attachment.handled + slow.attachment.inbox == [*"abcdefgh"]


def test_what_comes_meanwhile_comes_after_it(loop, slow):
    rests = begun(loop, slow.receive("abcdef"), slow.receive("gh"))
    for _ in range(4):
        slow.attachment.handle(3)
        loop.run(0)
    assert all(rest.done() for rest in rests)
    assert slow.attachment.handled == [*"abcdefgh"]
    assert slow.receive("i") is None


def test_where_nothing_goes_on_the_rest_is_read_all_the_same(loop, slow):
    (rest,) = begun(loop, slow.receive("abcdefgh"))  # the answer that a handler waits for may be among it
    loop.run(0.9)
    slow.attachment.handle(1)
    loop.run(0.9)
    assert slow.attachment.inbox == [*"bcd"]
    loop.run(0.2)
    assert rest.done()
    assert slow.attachment.inbox == [*"bcdefgh"]


def test_so_it_is_where_the_client_has_to_read(loop, slow):
    slow.attachment.transport.crowded = True
    (rest,) = begun(loop, slow.receive("abcdefgh"))
    assert rest.done()


def test_and_where_it_has_to_later(loop, slow):
    (rest,) = begun(loop, slow.receive("abcdefgh"))
    slow.attachment.transport.crowded = True
    slow.attachment.moved()
    loop.run(0)
    assert rest.done()
    assert slow.attachment.inbox == [*"abcdefgh"]


def test_a_loss_ends_that(loop, slow):
    (rest,) = begun(loop, slow.receive("abcdefgh"))
    slow.attachment.open = False
    slow.attachment.moved()
    loop.run(0)
    assert rest.done()
    assert slow.attachment.inbox == [*"abcd"]


def test_a_fault_in_the_rest_closes(loop, slow):
    def decode(said):
        yield from said
        raise ProtocolError("bad", 4400)

    slow.decoder.decode = decode
    (rest,) = begun(loop, slow.receive("abcde"))
    slow.attachment.handle(4)
    loop.run(0)
    assert rest.done()
    assert slow.attachment.ended == (4400, "bad")


def test_a_request_that_is_given_up_is_read_all_the_same(loop, slow):
    first, second = slow.receive("abcdefgh"), slow.receive("ij")
    first.close()  # before it begins
    (waiting,) = begun(loop, second)
    waiting.cancel()
    for _ in range(4):
        slow.attachment.handle(4)
        loop.run(0)
    assert slow.attachment.handled == [*"abcdefghij"]
    assert slow.receive("k") is None


def test_it_says_what_the_next_payload_has_to_wait_for(line, monkeypatch):
    assert line.receive([Agreed("then")]) is None
    monkeypatch.setattr(agreeing, "held", lambda hub, attachment: (hub, attachment, "room"))
    assert line.receive(["a"]) == (None, line.attachment, "room")
    assert line.receive("x" * 10) is None, "it was not looked at"
