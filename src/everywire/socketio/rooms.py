"""Rooms, and what is said in them: each is a channel of the hub, to which the server subscribes its clients."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from everywire.errors import Refused
from everywire.hub.crowds.choice import Choice
from everywire.socketio import names
from everywire.socketio.crowds import several
from everywire.socketio.exceptions import BadNamespaceError

if TYPE_CHECKING:
    from everywire.app import Everywire
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session
    from everywire.socketio.clients import Client, Clients
    from everywire.socketio.crowds import SomeOptions

__all__ = ["Rooms", "Said"]

Said = dict[str, Any]
"""An event as it is published: {"event": its name, "args": its arguments}."""

_CLOSING: Final = "socketio-close-room"

_log = logging.getLogger("everywire.socketio")


class _Closing(msgspec.Struct):
    channel: str


class Rooms:
    """The rooms of one application.

    What is said to a client who is only coming waits until it was told that it is connected.
    """

    def __init__(self, app: Everywire, clients: Clients) -> None:
        self.app: Final = app
        self._clients: Final = clients

    @property
    def _hub(self) -> Hub:
        return self.app.hub

    def declare(self) -> None:
        """Declare the kinds of channels that stand for rooms: nobody but the server has a right there."""
        for pattern in names.PATTERNS:
            self.app.channel(
                pattern, history=1000, ttl=120.0, may_subscribe=False, may_publish=False, may_history=False
            )

    def start(self) -> None:
        """Hear, from now on, of rooms that other workers close."""
        self._hub.notes.add(_CLOSING, _Closing, self._closed)

    # Who is where.

    async def enter(self, sid: str, room: str, namespace: str) -> None:
        """Have a client in a room from now on; raises `Refused` where it is in too many, `BadNamespaceError` where there is no such client."""
        channel = names.room(namespace, room)
        if (coming := self._coming(sid, namespace)) is not None:
            coming.rooms[room] = None
        elif (session := self._session(sid, namespace)) is not None:
            await self._hub.enrolling.enter(session, channel)
        else:
            await self.app.subscribe(channel, session=sid)

    async def leave(self, sid: str, room: str, namespace: str) -> None:
        """Have a client in a room no longer; who is gone is in none."""
        channel = names.room(namespace, room)
        if (coming := self._coming(sid, namespace)) is not None:
            coming.rooms.pop(room, None)
        elif self._hub.broker.alone and sid not in self._hub.sessions:
            return
        elif (session := self._session(sid, namespace)) is not None:
            self._hub.enrolling.leave(session, channel)
        else:
            await self.app.unsubscribe(None, channel, session=sid)

    async def close(self, room: str, namespace: str) -> None:
        """Have nobody in a room any more."""
        channel = names.room(namespace, room)
        self._empty(channel)
        await self._hub.notes.tell(_CLOSING, _Closing(channel))

    def _closed(self, closing: _Closing, node: str) -> None:
        if node != self._hub.node:
            self._empty(closing.channel)

    def _empty(self, channel: str) -> None:
        for session in self._members(channel):
            self._hub.enrolling.leave(session, channel)

    def of(self, client: Client) -> list[str]:
        """Give the rooms that a client is in, its own among them."""
        if client.session is None:
            return [client.sid, *client.rooms]
        return names.rooms(client.namespace, client.session.enrolled)

    def first(self, client: Client) -> tuple[str, ...]:
        """Give the channels of a client from its beginning on: its own, and that of everybody."""
        return names.room(client.namespace, client.sid), names.everybody(client.namespace)

    async def arrive(self, client: Client) -> None:
        """Have a client who has come enter its rooms, and be told what was said to it meanwhile."""
        said, client.said = client.said, []
        for room in client.rooms:
            try:
                await self.enter(client.sid, room, client.namespace)
            except (Refused, BadNamespaceError) as no:  # one too many, or the client is gone
                _log.warning("a client is not in room %s: %s", ascii(room), no)
        own = names.room(client.namespace, client.sid)
        for each in said:
            await self.app.publish(own, each)

    # What is said.

    async def say(self, said: Said, namespace: str, to: Sequence[str] | None, skip: SomeOptions) -> None:
        """Say something in the rooms `to` (None: to everybody), but not to whom `skip` leaves out; who is in several of them is told once, in the first."""
        skipped, others = {*several(skip.get("skip_sid"))}, self._channels(namespace, skip.get("skip_room"))
        for client in self.comers(namespace, to, skip):
            client.said.append(said)
            skipped.add(client.sid)
        channels = self._channels(namespace, to) if to is not None else (names.everybody(namespace),)
        # All in one turn of the loop: the broker carries them one after the other, and each node looks who is in the rooms before.
        begun = [
            self.app.publish(channel, said, exclude=skipped, outside=(*others, *channels[:place]))
            for place, channel in enumerate(channels)
        ]
        for publication in begun:
            await publication

    def choice(self, namespace: str, to: Sequence[str] | None, skip: SomeOptions) -> Choice:
        """Give who is meant on all workers by the rooms `to` (None: everybody), but for whom `skip` leaves out."""
        channels = self._channels(namespace, to) if to is not None else (names.everybody(namespace),)
        outside = self._channels(namespace, skip.get("skip_room"))
        return Choice(channels, exclude=tuple(several(skip.get("skip_sid"))), outside=outside)

    def comers(self, namespace: str, to: Collection[str] | None, skip: SomeOptions) -> list[Client]:
        """Give who is only coming and is meant: the one on whose behalf something is done, others by their ids alone."""
        here, found = self._clients.here, []
        if here is not None and here.namespace == namespace and (to is None or _is_in(here, to)):
            found.append(here)
        others = [self._clients.hidden(room) for room in to or ()]
        found += [each for each in others if each is not None and each is not here and each.namespace == namespace]
        skipped, rooms = several(skip.get("skip_sid")), several(skip.get("skip_room"))
        return [each for each in dict.fromkeys(found) if each.sid not in skipped and not _is_in(each, rooms)]

    def _channels(self, namespace: str, rooms: Any) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names.room(namespace, room) for room in several(rooms)))

    def _members(self, channel: str) -> list[Session]:
        known = self._hub.channels.get(channel)
        return [*known.subscriptions] if known is not None else []

    def _coming(self, sid: str, namespace: str) -> Client | None:
        client = self._clients.hidden(sid)
        return client if client is not None and client.namespace == namespace else None

    def _session(self, sid: str, namespace: str) -> Session | None:
        """Give a client's session; None where it is another worker's. Raises `BadNamespaceError` where there is none."""
        session = self._hub.sessions.get(sid)
        if session is None and not self._hub.broker.alone:
            return None
        if session is None or (session.space or "/") != namespace:
            raise BadNamespaceError(f"no client {sid} in {namespace}")
        return session


def _is_in(client: Client, rooms: Collection[str]) -> bool:
    return any(room == client.sid or room in client.rooms for room in rooms)
