"""Telling binary data from dates in what JavaScript's notepack wrote: one extension stands for both, and only its marker tells them apart."""

from __future__ import annotations

__all__ = ["told_apart"]

_LOOKS = (b"\xc7\x08\x00", b"\xc7\x01\x00")  # an extension of type 0 with a date's length, and with that of `undefined`
_BINARY = 0xC4
_FIXED = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4}
_FIXED |= {0xD3: 8, 0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}  # bytes behind the marker
_SIZED = {
    0xC4: 1,
    0xC5: 2,
    0xC6: 4,
    0xC7: 1,
    0xC8: 2,
    0xC9: 4,
    0xD9: 1,
    0xDA: 2,
    0xDB: 4,
}  # bytes that say how many follow
_TYPED = range(0xC7, 0xCA)  # extensions: their type is one byte more
_HOLDING = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}  # bytes that say how many, and values to each


def told_apart(data: bytes) -> bytes:
    """Give a MessagePack document, valid as it was found before, in which binary data that could be taken for a date is binary."""
    if not any(look in data for look in _LOOKS):
        return data
    pieces, done, at, left = [], 0, 0, 1
    while left:
        if data.startswith(_LOOKS, at):
            pieces += [data[done:at], bytes((_BINARY, data[at + 1]))]
            done = at + 3
        size, held = _extent(data, at)
        at += size
        left += held - 1
    return b"".join(pieces) + data[done:]


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Give how many bytes the value at a place has before those that it holds, and how many it holds."""
    marker = data[at]
    if marker in _SIZED:
        width = _SIZED[marker]
        return 1 + width + int.from_bytes(data[at + 1 : at + 1 + width], "big") + (marker in _TYPED), 0
    if marker in _HOLDING:
        width, each = _HOLDING[marker]
        return 1 + width, each * int.from_bytes(data[at + 1 : at + 1 + width], "big")
    match marker >> 4:
        case 0x8:
            return 1, 2 * (marker & 15)
        case 0x9:
            return 1, marker & 15
        case 0xA | 0xB:
            return 1 + (marker & 31), 0
        case _:
            return 1 + _FIXED.get(marker, 0), 0
