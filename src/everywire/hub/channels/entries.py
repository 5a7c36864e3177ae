"""The entries of keyed channels, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from everywire import messages as m
from everywire.brokers.base import Query
from everywire.errors import Refused
from everywire.hub.access.permission import permit
from everywire.hub.channels import pages
from everywire.hub.codes import Code
from everywire.messages import Position, Publication

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.kinds import Place
    from everywire.hub.session import Session

__all__ = ["Entries", "read", "read_entries"]


class Entries(NamedTuple):
    """A page of a channel's entries: `position` is where the map is with them; `after` how far they go, None where nothing follows.

    While something follows, `position` stays where the first page was read: of what is removed before the last page, all that was
    removed since then has to be told.
    """

    position: Position
    page: tuple[Publication, ...]
    recovered: bool
    after: int | None
    order: Position | None = None


async def read(hub: Hub, place: Place, since: Position | None, after: int | None) -> Entries:
    """Give the first page of what changed since `since` and after the offset `after`, or, where that is not known, of all entries."""
    query = Query(since, pages.limit(None, hub.settings), after=after)
    found = await hub.broker.entries(place.name, query, place.kind.retention)
    page = pages.cut(found.entries, hub.settings)
    if len(page) == len(found.entries):
        return Entries(found.position, page, found.whole, None, found.order)
    begun = since if found.whole and since is not None else found.position
    last = page[-1].position
    assert last is not None  # what is kept has one
    return Entries(begun, page, found.whole, last.offset)


async def read_entries(hub: Hub, session: Session, command: m.ReadEntries) -> m.Event:
    """Answer a `ReadEntries`; who may subscribe may ask."""
    place = hub.place(command.channel)
    if not place.kind.retention.keyed:
        raise Refused("there are no entries here", Code.NOT_AVAILABLE)
    await permit(hub, session, place, "subscribe")
    found = await read(hub, place, command.since, command.after)
    more = found.after is not None
    return m.Entries(command.ref, place.name, found.position, found.page, found.recovered, more, found.after)
