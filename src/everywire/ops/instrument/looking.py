"""Sessions of this node as a UI sees them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from everywire.dialects.socketio.admin import Seen, described
from everywire.dialects.socketio.packets import MAIN
from everywire.http.request import Request
from everywire.ops.instrument.options import Names

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Looking", "by_websocket", "namespace"]

_ID_BYTES: Final = 8


def namespace(session: Session) -> str:
    """Give the namespace that a session is in: clients of other languages are in the main one."""
    return session.space or MAIN


class Looking:
    """Looks at sessions of this node; those of single HTTP requests are none that a UI sees."""

    def __init__(self, hub: Hub, names: Names) -> None:
        self._hub: Final = hub
        self._names: Final = names
        self._key: Final = hub.world.new_id().encode()

    def shown(self, session: Session) -> bool:
        """Say whether a UI sees it."""
        return session.told and not session.unseen

    def described(self, session: Session) -> dict[str, Any]:
        """Describe a session, without anything that opens something."""
        base, request = _base(session), None
        if base is not None and isinstance(base.request, Request):
            request = base.request
        seen = Seen(
            session.id,
            self._client(base) if base is not None else session.id,
            namespace(session),
            by_websocket(session),
            _data(session),
            self.rooms(session),
            session.since,
            _address(base),
            request,
        )
        said = described(seen)
        if request is not None:
            request.fold()  # it lives as long as the connection
        return said

    def rooms(self, session: Session) -> list[str]:
        """Name the rooms that a session is in."""
        found = (self.room(session, channel) for channel in session.subscriptions)
        return [room for room in found if room is not None]

    def room(self, session: Session, channel: str) -> str | None:
        """Name the room that a channel is to a session; None for one that is none."""
        return self._names.room(namespace(session), channel)

    def _client(self, base: Attachment) -> str:
        """Give what stands for a connection as long as it lives: its own id would open it."""
        return hashlib.blake2b(str(id(base)).encode(), key=self._key, digest_size=_ID_BYTES).hexdigest()


def _base(session: Session) -> Attachment | None:
    """Give what speaks for the connection that a session has."""
    attachment = session.attachment
    return attachment.bundle.base if attachment is not None and attachment.bundle is not None else attachment


def by_websocket(session: Session) -> bool:
    """Say whether a WebSocket carries a session's connection, and no requests."""
    return session.attachment is not None and session.attachment.carriage == "websocket"


def _address(base: Attachment | None) -> str:
    if base is None:
        return ""
    remote = base.request.remote if isinstance(base.request, Request) else None
    return base.address or (str(remote[0]) if isinstance(remote, tuple) else remote or "")


def _data(session: Session) -> dict[str, Any]:
    """Give what others see of a session."""
    info = session.member.info
    said = {"user": session.user, "info": msgspec.json.decode(info) if info is not None else None}
    return {name: value for name, value in said.items() if value is not None}
