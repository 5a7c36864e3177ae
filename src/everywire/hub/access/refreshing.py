"""A newer token for a session that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.errors import Refused
from everywire.hub.access.admitting import identify
from everywire.hub.codes import Code
from everywire.hub.hooks import Connecting

if TYPE_CHECKING:
    from everywire.hub.access.identity import Identity
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["refresh", "refresh_at_once", "renew"]


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
    identity = await _identified(hub, attachment, command.token, session.space)
    if attachment.session is not session:
        return None
    if identity.user != session.user:
        raise Refused("the token is another user's", Code.UNAUTHORIZED)
    _become(hub, session, identity)
    return m.Refreshed(command.ref, hub.expiries.left(session))


async def renew(hub: Hub, attachment: Attachment, token: str, space: str) -> str | None:
    """Look at a token that came beside a transport, and give whose it is; it counts for its session, if that is the same user's. Raises `Refused`."""
    identity = await _identified(hub, attachment, token, space)
    session = attachment.session
    if session is not None and session.user == identity.user:
        _become(hub, session, identity)
    return identity.user


async def _identified(hub: Hub, attachment: Attachment, token: str, space: str) -> Identity:
    member = None if attachment.session is None else attachment.session.member
    now = hub.expiries.now()
    return await identify(
        hub, Connecting(token, attachment.request, None, now, attachment.address, member, space=space)
    )


def _become(hub: Hub, session: Session, identity: Identity) -> None:
    """Have a session be what its newer token says, and hear no more than that allows."""
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
