"""History that comes in several answers, put together again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from everywire.client.wire import Page, Position

__all__ = ["collect"]


async def collect(ask: Callable[[dict[str, Any]], Awaitable[Page]], command: dict[str, Any]) -> Page:
    """Ask `command`, a `history`, and ask on while the answers are cut; give what one answer without bounds would have been.

    What does not continue what came before it replaces it: the log was lost, or the earlier publications have expired meanwhile.
    """
    reverse, limit = command.get("reverse"), command.get("limit")
    whole = page = await ask(command)
    while page.more:
        last = Position(page.epoch, page.publications[-1].offset or 0)
        onward: dict[str, Any] = {"before" if reverse else "since": last}
        if limit is not None:
            onward["limit"] = limit - len(whole.publications)
        page = await ask(command | onward)
        if not _continues(page, last, reverse=bool(reverse)):
            whole = page
        else:
            end = whole if reverse else page  # what the publications lead up to
            whole = Page(page.id, page.channel, page.epoch, end.offset, whole.publications + page.publications)
    return Page(whole.id, whole.channel, whole.epoch, whole.offset, whole.publications)


def _continues(page: Page, last: Position, *, reverse: bool) -> bool:
    """Say whether nothing is missing between `last` and the page."""
    if page.epoch != last.epoch:
        return False
    first = page.publications[0].offset if page.publications else page.offset + 1
    return reverse or first == last.offset + 1
