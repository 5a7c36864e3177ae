"""Publications that are told as their difference from an earlier one (docs/protocol.md, "Deltas")."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec

from everywire.client.wire import Publication, Publishing
from everywire.deltas import applied

__all__ = ["Bases"]


class Bases:
    """The data that deltas build on, by entry; one where there are no entries.

    Invariants: nobody else holds what is kept here, so that no application changes it.
    """

    def __init__(self) -> None:
        self._kept: dict[str | None, tuple[int, Any]] = {}

    def keep(self, publication: Publication[Any]) -> None:
        """Remember what comes whole; forget what is removed. The ephemeral changes nothing."""
        if publication.removed:
            self._kept.pop(publication.entry, None)
        elif publication.offset is not None:
            self._kept[publication.entry] = (publication.offset, deepcopy(publication.data))

    def whole(self, publication: Publishing) -> Publishing | None:
        """Give `publication` with its data; None where what it builds on is not here."""
        if publication.delta is None:
            self.keep(publication)
            return publication
        offset, data = self._kept.get(publication.entry, (0, None))
        if offset != publication.base:
            return None
        try:
            made = applied(data, publication.delta)
        except ValueError:
            return None
        found = msgspec.structs.replace(publication, data=made, delta=None)
        self.keep(found)
        return found

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
