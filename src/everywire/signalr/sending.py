"""How what a hub says reaches its clients: channels for many of them, the session itself for one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from everywire.brokers.base import Draft
from everywire.errors import Refused, SessionGone
from everywire.hub.calling.asking import Question, say
from everywire.hub.codes import Code
from everywire.hub.crowds.choice import Choice
from everywire.hub.threads import started
from everywire.messages import Audience, Data, Packed, Raw
from everywire.signalr.channels import Channels
from everywire.signalr.values import written

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Sending"]

_MAX_NAME: Final = 255

_log = logging.getLogger("everywire.signalr")


class _Told(msgspec.Struct):
    """Whoever has one of `sessions`: tell it that."""

    sessions: tuple[str, ...]
    name: str
    data: bytes
    packed: bool


class Sending:
    """Says something to clients of the hub at `path`, whatever node they are on, and keeps its groups.

    What is published is {"event": its name, "args": its arguments}, so that clients of other languages in the same channel understand it, too. A connection
    by its id is told at once where it is connected, in its turn; where it is away and may come back, by a publication for it alone.
    """

    def __init__(self, path: str, hub: Callable[[], Hub], channels: Channels) -> None:
        self._note: Final = f"hub-told {path}"
        self._hub: Final = hub
        self.channels: Final = channels

    @property
    def hub(self) -> Hub:
        """The hub that runs; raises `EverywireError` before the start."""
        return self._hub()

    def start(self) -> None:
        """Hear, from now on, of what other nodes say to connections of this one."""
        self.hub.notes.add(self._note, _Told, self._told)

    def publish(
        self, event: str, args: tuple[Any, ...], channels: tuple[str, ...], exclude: tuple[str, ...]
    ) -> Awaitable[None]:
        """Say something in all of `channels`, but not to who is in `exclude`; who is in several of them is told once, in the first."""
        hub, data = self.hub, written({"event": _name(event), "args": args})
        drafts = [
            (hub.place(name), self._draft(data, Audience(exclude, outside=channels[:place])))
            for place, name in enumerate(dict.fromkeys(channels))
        ]

        async def carried() -> None:
            # All in one turn of the loop: each node looks who is in the channels before.
            for publication in [hub.world.start(hub.publish(*each)) for each in drafts]:
                await publication

        return started(hub.world, carried)

    def tell(self, event: str, args: tuple[Any, ...], ids: tuple[str, ...]) -> Awaitable[None]:
        """Say something to connections by their ids; those that are gone are passed over."""
        hub, data = self.hub, written(args)
        _name(event)

        async def carried() -> None:
            far = tuple(name for name in ids if name not in hub.sessions)
            for name in ids:
                if (session := hub.sessions.get(name)) is not None:
                    await self._say(session, event, data)
            if far and not hub.broker.alone:
                await hub.notes.tell(self._note, _Told(far, event, bytes(data), isinstance(data, Packed)))

        return started(hub.world, carried)

    def _told(self, told: _Told, node: str) -> None:
        data: Data = Packed(told.data) if told.packed else Raw(told.data)
        for name in told.sessions:
            if (session := self.hub.sessions.get(name)) is not None:
                self.hub.world.start(self._say(session, told.name, data))

    async def _say(self, session: Session, event: str, data: Data) -> None:
        hub = self.hub
        try:
            say(hub, session, event, data, positional=True)
        except SessionGone:
            if session.lasts and self.channels.everybody in session.enrolled:
                args = msgspec.msgpack.decode(data) if isinstance(data, Packed) else msgspec.json.decode(data)
                said = written({"event": event, "args": args})
                await hub.publish(hub.place(self.channels.everybody), self._draft(said, Audience(session=session.id)))

    def _draft(self, data: Data, audience: Audience) -> Draft:
        return Draft(data, self.hub.world.wall(), None, None, None, audience if audience != Audience() else None)

    async def ask(self, id: str, method: str, args: tuple[Any, ...], *, timeout: float | None, returns: Any) -> Any:
        """Call a connection, and give what it answers."""
        question = Question(_name(method), written({"event": method, "args": args}), timeout, returns)
        return await self.hub.reaching.ask(id, question)

    def enter(self, id: str, group: str) -> Awaitable[None]:
        """Have a connection in a group."""
        hub, channel = self.hub, self.channels.group(group)
        hub.place(channel)

        async def entered() -> None:
            if (session := hub.sessions.get(id)) is not None:
                await hub.enrolling.enter(session, channel)
            elif not hub.broker.alone:
                await hub.crowds.ruling.enter(Choice(sessions=(id,)), (channel,))

        return started(hub.world, entered)

    def leave(self, id: str, group: str) -> Awaitable[None]:
        """Have a connection in a group no longer."""
        hub, channel = self.hub, self.channels.group(group)

        async def left() -> None:
            if (session := hub.sessions.get(id)) is not None:
                hub.enrolling.leave(session, channel)
            elif not hub.broker.alone:
                await hub.crowds.ruling.leave(Choice(sessions=(id,)), (channel,))

        return started(hub.world, left)


def _name(event: Any) -> str:
    if not isinstance(event, str) or not 0 < len(event) <= _MAX_NAME:
        raise Refused(
            f"what clients listen to has a name of 1 to {_MAX_NAME} characters, not {event!r}", Code.BAD_REQUEST
        )
    return event
