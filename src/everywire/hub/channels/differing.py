"""A codec that says publications by what changed."""

from __future__ import annotations

from typing import Final

from everywire.deltas import difference
from everywire.messages import Changed, Event, Moved, Publication
from everywire.payloads import Codec, Payload

__all__ = ["Differing"]


class Differing:
    """Wraps a codec, for listeners of one channel who were all told the same publications.

    Invariants: `_last` holds, per entry, the latest publication that all of them have; at most `_most` entries.
    """

    __slots__ = ("_last", "_most", "inner")

    def __init__(self, inner: Codec, most: int) -> None:
        self.inner: Final = inner
        self._most = most
        self._last: dict[str | None, Publication] = {}

    @property
    def dialect(self) -> str:
        """The inner one's."""
        return self.inner.dialect

    def encode(self, event: Event) -> tuple[Payload, ...]:
        """Say `event`; to be called once for each that is told to all."""
        if isinstance(event, Moved):
            self._last.clear()
        if not isinstance(event, Publication) or event.position is None:
            return self.inner.encode(event)
        last = self._last.pop(event.entry, None)
        self.note(event)
        if last is None or last.position is None or event.removed:
            return self.inner.encode(event)
        delta = difference(last.data, event.data)
        return self.inner.encode(event if delta is None else Changed(event, last.position.offset, delta))

    def note(self, publication: Publication) -> None:
        """Take notice that all listeners have `publication`."""
        if publication.removed:
            self._last.pop(publication.entry, None)
            return
        self._last[publication.entry] = publication
        if len(self._last) > self._most:
            del self._last[next(iter(self._last))]

    def forget(self) -> None:
        """Take notice that some listeners were not told the latest publication."""
        self._last.clear()
