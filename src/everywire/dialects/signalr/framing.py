"""Where one message ends and the next begins, in bytes that are cut anywhere: behind record separators, or by lengths before them."""

from __future__ import annotations

from typing import Protocol

from everywire.errors import MessageTooBig, ProtocolError

__all__ = ["SEPARATOR", "Frames", "PackedFrames", "TextFrames", "with_length"]

SEPARATOR = 0x1E
_LONGEST_LENGTH = 5  # bytes that say a length


class Frames(Protocol):
    """Finds the messages in what comes, `most` bytes each at most."""

    def next(self, data: bytes, at: int) -> tuple[bytes | None, int]:
        """Give the next message of `data`, from `at` on, and where it ends; None where it goes on in what is still to come.

        Raises `ProtocolError` where nothing can follow any more.
        """


class TextFrames:
    """Those that a record separator ends.

    Invariants: `_tail` is the beginning of a message, without a separator in it, and None between two.
    """

    __slots__ = ("_most", "_tail")

    def __init__(self, most: int) -> None:
        self._most = most
        self._tail: bytearray | None = None

    def next(self, data: bytes, at: int) -> tuple[bytes | None, int]:
        """Give the next message, without its separator."""
        end = data.find(SEPARATOR, at)
        size = (end if end >= 0 else len(data)) - at + (len(self._tail) if self._tail is not None else 0)
        _check(size, self._most)
        if end < 0:
            if at < len(data):
                self._tail = self._tail if self._tail is not None else bytearray()
                self._tail += data[at:]
            return None, len(data)
        message = data[at:end]
        if self._tail is not None:
            message, self._tail = bytes(self._tail) + message, None
        return message, end + 1


class PackedFrames:
    """Those whose length comes before them, seven bits to a byte, the lowest first.

    Invariants: `_tail` is the beginning of a length and its message, not empty, and None between two.
    """

    __slots__ = ("_most", "_tail")

    def __init__(self, most: int) -> None:
        self._most = most
        self._tail: bytearray | None = None

    def next(self, data: bytes, at: int) -> tuple[bytes | None, int]:
        """Give the next message, without its length, which is judged before the message has come."""
        if self._tail is not None:
            return self._go_on(self._tail, data, at)
        extent = self._extent(data, at)
        if extent is not None and extent[1] <= len(data):
            return data[extent[0] : extent[1]], extent[1]
        if at < len(data):
            self._tail = bytearray(data[at:])
        return None, len(data)

    def _go_on(self, tail: bytearray, data: bytes, at: int) -> tuple[bytes | None, int]:
        extent = self._extent(tail, 0)
        while extent is None and at < len(data):
            tail.append(data[at])
            at += 1
            extent = self._extent(tail, 0)
        if extent is None:
            return None, at
        missing = extent[1] - len(tail)
        tail += data[at : at + missing]
        if len(tail) < extent[1]:
            return None, len(data)
        self._tail = None
        return bytes(tail[extent[0] :]), at + missing

    def _extent(self, data: bytes | bytearray, at: int) -> tuple[int, int] | None:
        """Give where the message begins whose length is at a place, and where it ends; None where the length is not all there."""
        size = 0
        for place in range(_LONGEST_LENGTH):
            if at + place >= len(data):
                return None
            byte = data[at + place]
            size |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                _check(size, self._most)
                begin = at + place + 1
                return begin, begin + size
        raise ProtocolError(f"a length of more than {_LONGEST_LENGTH} bytes")


def with_length(message: bytes) -> bytes:
    """Write a message behind its length."""
    size, length = len(message), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes(length) + message


def _check(size: int, most: int) -> None:
    if size > most:
        raise MessageTooBig(f"a message of more than {most} bytes")
