"""What a session says to channels, and asks of them: publish, history, presence."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.brokers.base import Draft, Query, Receipt
from everywire.errors import Refused
from everywire.hub.access.permission import check_size, permit
from everywire.hub.channels import pages
from everywire.hub.codes import Close, Code
from everywire.hub.kinds import Place
from everywire.hub.world import pause

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["history", "presence", "publish"]

_log = logging.getLogger("everywire.hub")


async def publish(hub: Hub, session: Session, command: m.Publish) -> m.Event | None:
    """Answer a `Publish`."""
    place = hub.place(command.channel)
    check_size("data", command.data, hub.settings.max_data)
    hub.limiting.publish(session)
    await permit(hub, session, place, "publish")
    key = _scoped(session, command.key) if command.key is not None else None
    draft = Draft(command.data, hub.world.wall(), session.member, key, command.entry, command.audience)
    attachment = session.attachment
    if key is None or command.ephemeral:
        receipt = await hub.publish(place, draft, ephemeral=command.ephemeral)
        return _said(command, receipt)
    try:
        receipt = await _published(hub, place, draft)
    except Refused:
        raise
    except Exception:
        # It may be in the log or not. Its client would say it again after a break, behind what it has said since: so
        # nothing more of it is carried out, and it says everything again, in its order.
        _log.warning("a publication could not be brought to the broker", exc_info=True)
        if attachment is not None:
            attachment.close(Close.TRY_AGAIN_LATER, "the broker does not answer")
        return None
    return _said(command, receipt)


def _said(command: m.Publish, receipt: Receipt) -> m.Event:
    if receipt.conflict:
        there = receipt.position.offset if receipt.position is not None else 0
        raise Refused("conflict: the entry is not what was expected", Code.CONFLICT, data={"offset": there})
    return m.Published(command.ref, command.channel, receipt.position)


async def _published(hub: Hub, place: Place, draft: Draft) -> Receipt:
    """Publish under a key: what failed is tried once more, since the key makes that harmless."""
    try:
        return await hub.publish(place, draft)
    except Refused:
        raise
    except Exception:
        return await hub.publish(place, draft)


def _scoped(session: Session, key: str) -> str:
    """Give a key that another user's same key does not stand for."""
    return f"{'u' if session.user is not None else 'a'}{session.user or ''}\n{key}"


async def history(hub: Hub, session: Session, command: m.History) -> m.Event:
    """Answer a `History`."""
    place = hub.place(command.channel)
    if place.kind.retention.size == 0:
        raise Refused("no history is kept here", Code.NOT_AVAILABLE)
    await permit(hub, session, place, "history")
    query = Query(command.since, command.limit, command.reverse, command.before, command.from_time)
    recovered, limit, looked = command.since is not None, command.limit, 0
    while True:
        asked = replace(query, limit=pages.limit(None if looked else limit, hub.settings))
        stretch = await hub.broker.read(place.name, asked, place.kind.retention)
        page = pages.cut(stretch.publications, hub.settings)
        recovered = recovered and stretch.whole
        meant = pages.meant(page, session)[:limit]
        if meant or not page:
            # As many as were asked for were read, and some of them were for others: there may be more.
            cut = len(page) < len(stretch.publications) or len(page) == asked.limit
            more = cut and len(meant) != limit
            return m.Page(command.ref, place.name, stretch.position, meant, more, recovered)
        # A page of what is for others gives the client nothing to ask on from, so that we do.
        last, looked = page[-1].position, looked + 1
        if looked >= hub.settings.max_pages:
            assert last is not None  # what is kept has a position
            return m.Page(command.ref, place.name, stretch.position, (), True, recovered, last.offset)
        query = replace(query, before=last) if command.reverse else replace(query, since=last)
        await pause(hub.world, 0)  # a broker in this process never waits, and everybody else would


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
