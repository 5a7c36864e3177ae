"""A newer token for a session that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.errors import Refused
from everywire.hub.access.admitting import identify
from everywire.hub.codes import Code
from everywire.hub.hooks import Connecting

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["refresh", "refresh_at_once"]


async def refresh_at_once(hub: Hub, attachment: Attachment, command: m.Refresh) -> None:
    """Answer a `Refresh` without its turn: behind a call that takes long the token would expire. One at a time."""
    if attachment.refreshing:
        attachment.tell(m.Refusal(command.ref, Code.LIMIT, "a refresh is under way", temporary=True))
        return
    attachment.refreshing = True
    try:
        await hub.answer(attachment, command)
    finally:
        attachment.refreshing = False


async def refresh(hub: Hub, attachment: Attachment, session: Session, command: m.Refresh) -> m.Event | None:
    """Answer a `Refresh`; one that is refused leaves the session with the time that it had."""
    if hub.hooks.connect is None:
        raise Refused("tokens mean nothing here", Code.BAD_REQUEST)
    now = hub.expiries.now()
    shown = Connecting(
        command.token, attachment.request, None, now, attachment.address, session.member, space=session.space
    )
    identity = await identify(hub, shown)
    if attachment.session is not session:
        return None
    if identity.user != session.user:
        raise Refused("the token is another user's", Code.UNAUTHORIZED)
    for name in session.identity.channels:
        if name not in identity.channels:  # it was the older token that had the server subscribe it
            session.dismiss(name)
    session.become(identity)
    hub.expiries.add(session)
    hub.records.changed(session)
    for subscription in [*session.subscriptions.values()]:
        name = subscription.channel.name
        if name not in session.enrolled and not session.may("subscribe", name):
            hub.remove(subscription, "the newer token does not allow it")
    return m.Refreshed(command.ref, hub.expiries.left(session))
