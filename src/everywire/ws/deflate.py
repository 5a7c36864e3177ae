"""Compression of messages: negotiation, inflating within a bound, deflating once for many (RFC 7692)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from everywire.bounds import AMOUNT, Bound, check
from everywire.errors import CloseCode, HandshakeError, MessageTooBig, ProtocolError

__all__ = ["Compressor", "Deflate", "Inflation", "Parameters", "deflate_shared"]

NAME = "permessage-deflate"
_TAIL = b"\x00\x00\xff\xff"  # RFC 7692 7.2.1
_MOST_FINALS = 64  # of one message: each begins a new stream, which costs far more than the two bytes of an empty one
Offer = list[tuple[str, str | None]]
_BOUNDS = {"threshold": AMOUNT, **dict.fromkeys(("level", "memory"), Bound(1, most=9, whole=True))}


@dataclass(frozen=True, slots=True)
class Deflate:
    """What this end wants of permessage-deflate.

    `threshold`: messages of fewer bytes go uncompressed. `level` and `memory` are zlib's (1 to 9). Context takeover compresses better and costs 40 to 300 kB
    per connection and direction; without it (the default) contexts are shared by all connections, and a broadcast is compressed once.
    `server_window` and `client_window` are window sizes as powers of two, 9 to 15.
    """

    server_takeover: bool = False
    client_takeover: bool = False
    server_window: int = 15
    client_window: int = 15
    threshold: int = 256
    level: int = 1
    memory: int = 8

    def __post_init__(self) -> None:
        check(self, _BOUNDS, "compression: ")
        for window in (self.server_window, self.client_window):
            if not 9 <= window <= 15:  # zlib cannot do 8 for raw streams
                raise ValueError(f"a deflate window is 9 to 15, not {window}")

    def offer(self) -> str:
        """Write the client's offer (RFC 7692 7.1)."""
        parts = [NAME]
        if not self.server_takeover:
            parts.append("server_no_context_takeover")
        if not self.client_takeover:
            parts.append("client_no_context_takeover")
        if self.server_window < 15:
            parts.append(f"server_max_window_bits={self.server_window}")
        parts.append(
            "client_max_window_bits" if self.client_window == 15 else f"client_max_window_bits={self.client_window}"
        )
        return "; ".join(parts)

    def accept(self, parameters: Offer) -> Parameters | None:
        """As the server, answer one offer; None where it cannot be met (RFC 7692 7.1.1, 7.1.2)."""
        try:
            offered = _checked(parameters, offer=True)
        except ProtocolError:
            return None
        server = self.server_window
        if "server_max_window_bits" in offered:
            server = min(server, int(offered["server_max_window_bits"] or 15))
            if server < 9:
                return None
        client = 15
        if "client_max_window_bits" in offered:
            client = min(self.client_window, int(offered["client_max_window_bits"] or 15))
        elif self.client_window < 15:
            return None
        return Parameters(
            server_takeover=self.server_takeover and "server_no_context_takeover" not in offered,
            client_takeover=self.client_takeover and "client_no_context_takeover" not in offered,
            server_window=server,
            client_window=client,
            name_server_window="server_max_window_bits" in offered or server < 15,
            name_client_window="client_max_window_bits" in offered and client < 15,
        )

    def agreed(self, parameters: Offer) -> Parameters:
        """As the client, read the server's answer; `HandshakeError` where it is not an answer to our offer."""
        try:
            answer = _checked(parameters, offer=False)
        except ProtocolError as error:
            raise HandshakeError(f"invalid permessage-deflate answer: {error.reason}", 101) from None
        server = int(answer.get("server_max_window_bits") or 15)
        if server > self.server_window or (not self.server_takeover and "server_no_context_takeover" not in answer):
            raise HandshakeError("the server did not accept the offered compression", 101)
        client = min(self.client_window, int(answer.get("client_max_window_bits") or 15))
        if client < 9:
            raise HandshakeError("the server wants a compression window that zlib cannot make", 101)
        return Parameters(
            server_takeover="server_no_context_takeover" not in answer,
            client_takeover=self.client_takeover and "client_no_context_takeover" not in answer,
            server_window=server,
            client_window=client,
        )


@dataclass(frozen=True, slots=True)
class Parameters:
    """What both ends agreed on."""

    server_takeover: bool
    client_takeover: bool
    server_window: int = 15
    client_window: int = 15
    name_server_window: bool = False
    name_client_window: bool = False

    def header(self) -> str:
        """Write the server's answer (RFC 7692 7.1)."""
        parts = [NAME]
        if not self.server_takeover:
            parts.append("server_no_context_takeover")
        if not self.client_takeover:
            parts.append("client_no_context_takeover")
        if self.name_server_window:
            parts.append(f"server_max_window_bits={self.server_window}")
        if self.name_client_window:
            parts.append(f"client_max_window_bits={self.client_window}")
        return "; ".join(parts)


