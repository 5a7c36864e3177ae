"""What becomes of this node's sessions, as a UI is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from everywire.dialects.socketio import admin
from everywire.hub.codes import Close
from everywire.messages import Call, Calling, Publication, Raw
from everywire.ops.instrument.looking import Looking, by_websocket, namespace
from everywire.ops.instrument.options import Instrument

if TYPE_CHECKING:
    from everywire.hub.channels.channel import Channel
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Watching"]

_OURS: Final = 4400  # from here on a code says that the server closed
_REASONS: Final[dict[int, str]] = {Close.NORMAL: "client namespace disconnect", Close.NO_ANSWER: "ping timeout"}

_write = msgspec.json.Encoder().encode


class Tell(Protocol):
    """Takes what is to be told: an event's name, and its arguments as an array."""

    def __call__(self, name: str, arguments: Raw) -> None: ...


class Watching:
    """The hub's `Watcher` while a UI looks that wants to know of each client.

    What clients say and are told is shown up to `Instrument.max_events` times between two calls of `refill`; all else always.
    """

    def __init__(self, hub: Hub, instrument: Instrument, looking: Looking, tell: Tell) -> None:
        self._hub: Final = hub
        self._instrument: Final = instrument
        self._looking: Final = looking
        self._tell: Final = tell
        self._left = instrument.max_events

    def refill(self) -> None:
        """Show events anew."""
        self._left = self._instrument.max_events

    # Sessions.

    def came(self, session: Session) -> None:
        """Tell of a session that has begun, or goes on here."""
        if self._looking.shown(session):
            self._say("socket_connected", self._looking.described(session), self._now())

    def over(self, session: Session) -> None:
        """Tell of a session that ends: it leaves its rooms, then it is gone."""
        if session.id not in self._hub.sessions or not self._looking.shown(session):
            return
        for room in dict.fromkeys((session.id, *self._looking.rooms(session))):
            self._say("room_left", namespace(session), room, session.id, self._now())
        self._say("socket_disconnected", namespace(session), session.id, _reason(session.lost), self._now())

    def moved(self, session: Session) -> None:
        """Tell what carries a session now."""
        carried = admin.told(websocket=by_websocket(session))
        self._say("socket_updated", {"id": session.id, "nsp": namespace(session), "transport": carried})

    def entered(self, session: Session, channel: str) -> None:
        """Tell of a room that a session is in."""
        self._room("room_joined", session, channel)

    def left(self, session: Session, channel: str) -> None:
        """Tell of a room that it is in no longer."""
        self._room("room_left", session, channel)

    def _room(self, name: str, session: Session, channel: str) -> None:
        room = self._looking.room(session, channel)
        if room not in (None, session.id) and self._looking.shown(session):  # its own it is in from the beginning
            self._say(name, namespace(session), room, session.id, self._now())

    # Events.

    def heard(self, session: Session, call: Call) -> None:
        """Show what a client says."""
        if self._shows(session):
            self._say("event_received", namespace(session), session.id, admin.asked(call), self._now())

    def told(self, session: Session, calling: Calling) -> None:
        """Show what a client is told."""
        if self._shows(session):
            self._sent(session, admin.emitted(calling))

    def published(self, channel: Channel, publication: Publication) -> None:
        """Show what each who listens is told."""
        if self._left <= 0:
            return
        said = admin.emitted(publication)
        for session in channel.subscriptions:
            if session.hears(publication) and session.attachment is not None and self._shows(session):
                self._sent(session, said)

    def _shows(self, session: Session) -> bool:
        """Say whether another event is shown, which counts: a UI's own never is."""
        if self._left <= 0 or session.space in self._hub.hooks.spaces or not self._looking.shown(session):
            return False
        self._left -= 1
        return True

    def _sent(self, session: Session, said: Raw) -> None:
        self._say("event_sent", namespace(session), session.id, said, self._now())

    def _say(self, name: str, *arguments: Any) -> None:
        self._tell(name, Raw(_write(arguments)))

    def _now(self) -> str:
        return admin.moment(self._hub.world.wall())


def _reason(code: int | None) -> str:
    """Say why a session is over, as npm's server says it."""
    if code is None or code >= _OURS:
        return _REASONS.get(code or 0, "server namespace disconnect")
    return _REASONS.get(code, "transport close")
