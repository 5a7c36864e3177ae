"""What must hold whatever the bytes: inputs read as scenarios, decoded whole, in pieces and by both builds.

The first six bytes of an input choose the scenario, the rest is what the peer sends:

| byte | chooses |
|---|---|
| 0 | bit 0: role; bits 1 and 2: limits; bit 3: compression; bit 4: context takeover; bit 5: the rest is read as a list of frames |
| 1 | the seed of the split points |
| 2 to 5 | the mask key, where the rest is a list of frames |
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from everywire.ws.deflate import Inflation

SIZES = (1 << 20, 4096, 125, 0)
FRAGMENTS = (1024, 16, 2, 1)
HEAD = 6
# For each seed up to seven places to cut at, between 0 and 1.
_dice = random.Random(6455)
CUTS = [[_dice.random() for _ in range(seed & 7)] for seed in range(256)]


class Finding(Exception):
    """An input for which something does not hold."""


@dataclass(frozen=True)
class Scenario:
    """One connection's direction: who we are, our limits, and what the peer sends."""

    client: bool
    max_size: int
    max_fragments: int
    compressed: bool
    takeover: bool
    seed: int
    wire: bytes


def scenario(data: bytes) -> Scenario:
    """Read an input; shorter ones are filled up with zeros."""
    head = data[:HEAD].ljust(HEAD, b"\0")
    flags, limit = head[0], head[0] >> 1 & 3
    client = bool(flags & 1)
    wire = data[HEAD:]
    if flags & 32:
        wire = as_frames(wire, None if client else head[2:6])
    return Scenario(client, SIZES[limit], FRAGMENTS[limit], bool(flags & 8), bool(flags & 16), head[1], wire)


def as_frames(data: bytes, key: bytes | None) -> bytes:
    """Read `data` as (first byte, length, payload)* and write well-formed frames of it, masked with `key`."""
    out, position = bytearray(), 0
    while position + 2 <= len(data):
        first, size = data[position], data[position + 1]
        payload = data[position + 2 : position + 2 + size]
        position += 2 + size
        mask_bit = 0 if key is None else 0x80
        if len(payload) > 125:
            out += bytes((first, mask_bit | 126)) + len(payload).to_bytes(2, "big")
        else:
            out += bytes((first, mask_bit | len(payload)))
        if key is not None:
            out += key
            payload = masked(payload, key)
        out += payload
    return bytes(out)


def masked(payload: bytes, key: bytes) -> bytes:
    """XOR with the repeated key (RFC 6455 5.3), by another way than the code under test."""
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(pad, "little")).to_bytes(size, "little")


def decoder(frames: ModuleType, given: Scenario) -> Any:
    """A decoder of this build for the scenario."""
    inflation = Inflation(15, takeover=given.takeover) if given.compressed else None
    return frames.Decoder(given.client, frames.Limits(given.max_size, given.max_fragments), inflation)


def decode(frames: ModuleType, given: Scenario, pieces: list[bytes]) -> list[tuple[Any, ...]]:
    """Feed the pieces; gives the events as plain tuples. Finding where the decoder breaks its promises."""
    subject = decoder(frames, given)
    events = [event for piece in pieces for event in subject.feed(piece)]
    plain = [as_tuple(event) for event in events]
    for index, event in enumerate(plain):
        check(event, given, last=index == len(plain) - 1)
    return plain


def as_tuple(event: Any) -> tuple[Any, ...]:
    """One event, comparable between builds. Only the code of an error counts, not its words."""
    name = type(event).__name__
    if name in ("str", "bytes"):
        return (name, event)
    if name == "Control":
        return ("control", event.opcode, event.data, int(event.code), event.reason)
    if name in ("ProtocolError", "MessageTooBig"):
        return ("error", int(event.code))
    raise Finding(f"unknown event {event!r}")


def check(event: tuple[Any, ...], given: Scenario, *, last: bool) -> None:
    """What is true of every event by itself."""
    match event:
        case ("str", text) if len(text.encode()) > given.max_size:
            raise Finding(f"a text of {len(text.encode())} bytes, but at most {given.max_size} are allowed")
        case ("bytes", data) if len(data) > given.max_size:
            raise Finding(f"{len(data)} bytes, but at most {given.max_size} are allowed")
        case ("control", opcode, data, code, reason) if opcode not in (8, 9, 10) or len(data) > 125:
            raise Finding(f"impossible control frame {opcode} of {len(data)} bytes ({code} {reason})")
        case ("error", code) if not last:
            raise Finding(f"error {code} is not the last event")
        case ("error", code) if code not in (1002, 1007, 1008, 1009):
            raise Finding(f"error with code {code}")


def pieces(wire: bytes, seed: int) -> list[bytes]:
    """Cut the bytes at points that `seed` (0 to 255) chooses; seed 0, where they are few: each byte by itself."""
    if seed == 0 and len(wire) < 200:
        return [wire[i : i + 1] for i in range(len(wire))]
    cuts = sorted(int(part * len(wire)) for part in CUTS[seed])
    return [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]


def same(one: list[tuple[Any, ...]], two: list[tuple[Any, ...]], given: Scenario, what: str) -> None:
    """Compare two runs.

    A compressed message may have two faults, of which the pieces decide which one shows first (a whole piece is inflated before
    its text is checked): there the error's code is not compared.
    """
    if given.compressed:
        one, two = (
            [event[:1] if event[0] == "error" else event for event in one],
            [event[:1] if event[0] == "error" else event for event in two],
        )
    if one != two:
        raise Finding(f"{what} differ:\n  {one}\n  {two}")
