"""A response whose body is produced over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from everywire.http.request import Headers, one_head, phrase

__all__ = ["Outlet", "Producer", "Streamed"]


class Producer(Protocol):
    """Who produces a body; told what becomes of it."""

    def drained(self) -> None:
        """Learn that what was queued has gone out, after `Outlet.crowd` had asked for it."""

    def gone(self) -> None:
        """Learn that the client is gone before the end. Never from inside a call to the outlet; the last call."""


class Outlet(Protocol):
    """Where the pieces of a body go. After `end` or `abort`, or once the client is gone, all of this does nothing."""

    def write(self, data: bytes) -> None:
        """Queue a piece; it goes out at the end of the turn."""

    def queued(self) -> int:
        """Count the bytes that have not left yet."""

    def push(self) -> None:
        """Try to send what is queued now, before the turn's end."""

    def crowd(self, low: int) -> None:
        """Ask for `Producer.drained`, once no more than about `low` bytes are queued."""

    def end(self, trailers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Complete the response, by `trailers` where its framing has a place for them; what is queued still goes out."""

    def descriptor(self) -> int | None:
        """Give the socket that the bare bytes of this body may be written to, while nothing is queued; None where they are framed or encrypted."""

    def abort(self) -> None:
        """Break the response off, so that the client sees that it is not complete."""


class Streamed:
    """One HTTP response without its body: `start(outlet)` is called when the head is on its way, and gives who produces the body.

    `missed` is called in its place where the client was gone before the head was written.
    A body without a Content-Length is chunked over HTTP/1.1 (RFC 9112 7.1), and ends with the connection over HTTP/1.0. Where there is one, the producer has to
    keep to it.
    """

    __slots__ = ("headers", "missed", "reason", "start", "status")

    def __init__(
        self,
        status: int,
        start: Callable[[Outlet], Producer],
        headers: Iterable[tuple[str, str]] = (),
        missed: Callable[[], object] | None = None,
    ) -> None:
        self.status = status
        self.start = start
        self.missed = missed
        self.headers = Headers(headers)
        self.reason = phrase(status)

    @property
    def sized(self) -> bool:
        """Whether a header tells the length of the body."""
        return "content-length" in self.headers

    @property
    def closes(self) -> bool:
        """Whether the connection is to end with it."""
        return "close" in self.headers.tokens("connection")

    def head(self, *, chunked: bool, close: bool) -> bytes:
        """Write the head as HTTP/1.1 bytes; ValueError for a header that would split it."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += ["Transfer-Encoding: chunked"] if chunked else []
        lines += ["Connection: close"] if close and not self.closes else []
        return one_head(lines)

    def __repr__(self) -> str:
        return f"<Streamed {self.status} {self.reason}>"
