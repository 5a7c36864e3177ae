"""What a session says to channels, and asks of them: publish, history, presence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.brokers.base import Draft, Query
from everywire.errors import Refused
from everywire.hub import pages
from everywire.hub.codes import Code
from everywire.hub.permission import check_size, permit

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["history", "presence", "publish"]


async def publish(hub: Hub, session: Session, command: m.Publish) -> m.Event:
    """Answer a `Publish`."""
    place = hub.place(command.channel)
    check_size("data", command.data, hub.settings.max_data)
    await permit(hub, session, place, "publish")
    key = _scoped(session, command.key) if command.key is not None else None
    draft = Draft(command.data, hub.world.wall(), session.member, key)
    receipt = await hub.publish(place, draft, ephemeral=command.ephemeral)
    return m.Published(command.ref, place.name, receipt.position)


def _scoped(session: Session, key: str) -> str:
    """Give a key that another user's same key does not stand for."""
    return f"{'u' if session.user is not None else 'a'}{session.user or ''}\n{key}"


async def history(hub: Hub, session: Session, command: m.History) -> m.Event:
    """Answer a `History`."""
    place = hub.place(command.channel)
    if place.kind.retention.size == 0:
        raise Refused("no history is kept here", Code.NOT_AVAILABLE)
    await permit(hub, session, place, "history")
    query = Query(command.since, pages.limit(command.limit, hub.settings), command.reverse, command.before)
    stretch = await hub.broker.read(place.name, query, place.kind.retention)
    page = pages.cut(stretch.publications, hub.settings)
    more = len(page) < len(stretch.publications)
    return m.Page(command.ref, place.name, stretch.position, page, more)


async def presence(hub: Hub, session: Session, command: m.Presence) -> m.Event:
    """Answer a `Presence`."""
    place = hub.place(command.channel)
    if not place.kind.presence:
        raise Refused("nobody is listed here", Code.NOT_AVAILABLE)
    await permit(hub, session, place, "presence")
    if command.brief:
        return m.Roster(command.ref, place.name, (), *await hub.broker.count(place.name))
    members = await hub.broker.members(place.name)
    users = len({member.user for member in members if member.user is not None})
    return m.Roster(command.ref, place.name, members, sum(member.tabs for member in members), users)
