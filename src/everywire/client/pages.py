"""History that comes in several answers, put together again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from everywire.client.following import Following, Misfit
from everywire.client.wire import Entries, Page, Position, Publication

__all__ = ["collect", "collect_entries", "read"]


async def collect(
    ask: Callable[[dict[str, Any]], Awaitable[Page[Any]]],
    command: dict[str, Any],
    first: Awaitable[Page[Any]] | None = None,
) -> Page[Any]:
    """Ask `command`, a `history`, and ask on while the answers are cut; give what one answer without bounds would have been.

    `first` is the answer to `command` where it was asked already. It says where the log ends: what is published later is left out, so that there is an end.
    What does not continue what came before it replaces it: the log was lost, or the earlier publications have expired meanwhile. Where offsets leap because
    what lies between is for others, the server says that it continues.
    """
    reverse, limit = bool(command.get("reverse")), command.get("limit")
    begun = page = await (first or ask(command))
    found, more = [*page.publications], page.more
    while more:
        last = Position(page.epoch, found[-1].offset or 0 if page.after is None else page.after)
        onward: dict[str, Any] = {"before": last} if reverse else {"since": last, "before": _after(begun)}
        if limit is not None:
            onward["limit"] = limit - len(found)
        page = await ask(command | onward)
        more = page.more
        if page.epoch != begun.epoch:
            begun, found = page, []
        elif not reverse and not page.recovered and _first(page, begun) != last.offset + 1:
            found = []
        found += page.publications
        if not more and len(found) == len(page.publications) and limit is not None:
            more = 0 < len(found) < limit  # it replaces more than was left to ask for
    return Page(begun.id, begun.channel, begun.epoch, begun.offset, found)


async def read(pages: Awaitable[Page[Any]], kind: Any) -> Page[Any]:
    """Give a page as applications have it: each publication says its channel, and has its data as a `kind`. Raises `Misfit` for the first whose is not."""
    page, following = await pages, Following(kind=kind)
    found = []
    for each in page.publications:
        publication = following.typed(page.channel, msgspec.structs.replace(each, channel=page.channel))
        if isinstance(publication, Misfit):
            raise publication
        found.append(publication)
    return msgspec.structs.replace(page, publications=found)


async def collect_entries(ask: Callable[[dict[str, Any]], Awaitable[Entries]], command: dict[str, Any]) -> Entries:
    """Ask `command`, an `entries`, and ask on while the answers are cut; give what one answer without bounds would have been, in order of the offsets."""
    page = await ask(command)
    found = {each.entry: each for each in page.entries}
    while page.more:
        page = await ask(command | {"since": page.position, "after": page.after})
        if not page.recovered:
            found.clear()
        for each in page.entries:
            found.pop(each.entry, None)
            if not each.removed:
                found[each.entry] = each
    entries = [msgspec.structs.replace(each, channel=page.channel) for each in sorted(found.values(), key=_offset)]
    return Entries(page.id, page.channel, page.epoch, page.offset, entries, recovered=False)


def _offset(publication: Publication[Any]) -> int:
    return publication.offset or 0


def _after(page: Page[Any]) -> Position:
    return Position(page.epoch, page.offset + 1)


def _first(page: Page[Any], begun: Page[Any]) -> int | None:
    """Give the offset that a page of the log that ended with `begun` starts at; the end where it is empty."""
    return page.publications[0].offset if page.publications else begun.offset + 1
