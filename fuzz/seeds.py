"""The seeds: inputs from which the fuzzer starts, made by script so that no binary files are kept."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

FRAMES, COMPRESSED, TAKEOVER = 32, 8, 16
MASKS = (b"\0\0\0\0", b"\x37\xfa\x21\x3d")


def write(folder: Path, target: str) -> None:
    """Write the seeds of one target into a folder, which is also where the fuzzer adds what it finds."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in handshake_seeds() if target == "handshake" else decoder_seeds():
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def decoder_seeds() -> Iterator[bytes]:
    """Every kind of frame and of fault, in both roles, as a list of frames and raw."""
    for flags in range(8):  # roles and limits
        for mask in MASKS:
            for frames in frame_lists():
                body = b"".join(bytes((first, len(payload))) + payload for first, payload in frames)
                for more in (0, COMPRESSED, COMPRESSED | TAKEOVER):
                    yield bytes((flags | FRAMES | more, len(body) % 7)) + mask + body
        for wire in raw_wires():
            yield bytes((flags, len(wire) % 5)) + MASKS[0] + wire


def frame_lists() -> Iterator[list[tuple[int, bytes]]]:
    """Conversations as lists of (first byte, payload)."""
    text = "Grüße, κόσμε \U0001f642".encode()
    yield [(0x81, b"hello")]
    yield [(0x82, bytes(range(126)))]
    yield [(0x81, text), (0x89, b"ping"), (0x8A, b"pong"), (0x88, b"\x03\xe8bye")]
    yield [(0x01, text[:4]), (0x89, b""), (0x00, text[4:9]), (0x80, text[9:])]
    yield [(0x02, b"")] + [(0x00, b"")] * 8 + [(0x80, b"")]
    yield [(0x81, b"\xed\xa0\x80")]
    yield [(0x01, b"\xf0\x9f"), (0x80, b"\x99\x82")]
    yield [(0x88, b"")]
    yield [(0x88, b"\x03")]
    for code in (999, 1004, 1005, 1006, 1012, 1015, 1016, 2999, 3000, 4999, 5000, 65535):
        yield [(0x88, code.to_bytes(2, "big"))]
    for first in (0x83, 0x87, 0x8B, 0x8F, 0x09, 0x08, 0x80, 0x91, 0xA1, 0xC1, 0xC9, 0xF2):
        yield [(first, b"x"), (0x81, b"y")]
    packed = deflated(text * 9)
    yield [(0xC1, packed)]
    yield [(0x41, packed[:5]), (0x89, b""), (0x80, packed[5:])]
    yield [(0xC2, deflated(bytes(9000)))] * 2
    yield [(0xC1, b"\x03\x00")]
    yield [(0xC1, b"\x01\x00\x00\xff\xff")]
    yield [(0xC1, b"\xff\xff")]


def raw_wires() -> Iterator[bytes]:
    """Headers that no list of frames can say."""
    for first in (0x81, 0x82, 0x88, 0x89):
        for second in (0x7E, 0x7F, 0xFE, 0xFF):
            for length in (0, 125, 126, 65535, 65536, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63):
                size = 2 if second & 1 == 0 else 8
                yield bytes((first, second)) + (length & ((1 << 8 * size) - 1)).to_bytes(size, "big") + b"\0\0\0\0abc"


def deflated(data: bytes) -> bytes:
    """One compressed message, as RFC 7692 7.2.1 makes it."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    return (stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def handshake_seeds() -> Iterator[bytes]:
    """Headers that are right, wrong and strange (the first byte of a line is an index into `handshake_fuzz.NAMES`), and requests as bytes."""
    for head in (
        b"Host: a\r\n",
        b"Host: a\r\nX: y\r\nX : z\r\n",
        b"\r\nHost: a\r\n",
        b"Host: a\nX: y\r\n",
        b"Host: a\r\n b\r\n",
    ):
        for first in (
            b"GET / HTTP/1.1\r\n",
            b"\r\nPOST /a?b HTTP/1.1\r\nContent-Length: 3\r\n",
            b"GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        ):
            yield b"\x80\x05" + (first + head + b"\r\nabc") * 2
        yield (
            b"\x80\x03POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
            + head
            + b"\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        )
    extensions = (
        b"permessage-deflate",
        b"permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate",
        b"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        b'permessage-deflate; server_max_window_bits="9"; x="y z"',
        b"constructor, __proto__; a=b; a=c",
        b"permessage-deflate; server_max_window_bits=99; client_max_window_bits=08",
    )
    for flags in (0, 0x1F, 0x3F, 0x26):
        for value in extensions:
            yield bytes((flags, 6)) + value
        yield bytes((flags, 7)) + b"chat, superchat\n\x07a\x80\xff\n\x08null\n\x09a=b; c"
        yield bytes((flags, 8)) + b"https://evil.example\n\x09sid=1\n\x00example.com:443"
        yield bytes((flags, 10)) + b"0\n\x0bchunked\n\x04AAAA\nX-Y: z"
        yield bytes((flags, 1)) + b"h2c, WebSocket\n\x02keep-alive , upgrade\n\x0313\n\x038"
