"""Frames: bytes into messages, messages into bytes (RFC 6455 5, RFC 7692 6).

Theory of operation. The decoder never looks at a byte twice. A data frame that lies complete in the bytes at hand, uncompressed and unfragmented (nearly
all are) takes the short way in `decode`. Every other frame takes the long way: `_start` judges its header, `_payload` takes its bytes as they come and
checks text octet by octet, `_end` makes the message. Only a cut header (at most 13 bytes) is kept and read again.

One source, two builds: plain Python, and compiled by Cython with the types in `frames.pxd`. There `data` is a pointer, here it is a bytearray.
"""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Callable
from typing import TYPE_CHECKING

from everywire.errors import CloseCode, MessageTooBig, ProtocolError, sendable

try:
    import cython
except ImportError:  # plain Python where no compiler is installed
    from everywire.ws import plain as cython

if cython.compiled:
    from cython.cimports.everywire.ws.leaves import (
        everywire_blank,
        everywire_decoded,
        everywire_fill,
        everywire_frame,
        everywire_inside,
        everywire_key,
        everywire_mask,
        everywire_text_frame,
        everywire_utf8,
    )

__all__ = [
    "BINARY",
    "CLOSE",
    "PING",
    "PONG",
    "TEXT",
    "Control",
    "Decoder",
    "Limits",
    "close_payload",
    "encode",
    "frame",
    "mask_source",
]

SERVER, CLIENT = 0, 1  # the two roles
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, RSV1, RSV23, OPCODE, MASKED = 0x80, 0x40, 0x30, 0x0F, 0x80
_ENDLESS = 1 << 62
_AT_ONCE = 1 << 18  # inflated bytes after which what was made is delivered first
_LARGE, _FILLED = 1 << 12, 1 << 20  # bytes from and up to which a message of one frame is filled in place


_NOT_UTF8 = "invalid UTF-8 in text message"


class Limits:
    """What one connection may send: sizes in bytes, counts; None means no limit."""

    def __init__(self, max_size: int | None = 1 << 20, max_fragments: int | None = 1024) -> None:
        self.max_size = _ENDLESS if max_size is None else max_size
        self.max_fragments = _ENDLESS if max_fragments is None else max_fragments


class Control:
    """A control frame: `opcode`, `data`, and for a close frame its `code` (1005 where it had none) and `reason`."""

    def __init__(self, opcode: int, data: bytes, code: int = 0, reason: str = "") -> None:
        self.opcode = opcode
        self.data = data
        self.code = code
        self.reason = reason

    def __repr__(self) -> str:
        return f"Control({self.opcode}, {self.data!r})"


if TYPE_CHECKING:
    from everywire.ws.deflate import Inflater, Inflation

    Event = str | bytes | Control | ProtocolError


