"""How messages of the native wire stand in HTTP bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from everywire.dialects.base import Reply
from everywire.payloads import BodyFormat

__all__ = ["EVENT_STREAM", "LINES", "NAMED_EVENTS", "POLL", "denied", "event", "plain", "said"]

_JSON = "application/json"
_write = msgspec.json.Encoder().encode


def plain(status: int, body: str | bytes) -> Reply:
    """Answer by JSON that is written already."""
    return Reply(status, body.encode() if isinstance(body, str) else body, (("Content-Type", _JSON),))


def said(status: int, fields: dict[str, Any]) -> Reply:
    """Answer by one JSON object."""
    return plain(status, _write(fields))


def denied(status: int, code: int, reason: str) -> Reply:
    """Answer why not."""
    return said(status, {"code": code, "reason": reason})


def _one_line(data: str | bytes) -> bytes:
    """Give a message as one line: in JSON a line break is never more than space between values, and applications' data has some."""
    text = data.encode() if isinstance(data, str) else data
    return text.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in text or b"\r" in text else text


def _goodbye(code: int, reason: str) -> bytes:
    return _write({"type": "close", "code": code, "reason": reason})


def _lines(payloads: Sequence[str | bytes]) -> bytes:
    return b"".join(_one_line(each) + b"\n" for each in payloads)


def _events(payloads: Sequence[str | bytes]) -> bytes:
    return b"".join(b"data: %b\n\n" % _one_line(each) for each in payloads)


def _array(payloads: Sequence[str | bytes]) -> bytes:
    return b"[" + b",".join(each.encode() if isinstance(each, str) else each for each in payloads) + b"]"


def event(name: str, data: bytes, place: str | None = None) -> bytes:
    """Write one event with a name, and with the id `place` where there is one."""
    lines = b"" if place is None else f"id: {place}\n".encode()
    return b"event: %b\ndata: %b\n%b\n" % (name.encode(), _one_line(data), lines)


LINES = BodyFormat("application/x-ndjson", _lines, lambda code, reason: _goodbye(code, reason) + b"\n")
EVENT_STREAM = BodyFormat(
    "text/event-stream",
    _events,
    lambda code, reason: b"data: %b\n\n" % _goodbye(code, reason),
    prelude=b":\n\n",  # lets a browser say at once that it is open
)
NAMED_EVENTS = BodyFormat(
    EVENT_STREAM.content_type, _events, lambda code, reason: event("close", _goodbye(code, reason)), prelude=b":\n\n"
)
POLL = BodyFormat(_JSON, _array, lambda code, reason: b"[]", one_shot=True)
