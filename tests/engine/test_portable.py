"""What only the engine on asyncio's transports has to care for."""

import asyncio

import pytest
from tests.engine.peer import until
from tests.engine.place import Place, Top, receive

from everywire.engine import portable


class Transport(asyncio.Transport):
    """A transport that is full when the test says so."""

    def __init__(self):
        super().__init__()
        self.written = []
        self.size = 0
        self.calls = []

    def write(self, data):
        self.written.append(data)

    def set_write_buffer_limits(self, high=None, low=None):
        self.limit = high

    def get_write_buffer_size(self):
        return self.size

    def can_write_eof(self):
        return True

    def write_eof(self):
        raise OSError("not connected any more")

    def abort(self):
        self.calls.append("abort")

    def close(self):
        self.calls.append("close")

    def is_closing(self):
        return bool(self.calls)

    def resume_reading(self):
        self.calls.append("resume")


@pytest.fixture
async def stream():
    """A stream on such a transport."""
    engine = portable.Engine(asyncio.get_running_loop())
    found = portable.Stream(engine, Top, 2.0)
    found.connection_made(Transport())
    yield found
    found.connection_lost(None)
    assert engine.count == 0


async def test_small_pieces_are_handed_over_as_one(stream):
    for i in range(5):
        stream.write(b"%d" % i)
    stream.engine.settle()
    assert stream.transport.written == [b"01234"]


async def test_a_full_transport_gets_nothing_more(stream):
    stream.pause_writing()
    stream.write(b"abc")
    stream.engine.settle()
    assert stream.transport.written == []
    assert stream.queued() == 3
    stream.discard()
    stream.write(b"def")
    stream.resume_writing()
    stream.engine.settle()
    assert stream.transport.written == [b"def"]


async def test_a_queue_is_never_crowded_without_the_transport_telling_of_its_end(stream):
    assert stream.transport.limit <= portable._CROWDED
    stream.write(b"x" * (portable._CROWDED + 1))
    stream.transport.size = portable._CROWDED
    stream.engine.settle()
    assert "drained" in stream.above.learnt


async def test_a_half_close_that_comes_too_late_is_an_abort(stream):
    stream.finish()
    stream.engine.settle()
    assert stream.transport.calls == ["abort"]


async def test_the_peers_half_close_after_ours_closes(stream):
    stream.half = True
    assert stream.eof_received() is False


async def test_streams_work_beside_each_other():
    async with Place("portable", lambda top, data: top.write(data)) as place:
        socks = [(await place.client())[0] for _ in range(3)]
        for sock in socks:
            sock.sendall(b"abc")
        assert [await receive(sock) for sock in socks] == [b"abc"] * 3
        assert place.engine.count == 3
        for sock in socks:
            sock.close()
        await until(lambda: place.engine.count == 0)