class Decoder:
    """Turns the bytes of one direction into messages.

    `role` is SERVER (frames come masked) or CLIENT (they do not). `inflation` is a `deflate.Inflation` where compression was negotiated.
    `decode` appends str and bytes (messages), `Control` (control frames) and, last, a `ProtocolError` to a list: what preceded an error stays valid.

    Invariants: `left` > 0 exactly while a frame's payload is incomplete; `kind` is TEXT or BINARY while a message is unfinished, else 0; once `failed`,
    everything is ignored.
    """

    def __init__(self, role: int, limits: Limits, inflation: Inflation | None = None) -> None:
        self.client = role == CLIENT
        self.limits = limits
        self.inflation = inflation
        self.inflater: Inflater | None = None  # of the unfinished message
        self.failed = False
        self.cut: bytes | None = (
            None  # what was not decoded yet: a header cut short, or all that follows many inflated bytes
        )
        self.made = 0  # bytes inflated in this call
        self.left = 0  # payload bytes still to come in this frame
        self.first = 0  # the first byte of this frame
        self.key = 0
        self.phase = 0
        self.kind = 0
        self.packed = False  # the unfinished message is compressed
        self.fragments = 0
        self.parts: bytearray | None = None  # the unfinished message
        self.whole: str | bytes | None = (
            None  # the same where its size was known from the start: filled in place (compiled build only)
        )
        self.filled = 0
        self.wide = False  # there is more than ASCII in it
        self.text_state = 0
        self.rest = b""  # its last, unfinished UTF-8 sequence
        self.control = b""

    def feed(self, data: bytes) -> list[Event]:
        """Decode `data` (bytes) and give the events as a list: the face for Python."""
        events: list[Event] = []
        copy = bytearray(data)
        self.decode(copy, len(copy), events)
        return events

    def decode(self, data: bytearray, size: int, out: list[Event]) -> int:
        """Append to `out` what the first `size` bytes of `data` complete. `data` is unmasked in place.

        Gives 1 where it stopped early, because small bytes became many: call again, without bytes, when `out` has been dealt with. Else 0.
        """
        if self.failed:
            return 0
        if self.cut is not None:
            joined = bytearray(self.cut)
            joined += data[:size]
            self.cut = None
            return self._decode(joined, len(joined), out)
        return self._decode(data, size, out)

    def _decode(self, data: bytearray, size: int, out: list[Event]) -> int:
        pos = 0
        while 0 <= pos < size:
            if self.left > 0:
                pos = self._payload(data, pos, size, out)
            else:
                end = self._short_way(data, pos, size, out)
                pos = end if end else self._long_way(data, pos, size, out)
            if self.made > _AT_ONCE and 0 <= pos < size:
                self.made = 0
                self.cut = bytes(data[pos:size])
                return 1
        self.made = 0
        return 0

    def _short_way(self, data: bytearray, pos: int, size: int, out: list[Event]) -> int:
        """Take a whole, plain data frame at `pos`; give where it ends, 0 when the frame is of another kind, -1 when it is wrong."""
        first = data[pos]
        if (first != 0x81 and first != 0x82) or self.kind or size - pos < 2:
            return 0
        second = data[pos + 1]
        length = second & 0x7F
        start = pos + 2
        if length == 126 and size - pos >= 4:
            length = data[pos + 2] << 8 | data[pos + 3]
            start = pos + 4
        elif length >= 126:
            return 0
        if not self.client:
            start += 4
        end = start + length
        if end > size or (second & MASKED == 0) != self.client or length > self.limits.max_size:
            return 0
        if not self.client:
            self.key = key_at(data, start - 4)
            unmask(data, start, end, self.key, 0)
        if first == 0x82:
            out.append(bytes(data[start:end]))
            return end
        try:
            out.append(data[start:end].decode("utf-8"))
        except UnicodeDecodeError:
            self._fail(out, ProtocolError(_NOT_UTF8, CloseCode.INVALID_DATA))
            return -1
        return end

    def _long_way(self, data: bytearray, pos: int, size: int, out: list[Event]) -> int:
        """Read one header at `pos`; give the position of its payload, -1 when there is nothing more to do."""
        try:
            start = self._start(data, pos, size)
        except ProtocolError as error:
            self._fail(out, error)
            return -1
        if start < 0:
            self.cut = bytes(data[pos:size])
            return -1
        if self.left == 0:
            return self._end(start, out)
        return start

    def _start(self, data: bytearray, pos: int, size: int) -> int:
        """Judge the header at `pos` and enter its frame; give where the payload starts, -1 when the header is cut."""
        first = data[pos]
        self._judge_first(first)
        if size - pos < 2:
            return -1
        second = data[pos + 1]
        length = second & 0x7F
        if first & 0x08 and length > 125:
            raise ProtocolError("control frame longer than 125 bytes")  # RFC 6455 5.5
        if (second & MASKED == 0) != self.client:
            raise ProtocolError("frame is masked" if self.client else "frame is not masked")  # RFC 6455 5.1
        start = pos + 2 + (2 if length == 126 else 8 if length == 127 else 0)
        if size < start + (0 if self.client else 4):
            return -1
        if length == 126:
            length = data[pos + 2] << 8 | data[pos + 3]
        elif length == 127:
            length = long_length(data, pos + 2)
        if not self.client:
            self.key = key_at(data, start)
            start += 4
        self._enter(first, length)
        return start

    def _judge_first(self, first: int) -> int:
        """Refuse a first byte that no frame may have here."""
        opcode = first & OPCODE
        if first & RSV23 or (first & RSV1 and (self.inflation is None or opcode == 0 or opcode > 2)):
            raise ProtocolError("reserved bits are set")  # RFC 6455 5.2
        if opcode >= 8:
            if opcode > PONG:
                raise ProtocolError(f"reserved opcode {opcode}")
            if not first & FIN:
                raise ProtocolError("fragmented control frame")  # RFC 6455 5.5
        elif opcode > 2:
            raise ProtocolError(f"reserved opcode {opcode}")
        elif (opcode == 0) != (self.kind != 0):
            raise ProtocolError(
                "expected a continuation frame" if self.kind else "continuation of nothing"
            )  # RFC 6455 5.4
        return 0

    def _enter(self, first: int, length: int) -> int:
        """Enter a frame whose header is in order."""
        opcode = first & OPCODE
        if opcode < 8:
            room = self.limits.max_size - (0 if self.parts is None else len(self.parts))
            if first & RSV1 or (opcode == 0 and self.packed):
                room += (room >> 10) + 64  # what cannot be compressed grows a little. RFC 1951 3.2.4
            if length > room:
                raise MessageTooBig(f"message of more than {self.limits.max_size} bytes")
            self.fragments += 1
            if self.fragments > self.limits.max_fragments:
                raise ProtocolError(
                    f"message of more than {self.limits.max_fragments} fragments", CloseCode.POLICY_VIOLATION
                )
            if opcode:
                self._begin(first, length)
        self.first = first
        self.left = length
        self.phase = 0
        return 0

    def _begin(self, first: int, length: int) -> int:
        """Begin a message whose first frame has `length` bytes."""
        self.kind = first & OPCODE
        self.packed = first & RSV1 != 0
        if self.packed and self.inflation is not None:
            self.inflater = self.inflation.begin()
        if cython.compiled and first & FIN and not self.packed and _LARGE <= length <= _FILLED:
            self.whole = everywire_blank(length, self.kind == TEXT)
            self.filled = 0
            self.wide = False
            self.text_state = 0
        else:
            self.parts = bytearray()
        return 0

    def _payload(self, data: bytearray, pos: int, size: int, out: list[Event]) -> int:
        """Take what is there of the current frame's payload; give the position behind it, -1 when it is wrong."""
        end = size if size - pos < self.left else pos + self.left
        filling = self.whole is not None and self.first & 0x08 == 0
        if not self.client and not filling:
            unmask(data, pos, end, self.key, self.phase)
        try:
            if filling:
                self._fill(data, pos, end)
            elif self.first & 0x08:
                self.control += bytes(data[pos:end])
            else:
                self._take(bytes(data[pos:end]), False)
        except ProtocolError as error:
            self._fail(out, error)
            return -1
        self.phase = (self.phase + (end - pos)) & 3
        self.left -= end - pos
        return end if self.left else self._end(end, out)

    def _take(self, chunk: bytes, end: bool) -> int:
        """Add `chunk` to the unfinished message, inflated where need be; check text as far as it goes."""
        parts = self.parts
        if parts is None:
            return 0
        if self.inflater is not None:
            chunk = self.inflater.inflate(chunk, self.limits.max_size - len(parts), end=end)
            self.made += len(chunk)
        parts += chunk
        if self.kind == TEXT and (chunk or end):
            try:
                check = self.rest + chunk if self.rest else chunk
                self.rest = check[utf_8_decode(check, "strict", end)[1] :]
            except UnicodeDecodeError:
                raise ProtocolError(_NOT_UTF8, CloseCode.INVALID_DATA) from None  # RFC 6455 8.1
            if (
                len(self.rest) == 2 and self.rest[0] == 0xED and self.rest[1] >= 0xA0
            ):  # half a surrogate, which the codec waits for
                raise ProtocolError(_NOT_UTF8, CloseCode.INVALID_DATA)
        return 0

    def _fill(self, data: bytearray, pos: int, end: int) -> int:
        """Unmask bytes into a message that is filled in place; check text as far as it goes."""
        if cython.compiled:
            key = 0 if self.client else self.key
            if everywire_fill(self.whole, self.filled, data + pos, end - pos, key, self.phase):  # type: ignore[operator]
                self.wide = True
            if self.wide and self.kind == TEXT and not self._is_utf8(self.filled, end - pos):
                raise ProtocolError(_NOT_UTF8, CloseCode.INVALID_DATA)  # RFC 6455 8.1
            self.filled += end - pos
        return 0

    def _is_utf8(self, start: int, size: int) -> bool:
        """Check the next bytes of a text that is filled in place."""
        inside = everywire_inside(self.whole)
        return everywire_utf8(inside + start, size, cython.address(self.text_state)) != 0  # type: ignore[no-any-return]

    def _end(self, pos: int, out: list[Event]) -> int:
        """Leave a frame that is complete; give `pos`, -1 when it is wrong."""
        try:
            if self.first & 0x08:
                data, self.control = self.control, b""
                out.append(_close(data) if self.first & OPCODE == CLOSE else Control(self.first & OPCODE, data))
            elif self.whole is not None:
                out.append(self._filled())
            elif self.first & FIN:
                self._take(b"", True)
                out.append(self._joined())
        except ProtocolError as error:
            self._fail(out, error)
            return -1
        return pos

    def _joined(self) -> str | bytes:
        """Give the message that came in parts."""
        parts, self.parts = self.parts or b"", None
        kind, self.kind = self.kind, 0
        self.inflater = None
        self.fragments = 0
        return parts.decode() if kind == TEXT else bytes(parts)

    def _filled(self) -> str | bytes:
        """Give the message that was filled in place."""
        whole, self.whole = self.whole or b"", None
        kind, self.kind = self.kind, 0
        self.fragments = 0
        if kind == BINARY or not self.wide:
            return whole
        if self.text_state:
            raise ProtocolError(_NOT_UTF8, CloseCode.INVALID_DATA)
        return everywire_decoded(whole)  # type: ignore[no-any-return]

    def _fail(self, out: list[Event], error: ProtocolError) -> int:
        self.failed = True
        self.parts = None
        self.whole = None
        self.inflater = None
        out.append(error)
        return 0


