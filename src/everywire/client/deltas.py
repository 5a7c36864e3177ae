"""Publications that are told as their difference from an earlier one (docs/protocol.md, "Deltas")."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec

from everywire.client.wire import Publication, Publishing

__all__ = ["Bases", "apply"]


def apply(base: Any, delta: dict[str, Any]) -> Any:
    """Give what `delta` makes of `base`, which stays as it is; raises LookupError, TypeError or ValueError where the two do not fit."""
    new: Any
    if isinstance(base, list):
        first, count = delta.get("keep", (0, len(base)))
        new = base[first : first + count]
    else:
        dropped = delta.get("drop", ())
        new = {key: value for key, value in base.items() if key not in dropped}
    for key, inner in delta.get("in", {}).items():
        place = int(key) if isinstance(new, list) else key
        new[place] = apply(new[place], inner)
    for key, value in delta.get("set", {}).items():
        if not isinstance(new, list):
            new[key] = value
        elif int(key) == len(new):
            new.append(value)
        else:
            new[int(key)] = value
    return new


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
            made = apply(data, publication.delta)
        except (LookupError, TypeError, ValueError, AttributeError):
            return None
        found = msgspec.structs.replace(publication, data=made, delta=None)
        self.keep(found)
        return found

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
