"""The storey that writes a response's body piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from everywire.http.streamed import Producer, Streamed
from everywire.ws.link import PlainLink

__all__ = ["BodyLink"]


class _Chunks:
    """Frames chunks (RFC 9112 7.1); a piece that goes to many one after the other is framed once."""

    __slots__ = ("_framed", "_piece")

    def __init__(self) -> None:
        self._piece = self._framed = b""

    def frame(self, piece: bytes) -> bytes:
        """Give `piece` as a chunk."""
        if piece is not self._piece:
            self._framed = b"%x\r\n%b\r\n" % (len(piece), piece)
            self._piece = piece
        return self._framed


_frame = _Chunks().frame
_LAST_CHUNK = b"0\r\n\r\n"


class BodyLink(PlainLink):
    """The outlet of a `Streamed` response, on top of a connection (`chunked`, or up to its end) or of an HTTP/2 stream.

    `finished()` is called once, when the producer has ended the body.

    Invariants: after `over` the producer is told nothing, and nothing of it is written.
    """

    __slots__ = ("chunked", "finished", "over", "producer")

    def __init__(self, finished: Callable[[], object], *, chunked: bool) -> None:
        self.above: Any = None
        self.below: Any = None
        self.finished = finished
        self.chunked = chunked
        self.producer: Producer | None = None
        self.over = False

    def begin(self, streamed: Streamed) -> None:
        """Have the body produced."""
        self.producer = streamed.start(self)

    # Up

    def feed(self, data: bytes) -> None:
        """Drop what the client says beyond its request."""

    def drained(self) -> None:
        """Have the producer go on."""
        if self.producer is not None and not self.over:
            self.producer.drained()

    def lost(self, reason: BaseException | None) -> None:
        """The client is gone."""
        if not self.over:
            self.over = True
            if self.producer is not None:
                self.producer.gone()

    # Down

    def write(self, data: bytes) -> None:
        """Queue a piece."""
        if data and not self.over and self.below is not None:
            self.below.write(_frame(data) if self.chunked else data)

    def end(self, trailers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Complete the response."""
        if self.over:
            return
        self.over = True
        if self.below is not None:
            self._end(trailers)
            self.finished()

    def _end(self, trailers: Iterable[tuple[bytes, bytes]]) -> None:
        if not self.chunked:
            return
        if trailers:  # RFC 9112 7.1.2
            self.below.write(b"".join([b"0\r\n", *(b"%b: %b\r\n" % field for field in trailers), b"\r\n"]))
        else:
            self.below.write(_LAST_CHUNK)

    def descriptor(self) -> int | None:
        """Give the socket, where bare bytes of the body are what is written to it."""
        opening = self.below
        if self.chunked or self.over or opening is None or opening.extra("ground") is not opening.below:
            return None
        found: int | None = opening.extra("fd")
        return found

    def abort(self) -> None:
        """Break it off."""
        if not self.over:
            self.over = True
            if self.below is not None:
                self.below.abort()