def long_length(data: bytearray, start: int) -> int:
    """Read the eight length bytes at `start` (RFC 6455 5.2)."""
    if data[start] & 0x80:
        raise ProtocolError("frame length has its top bit set")
    length = 0
    for i in range(8):
        if length >= 1 << 47:
            raise MessageTooBig("frame is too big")
        length = length << 8 | data[start + i]
    return length


def _close(data: bytes) -> Control:
    """Read a close frame's payload (RFC 6455 5.5.1)."""
    if not data:
        return Control(CLOSE, data, CloseCode.NO_STATUS)
    if len(data) == 1:
        raise ProtocolError("close frame of one byte")
    code = data[0] << 8 | data[1]
    if not sendable(code):
        raise ProtocolError(f"invalid close code {code}")
    try:
        return Control(CLOSE, data, code, data[2:].decode())
    except UnicodeDecodeError:
        raise ProtocolError("invalid UTF-8 in close reason", CloseCode.INVALID_DATA) from None


def close_payload(code: int, reason: str) -> bytes:
    """Make a close frame's payload; empty for 1005. The reason is cut to what fits in 125 bytes, at a character."""
    if code == CloseCode.NO_STATUS:
        return b""
    if not sendable(code):
        raise ValueError(f"close code {code} may not be sent")  # RFC 6455 7.4
    text = reason.encode()
    if len(text) > 123:
        text = text[:123].decode("utf-8", "ignore").encode()
    return code.to_bytes(2, "big") + text


