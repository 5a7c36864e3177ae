# cython: nonecheck=True
"""Responses whose header fields are bytes, checked before, as ASGI applications give them."""

from __future__ import annotations

from collections.abc import Callable

from everywire.http.request import Headers, Response, phrase
from everywire.http.streamed import Outlet, Producer, Streamed

__all__ = ["Head", "RawResponse", "RawStreamed"]

Pair = tuple[bytes, bytes]

_lines: dict[int, bytes] = {}


def _line(status: int) -> bytes:
    """Write a status line."""
    line = _lines.get(status)
    if line is None:
        line = f"HTTP/1.1 {status} {phrase(status)}\r\n".encode()
        if len(_lines) < 1000:
            _lines[status] = line
    return line


class Head:
    """A status, the application's own `fields`, and those that are `common` to many responses, with what these are as HTTP/1.1 has them.

    `names` of fields are in lower case, and none of them is transfer-encoding. `length` is what content-length says, None where there is none; `closes` what
    connection says.
    """

    __slots__ = ("closes", "common", "fields", "length", "status", "written")

    def __init__(self, status: int, fields: list[Pair], common: list[Pair], written: bytes) -> None:
        self.status = status
        self.fields = fields
        self.common = common
        self.written = written
        self.length: int | None = None
        self.closes = False

    def encode(self, more: bytes) -> bytes:
        """Write it, with `more` lines."""
        parts = [_lines.get(self.status) or _line(self.status)]
        for field in self.fields:
            parts += (field[0], b": ", field[1], b"\r\n")
        parts += (self.written, more, b"\r\n")
        return b"".join(parts)

    def headers(self) -> Headers:
        """Give the fields as text."""
        return Headers([(name.decode(), value.decode("latin-1")) for name, value in (*self.fields, *self.common)])


class _Headed:
    """What both kinds of response know by their head."""

    __slots__ = ()

    _head: Head
    status: int

    @property
    def reason(self) -> str:
        """The phrase."""
        return phrase(self.status)

    @property
    def headers(self) -> Headers:
        """The fields as text."""
        return self._head.headers()

    @property
    def closes(self) -> bool:
        """Whether the connection is to end with it, by its header alone."""
        return self._head.closes


class RawResponse(_Headed, Response):  # type: ignore[override] # there they are attributes
    """A response with its whole body. One to a HEAD request has none, nor a length that it does not know."""

    __slots__ = ("_head",)

    def __init__(self, head: Head, body: bytes) -> None:
        self._head = head
        self.status = head.status
        self.body = body

    def encode(self, *, close: bool = False, head_only: bool = False) -> bytes:
        """Write it as HTTP/1.1 bytes."""
        head, body = self._head, self.body
        more = b"connection: close\r\n" if close and not head.closes else b""
        if head.length is None and head.status not in (204, 304) and (body or not head_only):
            more += b"content-length: %d\r\n" % len(body)
        data = head.encode(more)
        return data if head_only or not body else data + body


class RawStreamed(_Headed, Streamed):  # type: ignore[override]
    """A response whose body is produced over time."""

    __slots__ = ("_head",)

    def __init__(self, head: Head, start: Callable[[Outlet], Producer], missed: Callable[[], object]) -> None:
        self._head = head
        self.status = head.status
        self.start = start
        self.missed = missed

    @property
    def sized(self) -> bool:
        """Whether a header tells the length of the body."""
        return self._head.length is not None

    def head(self, *, chunked: bool, close: bool) -> bytes:
        """Write the head as HTTP/1.1 bytes."""
        more = b"transfer-encoding: chunked\r\n" if chunked else b""
        return self._head.encode(more + b"connection: close\r\n" if close and not self._head.closes else more)
