"""Going on with the session that is called by a key of its client's, as if its secret had been shown.

The name is what a hash made of the key: who can say it has the key. That a session is gone on with takes the same user as well, so the application is asked
who connects before anything is looked for.

What a session missed is told where its client acknowledges what it has (`caught_up` is not None): at least once, since the hub knows of that a little later
than the client does. Where not all of it is to be had, another session of the same name begins. Without acknowledgements nothing is known of what was missed:
its channels go on as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.hub.access.permission import permit
from everywire.hub.codes import Close
from everywire.hub.continuity.acknowledging import Acknowledgement
from everywire.hub.continuity.renewing import possible

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.continuity.continuing import Earlier
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["begin_again", "go_on", "heard", "remembered"]


async def go_on(
    hub: Hub, attachment: Attachment, command: m.Connect, identity: Identity
) -> tuple[Session | None, bool]:
    """Give the session that `command` names, which goes on over `attachment`; None where another begins, and whether that may have the name.

    The name is another's where its user is, or its space; who tries many of these is closed.
    """
    name = command.name or ""
    while True:
        earlier = await hub.continuing.named(name)
        whole = earlier is None or await _whole(hub, earlier, command)
        there = hub.sessions.get(name)
        if (there is not None) == (earlier is not None and earlier.record is None):
            break  # otherwise it has come, or gone, meanwhile
    if not attachment.open or earlier is None:
        return None, True
    if earlier.identity.user != identity.user or earlier.space != command.space:
        if not hub.limiting.guess(attachment.address):
            attachment.close(Close.POLICY, "too many keys of others from this address")
        return None, False
    session = hub.continuing.take(earlier, attachment, identity) if whole else None
    if session is None and not whole:
        hub.metrics.recoveries_failed += 1
        if there is not None:
            hub.replace(there)
    return session, True


def heard(hub: Hub, attachment: Attachment) -> bool:
    """Take notice that a client says something, who knows its session if it was told that it is connected: which may be gone on with from then on.

    Nothing tells such a client that its session is another one but what the application says to it. Where that was lost with the session's line,
    the application has to be asked again. Gives whether there was a session that it could know.
    """
    session = attachment.session
    if session is None or not session.told:
        return False
    if not session.known:
        session.known = True
        hub.records.changed(session)
    return True


async def _whole(hub: Hub, earlier: Earlier, command: m.Connect) -> bool:
    """Say whether a session that its client knows can be told all that it missed, as far as that was promised to it."""
    there, record = hub.sessions.get(earlier.proof.session), earlier.record
    source = there or record
    if source is None or not source.known:
        return False
    if there is not None:
        told = there.acknowledged.told if there.acknowledged is not None and there.ordered else None
    else:
        told = record.acknowledged if record is not None and record.begun is not None else None
    return command.caught_up is None or told is None or await possible(hub, earlier, told)


def remembered(hub: Hub, session: Session, command: m.Connect) -> str | None:
    """Give up to where a session was told everything, as `caught_up` says it, and remember that from now on.

    None where nothing is remembered: it begins, or its client did not acknowledge anything until now, or does not any more.
    """
    before = session.acknowledged if session.ordered else None
    if command.caught_up is None:
        session.acknowledged = session.again = None
        return None
    session.acknowledged, session.again = before or Acknowledgement(), hub.enrolling.again
    return before.told if before is not None else None


async def begin_again(hub: Hub, session: Session) -> None:
    """Subscribe a session that goes on to the channels that its client had asked for, from now on; to none where it may not be any more."""
    asked = [each for name, each in session.subscriptions.items() if name not in session.enrolled]
    for subscription in asked:
        try:
            await permit(hub, session, subscription.channel.place, "subscribe")
        except Refused as no:
            if subscription.stands:
                hub.remove(subscription, no.reason)
        else:
            await hub.enrolling.begin(session, (subscription.channel.name,))