def key_at(data: bytearray, start: int) -> int:
    """Read the mask key at `start`, its first wire byte lowest."""
    if cython.compiled:
        return everywire_key(data + start)  # type: ignore[operator, no-any-return]
    return int.from_bytes(data[start : start + 4], "little")


def unmask(data: bytearray, start: int, end: int, key: int, phase: int) -> int:
    """XOR data[start:end] in place with the mask `key` (first wire byte lowest), from its byte `phase` on (RFC 6455 5.3)."""
    if cython.compiled:
        everywire_mask(data + start, end - start, key, phase)  # type: ignore[operator]
    else:
        size = end - start
        four = key.to_bytes(4, "little")
        turned = four[phase:] + four[:phase]
        pad = turned * (size // 4) + turned[: size % 4]
        data[start:end] = (int.from_bytes(data[start:end], "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
    return 0


def frame(first: int, payload: bytes) -> bytes:
    """Make one unmasked frame of `payload` (bytes); `first` is its first byte: FIN, RSV1 and opcode."""
    if cython.compiled:
        return everywire_frame(first, payload, len(payload), 0, 0)  # type: ignore[no-any-return]
    return header(first, len(payload)) + payload


def masked_frame(first: int, payload: bytes, key: int) -> bytes:
    """Make one frame masked with `key` (32 random bits), as a client must (RFC 6455 5.3)."""
    if cython.compiled:
        return everywire_frame(first, payload, len(payload), 1, key)  # type: ignore[no-any-return]
    body = bytearray(payload)
    unmask(body, 0, len(body), key, 0)
    return header(first, len(payload), MASKED) + key.to_bytes(4, "little") + bytes(body)


def header(first: int, size: int, masked: int = 0) -> bytes:
    """Make a frame's header: `first` byte, payload length, without the mask key (RFC 6455 5.2)."""
    if size < 126:
        return bytes((first, masked | size))
    if size < 65536:
        return bytes((first, masked | 126)) + size.to_bytes(2, "big")
    return bytes((first, masked | 127)) + size.to_bytes(8, "big")


def encode(message: str | bytes | bytearray | memoryview) -> bytes:
    """Make the one frame that a server sends for `message`: str as text, bytes-like as binary."""
    if isinstance(message, str):
        if cython.compiled and type(message) is str:
            return everywire_text_frame(message)  # type: ignore[no-any-return]
        return frame(FIN | TEXT, message.encode())
    return frame(FIN | BINARY, bytes(message))


def mask_source(entropy: Callable[[int], bytes]) -> Callable[[], int]:
    """Make a source of 32-bit mask keys out of `entropy(n) -> bytes`, which is asked for 4 KiB at a time (RFC 6455 10.3)."""
    pool = b""
    used = 0

    def draw() -> int:
        nonlocal pool, used
        if used + 4 > len(pool):
            pool, used = entropy(4096), 0
        used += 4
        return int.from_bytes(pool[used - 4 : used], "little")

    return draw
