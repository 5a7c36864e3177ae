"""Frames of SockJS: what its clients read, and the strings in what they send."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Protocol

import msgspec

from everywire.dialects.base import Acknowledged, Agreed, Decoder, Within
from everywire.errors import CloseCode, ProtocolError
from everywire.messages import Beat, Closing, Command, Connect, Event, Heartbeat
from everywire.payloads import Codec, Payload

__all__ = [
    "HEARTBEAT",
    "OPEN",
    "BrokenFraming",
    "FramedCodec",
    "FramedDecoder",
    "Speech",
    "closing",
    "merged",
    "quoted",
    "strings",
]

OPEN, HEARTBEAT = "o", "h"
_ABRUPTLY = CloseCode.ABNORMAL
_INTERRUPTED = (1002, "Connection interrupted")
# What browsers, or what is between, do not carry as it is; and halves of characters, which UTF-8 cannot say.
_ESCAPED = re.compile("[\u200c-\u200f\u2028-\u202f\u2060-\u206f\ud800-\udfff\ufff0-\uffff]")

_read = msgspec.json.Decoder(list[str] | str).decode


class Speech(Protocol):
    """What is spoken in the strings of SockJS: an inner dialect.

    Its codec gives texts; its client `begins` with a command unsaid, or says itself who it is. `heartbeat` is None where it is the application's.
    """

    @property
    def codec(self) -> Codec: ...

    @property
    def begins(self) -> Connect | None: ...

    @property
    def heartbeat(self) -> Heartbeat | None: ...

    def decoder(self) -> Decoder:
        """Give the reader of a new client's strings."""


class BrokenFraming(ValueError):
    """What a client sent is no JSON array of strings."""


def quoted(text: str) -> str:
    """Give `text` as a JSON string that every browser and every transport carries as it is."""
    if text.isascii():
        return encode_basestring_ascii(text)
    return _ESCAPED.sub(_escape, encode_basestring(text))


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def strings(said: str) -> list[str]:
    """Give the strings that a client sent, an array or one alone; raises `BrokenFraming`."""
    try:
        found = _read(said)
    except (msgspec.DecodeError, RecursionError, ValueError):
        found = _read_halves(said)
    return [found] if isinstance(found, str) else found


def _read_halves(said: str) -> list[str]:
    """Read what has halves of characters in it, which other receivers than these could not."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        raise BrokenFraming from None
    found = found if isinstance(found, list) else [found]
    if not all(isinstance(each, str) for each in found):
        raise BrokenFraming
    return found


def closing(code: int, reason: str) -> str:
    """Give the frame that ends a session."""
    if code == _ABRUPTLY:
        code, reason = _INTERRUPTED
    return f"c[{int(code)},{quoted(reason)}]"


def merged(frames: Sequence[str]) -> str:
    """Give one frame for all that wait, which is what an answer to a poll has room for: all messages, or else the greeting, the end, or a beat."""
    messages = [frame[2 : len(frame) - 1] for frame in frames if frame[0] == "a"]
    if messages:
        return f"a[{','.join(messages)}]"
    return next((frame for frame in frames if frame != HEARTBEAT), HEARTBEAT)


class FramedCodec:
    """Says events in the words of an inner codec, as strings in frames; where it has none for a beat, by the frame for that.

    All clients of a dialect share one, so that what goes to many is framed once. They read text with `halves` of characters in it, too.
    """

    __slots__ = ("_inner",)

    dialect = "sockjs"
    halves = True

    def __init__(self, inner: Codec) -> None:
        self._inner = inner

    def encode(self, event: Event) -> tuple[Payload, ...]:
        """Give the frame that says `event`; what the inner codec says in bytes has no place in one."""
        said = self._inner.encode(event)
        if said:
            if len(said) == 1 and isinstance(text := said[0].data, str):
                return (Payload(f"a[{quoted(text)}]"),)
            texts = [quoted(each.data) for each in said if isinstance(each.data, str)]
            return (Payload(f"a[{','.join(texts)}]"),) if texts else ()
        if isinstance(event, Beat):
            return _BEAT
        if isinstance(event, Closing) and event.code != _ABRUPTLY:
            return (Payload(closing(event.code, event.reason)),)
        return ()


_BEAT = (Payload(HEARTBEAT),)


class FramedDecoder:
    """Reads the messages of one WebSocket: the strings in each are said by the inner client."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Decoder) -> None:
        self._inner = inner

    def decode(self, data: str | bytes) -> Iterable[Command | Within | Agreed | Acknowledged]:
        """Give the commands in a message; an empty one says nothing. Raises `ProtocolError`, which ends the connection abruptly, for broken framing."""
        if not data:
            return ()
        try:
            if not isinstance(data, str):
                raise BrokenFraming
            texts = strings(data)
        except BrokenFraming:
            raise ProtocolError("broken framing", _ABRUPTLY) from None
        return self._inner.decode(texts[0]) if len(texts) == 1 else self._each(texts)

    def _each(self, texts: Sequence[str]) -> Iterable[Command | Within | Agreed | Acknowledged]:
        for text in texts:
            yield from self._inner.decode(text)
