"""What each command does: permission, act, answer.

Each function gives the event that answers its command; None where it has answered already or where
nobody is left to hear. It raises `Refused` for a polite no. After every `await` the transport that asked
may be gone, so that what is done afterwards asks first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.errors import Refused
from everywire.hub.access.connecting import connect
from everywire.hub.access.refreshing import refresh
from everywire.hub.calling.calls import call
from everywire.hub.channels.adjusting import adjust
from everywire.hub.channels.entries import read_entries
from everywire.hub.channels.publishing import history, presence, publish
from everywire.hub.channels.subscribing import subscribe, unsubscribe
from everywire.hub.codes import Close, Code

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["handle"]


async def handle(hub: Hub, attachment: Attachment, command: m.Command) -> m.Event | None:
    """Carry out one command of one client."""
    session = attachment.session
    match command:
        case m.Connect():
            return await connect(hub, attachment, command)
        case m.Malformed(reason=reason):
            raise Refused(reason, Code.BAD_REQUEST)
        case _ if session is None:
            attachment.close(Close.UNAUTHORIZED, "connect first")
            return None
        case m.Pong() | m.Item() | m.End() | m.Credit() | m.Cancel() | m.Answer() | m.Decline():
            return None  # said before the session was there, of nothing that is there now
        case m.Refresh():
            return await refresh(hub, attachment, session, command)
        case m.Ping(ref):
            return m.Ponged(ref)
        case m.Leave():
            session.lost = Close.NORMAL
            hub.end(session)
            attachment.goodbye(Close.NORMAL, "")
            return None
        case m.Call():
            await call(hub, attachment, session, command)
            return None
        case _:
            return await _channel_command(hub, session, command)


async def _channel_command(hub: Hub, session: Session, command: m.Command) -> m.Event | None:
    match command:
        case m.Subscribe():
            return await subscribe(hub, session, command)
        case m.Unsubscribe():
            return unsubscribe(hub, session, command)
        case m.Publish():
            return await publish(hub, session, command)
        case m.Adjust():
            return adjust(hub, session, command)
        case m.ReadEntries():
            return await read_entries(hub, session, command)
        case m.History():
            return await history(hub, session, command)
        case m.Presence():
            return await presence(hub, session, command)
        case _:
            raise TypeError(f"no such command: {command!r}")
