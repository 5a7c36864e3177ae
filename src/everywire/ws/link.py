"""A storey of a connection: bytes come up through it, and go down."""

from __future__ import annotations

from typing import Any

__all__ = ["PIECE", "Link", "PlainLink"]

PIECE = 64  # bytes of memory that a queued piece costs beside its own


class Link:
    """One storey of a stack of byte pipes: a socket, TLS, an HTTP/2 stream, a handshake, a WebSocket.

    Bytes from the peer come up by `receive`; bytes for the peer go down by `write`. The lowest storey owns the descriptor, the highest one the protocol.
    In the compiled build `receive` takes a pointer; `feed` is the face for Python.

    Invariants: `above.below is self` and `below.above is self` while both are set; after `lost` nothing is called any more.
    """

    def __init__(self) -> None:
        self.above: Any = None  # a Link, or None
        self.below: Any = None

    # Up: called by the storey below.

    def receive(self, data: bytearray, size: int) -> int:
        """Take `size` bytes from the mutable buffer `data`, which is only lent and may be overwritten."""
        if self.above is not None:
            self.above.receive(data, size)
        return 0

    def feed(self, data: bytes) -> None:
        """Take bytes from Python: the same as `receive`, on a copy."""
        copy = bytearray(data)
        self.receive(copy, len(copy))

    def ended(self) -> None:
        """Learn that the peer will send no more bytes (half-close)."""
        if self.above is not None:
            self.above.ended()

    def lost(self, reason: BaseException | None) -> None:
        """Learn that the pipe is gone, by `reason` (an exception) or in good order (None). The last call."""
        above = self.above
        self.above = None
        if above is not None:
            above.lost(reason)
            above.below = None

    def drained(self) -> None:
        """Learn that what was queued has gone out, after `queued` had been above the low-water mark."""
        if self.above is not None:
            self.above.drained()

    def settling(self) -> None:
        """Learn that the lowest storey is about to write: the last moment to add bytes to this turn."""
        if self.above is not None:
            self.above.settling()

    def sweep(self, now: float) -> None:
        """Learn the time, now and then (`now` in seconds of the engine's clock): the place for every timeout."""
        if self.above is not None:
            self.above.sweep(now)

    def exhausted(self) -> None:
        """Learn that everything that came up has been read, and more is wanted."""

    # Down: called by the storey above.

    def write(self, data: bytes) -> None:
        """Queue `data` (bytes, kept by reference); it goes out at the end of the turn. Never blocks, never raises for the peer's sake."""
        if self.below is not None:
            self.below.write(data)

    def write_both(self, header: bytes, body: bytes | str) -> None:
        """Queue two pieces that belong together, the second bytes or an ASCII str: `discard` drops both or neither."""
        self.write(header + (body.encode() if isinstance(body, str) else body))

    def push(self) -> None:
        """Try to write what is queued now, before the turn's end: how slow a peer is cannot be judged before."""
        if self.below is not None:
            self.below.push()

    def wake(self) -> None:
        """Ask for a turn's end, at which `settling` is called."""
        if self.below is not None:
            self.below.wake()

    def finish(self) -> None:
        """Send what is queued, then close: half-close, read what still comes for a short while, bury."""
        if self.below is not None:
            self.below.finish()

    def leave(self) -> None:
        """Send what is queued, then close without waiting: the peer has said its last word, so no late byte of it can turn the end into a reset."""
        if self.below is not None:
            self.below.leave()

    def abort(self) -> None:
        """Close at once; what is queued is dropped."""
        if self.below is not None:
            self.below.abort()

    def discard(self) -> None:
        """Drop what is queued, but for the piece (or both, see `write_both`) that has begun to leave."""
        if self.below is not None:
            self.below.discard()

    def reading(self, on: bool) -> None:
        """Start or stop taking bytes from the peer (back-pressure)."""
        if self.below is not None:
            self.below.reading(on)

    def queued(self) -> int:
        """Count the bytes that were written but have not left yet; each piece behind the first counts `PIECE` more, which a flood of tiny ones costs."""
        return 0 if self.below is None else self.below.queued()

    def crowd(self, low: int) -> None:
        """Ask for `drained`, once no more than `low` bytes are queued."""
        if self.below is not None:
            self.below.crowd(low)

    def extra(self, name: str) -> Any:
        """Ask the storeys below for a fact: "fd", "peername", "sockname", "ssl_object", "ground" (the lowest storey itself); None where unknown."""
        return None if self.below is None else self.below.extra(name)

    def put(self, above: Link) -> None:
        """Set `above` as the storey on top of this one, in place of what is there."""
        self.above = above
        above.below = self


class PlainLink(Link):
    """A storey written in Python: overrides `feed`, which gets bytes of its own."""

    def receive(self, data: bytearray, size: int) -> int:
        """Copy and pass to `feed`."""
        held = self  # `feed` may have another storey take this one's place
        held.feed(bytes(data[:size]))
        return 0

    def feed(self, data: bytes) -> None:
        """Pass on: `Link.feed` would come back by `receive`, without an end."""
        if self.above is not None:
            self.above.feed(data)
