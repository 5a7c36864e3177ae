"""How messages stand in HTTP bodies, and how requests are refused in the reference's words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from everywire.dialects.base import Reply
from everywire.payloads import BodyFormat

__all__ = ["CONFLICT", "ENDED", "POLL", "STREAM", "TAKEN", "denied", "left", "plain", "polled", "sent"]

_PLAIN = (("Content-Type", "text/plain"),)
_LINE_BREAK = re.compile(rb"\r\n|\r|\n")
_UNKNOWN = "No Connection with that ID"


def plain(status: int, said: str = "") -> Reply:
    """Answer by a line of text, or by nothing."""
    return Reply(status, said.encode(), _PLAIN)


TAKEN = plain(200)
CONFLICT = plain(409)  # a second stream of what one hears already
ENDED = Reply(204)  # of a poll: there is nothing more to come


def denied(status: int, code: int, reason: str) -> Reply:
    """Refuse."""
    if status in (404, 410):
        return plain(404, _UNKNOWN)
    return plain(status, "Cannot change transports mid-connection" if status == 400 else reason)


def polled(status: int, code: int, reason: str) -> Reply:
    """Refuse a poll; to who polled a line to its end that is no failure."""
    return ENDED if status == 410 else denied(status, code, reason)


def sent(status: int, code: int, reason: str) -> Reply:
    """Refuse messages that came by a request of their own."""
    if status == 405:
        return plain(405, "POST requests are not allowed for WebSocket connections.")
    return denied(status, code, reason)


def left(status: int, code: int, reason: str) -> Reply:
    """Refuse to end a line."""
    if status in (400, 405):
        return plain(400, "Cannot terminate this connection using the DELETE endpoint.")
    return denied(status, code, reason)


def _events(payloads: Sequence[str | bytes]) -> bytes:
    """Write each as an event; data of applications has line breaks at times, between its values."""
    return b"".join(b"data: %b\r\n\r\n" % _LINE_BREAK.sub(b"\r\ndata: ", _bytes(each)) for each in payloads)


def _joined(payloads: Sequence[str | bytes]) -> bytes:
    return b"".join(map(_bytes, payloads))


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _nothing(code: int, reason: str) -> bytes:
    """The last word of a line is a message that was told before."""
    return b""


STREAM = BodyFormat("text/event-stream", _events, _nothing, prelude=b":\r\n\r\n")
POLL = BodyFormat("application/octet-stream", _joined, _nothing, one_shot=True)
