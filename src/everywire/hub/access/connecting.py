"""Becoming a session: who it is, and whether it continues an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.errors import Refused
from everywire.hub.access.admitting import admitted, shown
from everywire.hub.access.lives import begun, missed
from everywire.hub.access.permission import check_size
from everywire.hub.codes import Close, Code
from everywire.hub.continuity.keyed import begin_again, go_on, remembered
from everywire.hub.continuity.renewing import Renewal, claimed, possible
from everywire.hub.hooks import Connecting
from everywire.hub.refusing import detail

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.continuity.continuing import Earlier
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["connect"]


async def connect(hub: Hub, attachment: Attachment, command: m.Connect) -> m.Event | None:
    """Answer a `Connect`; who is turned away is told so and closed."""
    if attachment.session is not None:
        if attachment.bundle is None:
            raise Refused("connected already", Code.BAD_REQUEST)
        attachment.bundle.base.close(Close.POLICY, "connected already")  # to be refused means there not to be connected
        return None
    check_size("info", command.info, hub.settings.max_info)
    try:
        session, connecting = await _session(hub, attachment, command)
    except Refused as no:
        attachment.tell(m.Refusal(command.ref, no.code, no.reason, no.temporary, detail(no)))
        attachment.close(_turned_away(no), no.reason)
        return None
    if session is None:
        return None
    renewal = _renewal(hub, session, attachment, command, resumed=connecting is None)
    if renewal is not None and not await renewal.begin():
        return None
    enrolled = hub.enrolling.channels(session)
    # A client that remembers an order knows by the same secret that it goes on.
    same = command.resume if renewal is not None else None
    secret, expires = same or hub.continuing.secret(session), hub.expiries.left(session)
    if attachment.alone:
        enrolled = ()  # its client asks for all that it wants to hear; what it may hear is known by now
    beat, resumed = attachment.whole.heartbeat, connecting is None
    attachment.tell(m.Connected(command.ref, session.id, session.user, secret, resumed, beat, expires, enrolled))
    session.told, session.lasting = True, command.lasting and command.space not in hub.hooks.spaces
    if hub.watcher is not None:
        hub.watcher.came(session)
    if renewal is not None:
        await renewal.tell()
        enrolled = session.enrolled  # with what the server has subscribed it to meanwhile
    await hub.enrolling.begin(session, enrolled)
    if connecting is None and command.keyed and renewal is None:
        await begin_again(hub, session)
    if connecting is not None and session.attachment is attachment:
        await begun(hub, attachment, connecting)
    return None


def _renewal(
    hub: Hub, session: Session, attachment: Attachment, command: m.Connect, *, resumed: bool
) -> Renewal | None:
    """Give what tells a session that goes on all that it missed, where its client, or the hub for it, remembers up to where it has everything."""
    caught_up = command.caught_up
    if command.keyed:
        caught_up = remembered(hub, session, command)
    elif caught_up is not None:
        session.again = hub.enrolling.again
    told = claimed(caught_up) if caught_up is not None and resumed else None
    return Renewal(hub, session, attachment, told) if told is not None else None


async def _session(hub: Hub, attachment: Attachment, command: m.Connect) -> tuple[Session | None, Connecting | None]:
    """Give the session, and where it is no earlier one what it connected with; no session where the client has gone meanwhile."""
    if hub.continuing.guessed(command.resume) and not hub.limiting.guess(attachment.address):
        attachment.close(Close.POLICY, "too many bad secrets from this address")
        return None, None
    earlier, lost = await _earlier(hub, command)
    token = shown(hub, attachment.request, command)
    if earlier is not None and token is None and not hub.expiries.over(earlier):  # the secret is the proof
        await hub.revoking.check(earlier.identity)
        if attachment.open and (session := hub.continuing.take(earlier, attachment)) is not None:
            return session, None
    let_in = await admitted(hub, attachment, command)
    connecting, found = let_in.connecting, let_in.identity
    session = None
    try:
        if not attachment.open:
            return None, None
        if earlier is not None and earlier.identity.user == found.user:
            session = hub.continuing.take(earlier, attachment, found)
            if session is not None:
                return session, None
        if lost is not None and lost.identity.user == found.user:
            gone = hub.sessions.get(lost.proof.session)
            if gone is not None:
                hub.continuing.abandon(gone)
        free = True
        if command.keyed:
            session, free = await go_on(hub, attachment, command, found)
            if session is not None or not attachment.open:
                return session, None
        hub.limiting.user(found)
        if connecting.session in hub.sessions or not free:
            connecting = replace(connecting, session=hub.world.new_id())
        session = hub.begin(attachment, found, command, connecting.session)
        if command.keyed and free:
            hub.continuing.begun(session)
    finally:
        if session is None or session.id != connecting.session:
            missed(hub, connecting)
    return session, connecting


async def _earlier(hub: Hub, command: m.Connect) -> tuple[Earlier | None, Earlier | None]:
    """Give the session that its client goes on with, or else the one that it would go on with if it could."""
    if command.space in hub.hooks.spaces:
        return None, None
    while True:
        earlier = await hub.continuing.find(command.resume)
        if earlier is None or earlier.space != command.space:  # or it is another session of the same client
            return None, None
        goes_on = command.caught_up is None or await possible(hub, earlier, command.caught_up)
        if earlier.record is not None or earlier.proof.session in hub.sessions:
            break  # otherwise it is not here any more, by its linger or another node: but there is a record of it
    if goes_on:
        return earlier, None
    hub.metrics.recoveries_failed += 1
    return None, earlier


def _turned_away(no: Refused) -> Close:
    """Say with which code a client goes that may not connect: whether it comes back depends on it."""
    if no.temporary:
        return Close.TRY_AGAIN_LATER
    return Close.UNAUTHORIZED if no.code == Code.UNAUTHORIZED else Close.REFUSED
