"""Bad frames: each ends its connection with a clear code, at once, and costs next to nothing."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import pytest
from conformance.processes import EchoServer
from tests.abuse.raw import BINARY, CLOSE, FIN, MASK, PING, PONG, RSV1, TEXT, Peer, close_frame, frame
from tests.abuse.unharmed import start, unharmed

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


@dataclass(frozen=True)
class Bad:
    """What is sent and the code of the close frame that answers it."""

    name: str
    wire: bytes
    code: int
    headers: tuple[str, ...] = ()


def announcing(size: int, first: int = FIN | BINARY) -> bytes:
    """The head of a frame of this many bytes, and four of them."""
    return bytes((first, 0xFF)) + size.to_bytes(8, "big") + MASK + b"abcd"


def bomb(size: int) -> bytes:
    """Zeros, compressed about 1000 : 1."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    out = b"".join(stream.compress(bytes(1 << 20)) for _ in range(size >> 20))
    return (out + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def in_fragments(first: int, payload: bytes, size: int) -> bytes:
    """One message in fragments of `size` bytes."""
    pieces = [payload[i : i + size] for i in range(0, len(payload), size)]
    firsts = [first & ~FIN] + [0] * (len(pieces) - 2) + [FIN]
    return b"".join(frame(one, piece) for one, piece in zip(firsts, pieces, strict=True))


BAD = (
    *(Bad(f"reserved bits {bits >> 4}", frame(FIN | TEXT | bits, b"a"), 1002) for bits in (0x10, 0x20, 0x40, 0x70)),
    *(Bad(f"opcode {opcode}", frame(FIN | opcode), 1002) for opcode in (3, 7, 11, 15)),
    Bad("unmasked text", frame(FIN | TEXT, b"a", None), 1002),
    Bad("unmasked ping", frame(FIN | PING, b"a", None), 1002),
    Bad("unmasked close", close_frame(1000, key=None), 1002),
    Bad("length 2^63", announcing(1 << 63), 1002),
    Bad("length 2^64 - 1", announcing((1 << 64) - 1), 1002),
    Bad("length 2^63 - 1", announcing((1 << 63) - 1), 1009),
    Bad("length 2^62", announcing(1 << 62), 1009),
    Bad("length 2^55", announcing(1 << 55), 1009),
    Bad("length 2^32", announcing(1 << 32), 1009),
    Bad("length 2^31", announcing(1 << 31), 1009),
    Bad("one byte too many", announcing((1 << 16) + 1), 1009),
    Bad("ping of 126 bytes", frame(FIN | PING, b"x" * 126), 1002),
    Bad("ping of 2^62 bytes", announcing(1 << 62, FIN | PING), 1002),
    Bad("close of 126 bytes", frame(FIN | CLOSE, b"\x03\xe8" + b"x" * 124), 1002),
    Bad("fragmented ping", frame(PING, b"a"), 1002),
    Bad("fragmented close", frame(CLOSE, b"\x03\xe8"), 1002),
    Bad("close of one byte", frame(FIN | CLOSE, b"\x03"), 1002),
    Bad("close with 1005", close_frame(1005), 1002),
    Bad("close with 1006", close_frame(1006), 1002),
    Bad("close with 1015", close_frame(1015), 1002),
    Bad("continuation of nothing", frame(FIN, b"a"), 1002),
    Bad("a message in a message", frame(TEXT, b"a") + frame(FIN | TEXT, b"b"), 1002),
    Bad("compression not agreed on", frame(FIN | RSV1 | TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00"), 1002),
    Bad("not deflate", frame(FIN | RSV1 | TEXT, b"\xff\xff"), 1007, (DEFLATE,)),
    Bad("empty fragments", frame(TEXT) + frame(0) * 200_000, 1008),
    Bad("one-byte fragments", frame(TEXT, b"a") + frame(0, b"a") * 80_000, 1008),
    Bad("many short messages, then a bad one", frame(FIN | PONG) * 20_000 + frame(FIN | 3), 1002),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_closed_with_a_code(server: EchoServer, bad: Bad) -> None:
    with unharmed(server), Peer.open(server.port, *bad.headers) as peer:
        peer.send(bad.wire)
        assert peer.close_code() == bad.code


BOMB = bomb(64 << 20)
BOMBS = (
    ("one frame", frame(FIN | RSV1 | BINARY, BOMB[: 1 << 16])),
    ("text", frame(FIN | RSV1 | TEXT, BOMB[: 1 << 16])),
    ("fragments", in_fragments(FIN | RSV1 | BINARY, BOMB[: 1 << 15], 600)),
    ("small fragments", in_fragments(FIN | RSV1 | BINARY, BOMB[:360], 6)),
)


@pytest.mark.parametrize("wire", [wire for _, wire in BOMBS], ids=[name for name, _ in BOMBS])
def test_compression_bomb(server: EchoServer, wire: bytes) -> None:
    """A message that inflates beyond `max_size` is refused while it inflates."""
    with unharmed(server, seconds=0.3), Peer.open(server.port, DEFLATE) as peer:
        peer.send(wire)
        assert peer.close_code() == 1009


def test_endless_streams_in_one_message(server: EchoServer) -> None:
    """A message of thousands of empty deflate streams, two bytes each, must not cost a fresh inflater each."""
    with unharmed(server, seconds=0.3), Peer.open(server.port, DEFLATE) as peer:
        peer.send(frame(FIN | RSV1 | BINARY, b"\x03\0" * 32_000))
        assert peer.close_code() == 1007


TEXT_BYTES = "aé€\U0001f642".encode()
WRONG = (b"\xff", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80")


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong.hex() for wrong in WRONG])
def test_invalid_utf8_split_anywhere(server: EchoServer, wrong: bytes) -> None:
    """Wherever the frames, and the reads, are split, invalid text ends in 1007, even when nothing follows it."""
    payload = TEXT_BYTES + wrong
    with unharmed(server, lines=len(payload) - 1):
        for i in range(1, len(payload)):
            first, second = frame(TEXT, payload[:i]), frame(FIN, payload[i:] + b"tail")
            with Peer.open(server.port) as peer:
                peer.send(first, second[:-4])  # the tail never comes
                assert peer.close_code() == 1007


def test_ping_flood_without_reading(server: EchoServer) -> None:
    """Pings whose pongs nobody reads: answered while there is room, then only the newest."""
    with unharmed(server, lines=0, memory=2), Peer.open(server.port, receive_buffer=4096) as peer:
        pings = frame(FIN | PING, b"x" * 125) * 400
        for _ in range(100):  # 5 MB, more than the kernel keeps for such a reader
            peer.send(pings)
        peer.send(frame(FIN | PING, b"newest"))
        heard = [payload for first, payload in iter(peer.frame, (FIN | PONG, b"newest"))]
        assert len(heard) < 40_000, "every ping was answered, from memory"
        peer.send(close_frame(1000))
        assert peer.close_code() == 1000


@pytest.mark.slow
def test_long_ping_flood(engine: str) -> None:
    """400,000 pings (52 MB): within a megabyte."""
    with (
        start(engine) as server,
        unharmed(server, lines=0, memory=2, seconds=3),
        Peer.open(server.port, receive_buffer=4096) as peer,
    ):
        for _ in range(1000):
            peer.send(frame(FIN | PING, b"x" * 125) * 400)


@pytest.mark.slow
def test_half_a_gigabyte_in_a_message(engine: str) -> None:
    """A bomb of 512 MiB against a limit of 1 MiB: a few megabytes, a few hundredths of a second."""
    with (
        start(engine, max_size=1 << 20) as server,
        unharmed(server, memory=6, seconds=0.3),
        Peer.open(server.port, DEFLATE) as peer,
    ):
        peer.send(frame(FIN | RSV1 | BINARY, bomb(512 << 20)))
        assert peer.close_code() == 1009
