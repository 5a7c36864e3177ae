"""A request's body while it comes."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Incoming"]

_HIGH = 1 << 16  # bytes that wait to be taken, above which nothing more is read


def _nothing() -> None:
    """Tell nobody."""


class Incoming:
    """The rest of a body: `take` gives what has come, `news` is called whenever more has, or it has ended.

    `done`: all of it has come, though some may wait to be taken; `gone`: it will never be complete. `reading(on)` stops and starts the connection, as more
    than 64 KiB wait or do not; `ask()` gives the client leave to send it, where it waits for that (RFC 9110 10.1.1).

    Invariants: `size` counts what waits; after `done` or `gone` nothing comes. `came` counts what came since the reader last had to wait for somebody.
    """

    __slots__ = ("_parts", "ask", "came", "done", "dropped", "dropping", "gone", "news", "paused", "reading", "size")

    def __init__(self, reading: Callable[[bool], object], ask: Callable[[], object] | None = None) -> None:
        self._parts: list[bytes] = []
        self.reading = reading
        self.ask = ask
        self.news: Callable[[], object] = _nothing
        self.size = 0
        self.came = 0
        self.done = False
        self.gone = False
        self.paused = False
        self.dropping = False
        self.dropped = 0

    # For whoever reads

    def want(self) -> None:
        """Say that the body is wanted: whoever waits for leave to send it gets that."""
        ask, self.ask = self.ask, None
        if ask is not None and not self.gone:
            ask()

    def take(self) -> bytes:
        """Give what has come, which may be nothing, and let more come."""
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self.size = 0
        if self.paused:
            self.paused = False
            if not self.gone:
                self.reading(True)
        return data

    def drop(self) -> None:
        """Want nothing more of it, though it comes; `dropped` counts that."""
        self.dropping = True
        self.news = _nothing
        self.take()

    # For the connection

    def put(self, data: bytes) -> None:
        """Add bytes."""
        if self.dropping:
            self.dropped += len(data)
            return
        self._parts.append(data)
        self.size += len(data)
        self.came += len(data)
        if self.size > _HIGH and not self.paused:
            self.paused = True
            self.reading(False)

    def end(self) -> None:
        """Say that it is complete."""
        self.done = True
        self.news()

    def lose(self) -> None:
        """Say that it never will be, unless it is already."""
        if not self.done and not self.gone:
            self.gone = True
            self._parts.clear()
            self.size = 0
            self.news()
