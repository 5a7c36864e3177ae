"""Bad peers: those that never read, never answer, or vanish at any byte."""

from __future__ import annotations

import select
import time
import zlib

import pytest
from conformance.processes import EchoServer
from tests.abuse.raw import BINARY, FIN, PING, RSV1, TEXT, Peer, close_frame, frame, request
from tests.abuse.unharmed import echoes, start, unharmed

PATIENCE = 20  # seconds; what is waited for comes within one, on a machine that is not busy


def gone(server: EchoServer, descriptors: int) -> bool:
    """Wait until the server has no more descriptors than that; False when it keeps them."""
    deadline = time.monotonic() + PATIENCE
    while server.descriptors() > descriptors:
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], 0.01)
    return True


def pour(peer: Peer, piece: bytes, most: int) -> int:
    """Send without reading, until the server takes no more for 0.3 s or ends the connection; gives the bytes that went out."""
    sent = 0
    peer.sock.settimeout(0.3)
    try:
        while sent < most:
            sent += peer.sock.send(piece)
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        pass
    return sent


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 100, 60_000])
def test_never_reads(engine: str, size: int) -> None:
    """An echo that nobody reads: the coroutine waits, then nothing more is read from the peer."""
    with (
        start(engine) as server,
        unharmed(server, lines=0, memory=8, seconds=3),
        Peer.open(server.port, receive_buffer=4096) as peer,
    ):
        sent = pour(peer, frame(FIN | BINARY, b"x" * size) * max(1, 60_000 // size), 200 << 20)
        assert sent < 64 << 20  # most of it in the kernels' buffers


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 100, 60_000])
def test_never_reads_what_a_callback_sends(engine: str, size: int) -> None:
    """A callback cannot wait: the connection is cut off when too much is queued."""
    with (
        start(engine, "--style", "callback") as server,
        unharmed(server, lines=1 if size > 1 else None, memory=8, seconds=3),
        Peer.open(server.port, receive_buffer=4096) as peer,
    ):
        pour(peer, frame(FIN | BINARY, b"x" * size) * max(1, 60_000 // size), 100 << 20)


def test_many_small_bombs(engine: str) -> None:
    """Each message is within `max_size`, and 800 times smaller on the wire: a read full of them must not inflate all at once."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = (deflater.compress(bytes(60_000)) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
    bombs = frame(FIN | RSV1 | BINARY, packed) * 2000  # 120 MB in 160 kB
    header = "Sec-WebSocket-Extensions: permessage-deflate"
    with (
        start(engine) as server,
        unharmed(server, lines=0, memory=8, seconds=3),
        Peer.open(server.port, header, receive_buffer=4096) as peer,
    ):
        peer.send(bombs)
        assert peer.frame() is not None


@pytest.mark.slow
def test_empty_messages_to_a_handler_that_waits(engine: str) -> None:
    """Messages without a byte count too: a handler that is stuck in `send` does not collect a million of them."""
    with (
        start(engine) as server,
        unharmed(server, lines=None, memory=8, seconds=3),
        Peer.open(server.port, receive_buffer=4096) as peer,
    ):
        pour(peer, frame(FIN | BINARY, b"x" * 60_000) * 8, 64 << 20)
        pour(peer, frame(FIN | BINARY) * 10_000, 64 << 20)


@pytest.mark.slow
def test_never_reads_and_is_found_by_keepalive(engine: str) -> None:
    """A peer that answers no ping is cut off after `ping_interval` + `ping_timeout`."""
    with start(engine, ping_interval=0.2, ping_timeout=0.2) as server, Peer.open(server.port) as waiting:
        descriptors = server.descriptors()
        with Peer.open(server.port) as peer:
            heard = list(peer.frames())
            assert heard[0][0] == FIN | PING
            assert int.from_bytes(heard[-1][1][:2], "big") == 1011
            assert gone(server, descriptors)
        waiting.send(b"")


def test_never_answers_our_close(server: EchoServer) -> None:
    """The server closes, the peer keeps still: after `close_timeout` the connection is gone."""
    with unharmed(server, lines=None), Peer.open(server.port) as still:
        descriptors = server.descriptors()
        with Peer.open(server.port) as peer:
            peer.send(frame(FIN | TEXT, b"leave"))
            assert peer.close_code() == 1000
            assert peer.rest() == b""
            assert gone(server, descriptors)
        echoes(still, b"here")


def test_talks_on_after_our_close(server: EchoServer) -> None:
    """The server closes, the peer only goes on sending: nothing of it is answered, and after `close_timeout` the connection is gone."""
    with unharmed(server, lines=None), Peer.open(server.port) as peer:
        peer.send(frame(FIN | TEXT, b"leave"))
        assert peer.close_code() == 1000
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not select.select([peer.sock], [], [], 0.02)[0]:
            peer.send(frame(FIN | TEXT, b"more"))
        assert peer.rest() == b""


@pytest.mark.slow
def test_never_closes_after_an_error(server: EchoServer) -> None:
    """After a protocol error the server does not depend on the peer to be rid of the connection."""
    with unharmed(server):
        descriptors = server.descriptors()
        with Peer.open(server.port) as peer:
            peer.send(frame(FIN | 3))
            assert peer.close_code() == 1002
            assert gone(server, descriptors)


CONVERSATION = request() + frame(TEXT, b"He") + frame(FIN | PING, b"p") + frame(FIN, b"llo") + close_frame(1000, "bye")


@pytest.mark.parametrize("end", ["reset", "close"])
def test_vanishes_at_every_byte(server: EchoServer, end: str) -> None:
    """The peer says the first i bytes of a conversation, for every i, and is gone: by RST, or by FIN without reading."""
    with unharmed(server, lines=None, seconds=3):
        descriptors = server.descriptors()
        for i in range(len(CONVERSATION) + 1):
            with Peer.connect(server.port) as peer:
                peer.send(CONVERSATION[:i])
                if end == "reset":
                    peer.reset()
        assert gone(server, descriptors)


def test_half_closes_at_every_byte(server: EchoServer) -> None:
    """The peer says the first i bytes and half-closes: it still gets its answers, then the end."""
    with unharmed(server, lines=None, seconds=3):
        descriptors = server.descriptors()
        for i in range(len(CONVERSATION) + 1):
            with Peer.connect(server.port) as peer:
                peer.send(CONVERSATION[:i])
                peer.sock.shutdown(1)
                heard = peer.rest()
                assert heard.startswith(b"HTTP/1.1 101") == (i >= len(request()))
        assert gone(server, descriptors)
