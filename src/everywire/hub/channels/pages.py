"""How much of a channel's history goes into one answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from everywire.brokers.base import Query, Stretch
from everywire.hub.session import Session
from everywire.hub.settings import Settings
from everywire.messages import Position, Publication

__all__ = ["Cutter", "cut", "end", "limit", "meant", "oldest"]


class Cutter:
    """Cuts pages; who is told the same as the one before gets the same page, so that it is measured, and written, once.

    When a node ends, very many clients ask from the same place on, one after another.

    Invariants: `_page` is what `cut` gives for `_read`; `_open` says that all of it is for everybody.
    """

    __slots__ = ("_open", "_page", "_read", "_settings")

    def __init__(self, settings: Settings) -> None:
        self._settings: Final = settings
        self._read: tuple[Publication, ...] = ()
        self._page: tuple[Publication, ...] = ()
        self._open = True

    def cut(self, publications: tuple[Publication, ...]) -> tuple[Publication, ...]:
        """Give the first of `publications`, as many as fit in a page."""
        if publications != self._read:  # equal ones are as good: mostly they are the same objects, and that is fast
            self._read, self._page = publications, cut(publications, self._settings)
            self._open = all(each.audience is None for each in self._page)
        return self._page

    def meant(self, page: tuple[Publication, ...], session: Session) -> tuple[Publication, ...]:
        """Give what of `page` is for `session`."""
        return page if page is self._page and self._open else meant(page, session)


def limit(wanted: int | None, settings: Settings) -> int:
    """Give how many publications to read where `wanted` are asked for: one too many tells that there are more."""
    most = max(1, settings.max_page)
    return most + 1 if wanted is None else min(wanted, most + 1)


def cut(publications: Sequence[Publication], settings: Settings) -> tuple[Publication, ...]:
    """Give the first of `publications`, as many as fit in a page; one always does."""
    room = settings.max_page_bytes
    for count, publication in enumerate(publications):
        room -= _size(publication)
        if count and (room < 0 or count >= settings.max_page):
            return tuple(publications[:count])
    return tuple(publications)


def meant(page: Sequence[Publication], session: Session) -> tuple[Publication, ...]:
    """Give what of `page` is for `session`."""
    return tuple([each for each in page if session.hears(each)])


def end(stretch: Stretch, page: Sequence[Publication]) -> Position:
    """Give the position after `page`, a part of `stretch`: that of the log only where it holds all of it."""
    if len(page) == len(stretch.publications):
        return stretch.position
    last = page[-1].position
    assert last is not None  # what is kept has a position
    return last


def oldest(rewind: int, stretch: Stretch, settings: Settings) -> Query:
    """Give the query for the first page of the `rewind` latest publications of a log that ends where `stretch` does."""
    at = stretch.position
    return Query(Position(at.epoch, max(0, at.offset - rewind)), limit(None, settings))


def _size(publication: Publication) -> int:
    """Bytes of what applications said in it."""
    info = publication.sender.info if publication.sender is not None else None
    return memoryview(publication.data).nbytes + (memoryview(info).nbytes if info is not None else 0)
