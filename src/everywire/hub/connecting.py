"""Becoming a session: who it is, and whether it continues an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.errors import Refused
from everywire.hub.codes import Close, Code
from everywire.hub.hooks import Connecting
from everywire.hub.permission import check_size
from everywire.hub.world import settled

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub

__all__ = ["connect"]


async def connect(hub: Hub, attachment: Attachment, command: m.Connect) -> m.Event | None:
    """Answer a `Connect`; who is turned away is told so and closed."""
    if attachment.session is not None:
        raise Refused("connected already", Code.BAD_REQUEST)
    check_size("info", command.info, hub.settings.max_info)
    try:
        user = await _user(hub, attachment, command)
    except Refused as no:
        attachment.tell(m.Refusal(command.ref, no.code, no.reason, no.temporary))
        attachment.close(_turned_away(no), no.reason)
        return None
    if not attachment.open:
        return None
    session = hub.resumable(command.resume, user) if command.resume is not None else None
    if session is not None:
        hub.resume(attachment, session)
    resumed = session is not None
    session = session or hub.begin(attachment, user, command.info)
    heartbeat = hub.settings.heartbeat
    return m.Connected(command.ref, session.id, session.user, session.resume, resumed, heartbeat)


async def _user(hub: Hub, attachment: Attachment, command: m.Connect) -> str | None:
    if hub.hooks.connect is None:
        return None
    connecting = Connecting(command.token, attachment.request, command.info)
    user = await settled(hub.world, hub.hooks.connect(connecting))
    if user is not None and not isinstance(user, str):
        raise TypeError(f"the connect hook gives a user's name or None, not {user!r}")
    return user


def _turned_away(no: Refused) -> Close:
    """Say with which code a client goes that may not connect: whether it comes back depends on it."""
    if no.temporary:
        return Close.TRY_AGAIN_LATER
    return Close.UNAUTHORIZED if no.code == Code.UNAUTHORIZED else Close.REFUSED