def _checked(parameters: Offer, *, offer: bool) -> dict[str, str | None]:
    """Check names, values and repetitions (RFC 7692 7.1)."""
    found: dict[str, str | None] = {}
    for name, value in parameters:
        if name in found:
            raise ProtocolError(f"{name} is repeated")
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            good = value is None
        elif name == "server_max_window_bits":
            good = _window(value)
        elif name == "client_max_window_bits":
            good = (offer and value is None) or _window(value)
        else:
            good = False
        if not good:
            raise ProtocolError(f"{name}={value}")
        found[name] = value
    return found


def _window(value: str | None) -> bool:
    return value is not None and value.isascii() and value.isdigit() and value[0] != "0" and 8 <= int(value) <= 15


class Inflation:
    """How the messages of one direction are inflated; shared by many connections unless contexts are kept."""

    __slots__ = ("_kept", "_window")

    def __init__(self, window: int, *, takeover: bool) -> None:
        self._window = window
        self._kept = Inflater(window) if takeover else None

    def begin(self) -> Inflater:
        """Give what inflates the next message: with context takeover always the same."""
        return Inflater(self._window) if self._kept is None else self._kept


class Inflater:
    """Inflates messages, never beyond a bound."""

    __slots__ = ("_finals", "_stream", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._finals = 0
        self._stream: zlib._Decompress | None = None

    def inflate(self, data: bytes, room: int, *, end: bool) -> bytes:
        """Inflate the next bytes of a message; `end` says that it has no more. More than `room` bytes: `MessageTooBig`, never made."""
        if not end:
            return self._some(data, room)
        out = self._some(data + _TAIL, room, tail=_TAIL)  # RFC 7692 7.2.2
        self._finals = 0
        return out

    def _some(self, data: bytes, room: int, *, tail: bytes = b"") -> bytes:
        """Inflate bytes that end with `tail`, which means nothing where no block has begun."""
        pieces = []
        while data and not (self._stream is None and data == tail):
            if self._stream is None:
                self._stream = zlib.decompressobj(-15 if self._window < 9 else -self._window)
            try:
                piece = self._stream.decompress(data, room + 1)
            except zlib.error as error:
                raise ProtocolError(f"invalid compressed data: {error}", CloseCode.INVALID_DATA) from None
            room -= len(piece)
            if room < 0:
                raise MessageTooBig("message inflates beyond the limit")
            pieces.append(piece)
            data = self._stream.unconsumed_tail
            if self._stream.eof:  # a final block: legal, the stream begins anew. RFC 7692 7.2.3.4
                data = self._stream.unused_data
                self._stream = None
                self._finals += 1
                if self._finals > _MOST_FINALS:
                    raise ProtocolError("compressed message of too many streams", CloseCode.INVALID_DATA)
        return b"".join(pieces)


class Compressor:
    """Deflates the messages of one direction."""

    __slots__ = ("_level", "_memory", "_stream", "_takeover", "_window", "threshold")

    def __init__(self, window: int, deflate: Deflate, *, takeover: bool) -> None:
        self._window = window
        self._level = deflate.level
        self._memory = deflate.memory
        self._takeover = takeover
        self._stream: zlib._Compress | None = None
        self.threshold = deflate.threshold

    @property
    def shared_key(self) -> tuple[int, int, int] | None:
        """What two connections must have in common to share a compressed message; None with context takeover."""
        return None if self._takeover else (self._window, self._level, self._memory)

    def deflate(self, data: bytes) -> bytes:
        """Compress one whole message (RFC 7692 7.2.1)."""
        if not self._takeover:
            return deflate_shared(data, self._window, self._level, self._memory)
        if self._stream is None:
            self._stream = zlib.compressobj(self._level, zlib.DEFLATED, -self._window, self._memory)
        return _message(self._stream, data)


def deflate_shared(data: bytes, window: int = 15, level: int = 1, memory: int = 8) -> bytes:
    """Compress one message without a context: the result is good for every connection with `server_no_context_takeover`."""
    return _message(zlib.compressobj(level, zlib.DEFLATED, -window, memory), data)


def _message(stream: zlib._Compress, data: bytes) -> bytes:
    out = stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
    return out[:-4] if out.endswith(_TAIL) else out + b"\x00"  # an empty message is one empty block. RFC 7692 7.2.3.6
