"""The storey on somebody else's transport: what it hands over and when, and how it ends."""

import asyncio

import pytest

from everywire import engine as engines
from everywire.engine.borrowed import Borrowed
from everywire.ws.link import PlainLink


class Transport:
    """A transport that writes down what is asked of it."""

    def __init__(self):
        self.written = []
        self.calls = []
        self.held = 0

    def write(self, data):
        self.written.append(data)

    def get_write_buffer_size(self):
        return self.held

    def can_write_eof(self):
        return True

    def is_closing(self):
        return "close" in self.calls

    def get_extra_info(self, name):
        return {"peername": ("127.0.0.1", 1)}.get(name)

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


class Above(PlainLink):
    """The storey above; does `act(data)` with what comes."""

    def __init__(self, act=None):
        super().__init__()
        self.act = act
        self.heard = []

    def feed(self, data):
        self.heard.append(data)
        if self.act is not None:
            self.act(data)

    def drained(self):
        self.heard.append("drained")

    def ended(self):
        self.heard.append("ended")

    def lost(self, reason):
        self.heard.append("lost")


@pytest.fixture
async def engine():
    engine = engines.current("portable")
    yield engine
    engine._streams.clear()


class Owner:
    """Who borrowed the transport; keeps what it is told."""

    def __init__(self):
        self.told = []

    def leaving(self):
        self.told.append("leaving")

    def left(self):
        self.told.append("left")


def made(engine, act=None):
    borrowed, transport, above = Borrowed(engine, 2.0, Owner()), Transport(), Above(act)
    borrowed.connection_made(transport)
    borrowed.put(above)
    return borrowed, transport, above


async def test_what_one_turn_leads_to_is_written_at_once(engine):
    borrowed, transport, above = made(engine, lambda data: (borrowed.write(data), borrowed.write_both(b"x", "y")))
    borrowed.data_received(b"one")
    assert above.heard == [b"one"]
    assert transport.written == [b"onexy"]


async def test_what_others_write_is_gathered_until_the_loop_goes_on(engine):
    borrowed, transport, _ = made(engine)
    borrowed.write(b"one")
    borrowed.write(b"two")
    assert borrowed.queued() > 6
    assert not transport.written
    await asyncio.sleep(0)
    assert transport.written == [b"onetwo"]
    assert borrowed.queued() == 0


async def test_a_full_transport_gets_nothing_and_what_waits_can_be_dropped(engine):
    borrowed, transport, above = made(engine)
    borrowed.pause_writing()
    borrowed.write(b"one")
    assert borrowed.queued() > 1 << 16
    await asyncio.sleep(0)
    assert not transport.written
    borrowed.discard()
    borrowed.write(b"two")
    borrowed.resume_writing()
    await asyncio.sleep(0)
    assert transport.written == [b"two"]
    assert above.heard == ["drained"]


async def test_finishing_half_closes_and_waits_for_the_peer(engine):
    borrowed, transport, _ = made(engine)
    borrowed.write(b"last")
    borrowed.finish()
    borrowed.write(b"too late")
    await asyncio.sleep(0)
    assert transport.written == [b"last"]
    assert transport.calls == ["write_eof", "resume_reading"]
    assert borrowed.eof_received() is False
    now = engine.clock()
    borrowed.guarded_sweep(now)
    assert "abort" not in transport.calls
    borrowed.guarded_sweep(now + 3)
    assert transport.calls[-1] == "abort"


async def test_leaving_does_not_wait(engine):
    borrowed, transport, _ = made(engine)
    borrowed.leave()
    await asyncio.sleep(0)
    assert transport.calls == ["close"]
    assert borrowed.owner.told == ["leaving"]


async def test_the_peers_half_close_and_its_loss(engine):
    borrowed, transport, above = made(engine)
    assert borrowed.eof_received() is True
    borrowed.connection_lost(None)
    borrowed.connection_lost(None)
    assert above.heard == ["ended", "lost"]
    assert borrowed.owner.told == ["left"]
    borrowed.write(b"nobody")
    borrowed.abort()
    await asyncio.sleep(0)
    assert not transport.written
    assert not transport.calls


async def test_an_error_above_ends_this_connection_alone(engine, caplog):
    def fail(data):
        raise RuntimeError("above")

    borrowed, transport, _ = made(engine, fail)
    borrowed.data_received(b"one")
    assert transport.calls == ["abort"]
    assert "nobody handled" in caplog.text


async def test_the_facts_are_the_transports_but_for_the_descriptor(engine):
    borrowed, transport, _ = made(engine)
    assert borrowed.extra("peername") == ("127.0.0.1", 1)
    assert borrowed.extra("fd") is None
    assert borrowed.extra("ground") is borrowed
    borrowed.reading(False)
    borrowed.reading(True)
    assert transport.calls == ["pause_reading", "resume_reading"]
