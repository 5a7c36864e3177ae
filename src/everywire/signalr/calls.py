"""The calls of one hub: an object of its class for each, and what is known of the connections that they come from."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from everywire.hub.codes import Close
from everywire.hub.refusing import worded
from everywire.signalr.exceptions import told
from everywire.signalr.hub import CallerContext, Hub

if TYPE_CHECKING:
    from everywire.errors import Refused
    from everywire.hub.calling.callers import Caller
    from everywire.signalr.sending import Sending
    from everywire.signalr.services import Scope, Services

__all__ = ["Calls", "Connection"]

_ROOM: Final = 256  # connections kept beyond the number of sessions, before it is looked which of them are over


class Connection:
    """What is kept of a connection: the application's `items`, and the request that it came with.

    `welcome` is there as long as it is only coming: what comes of it says whether it was let stay.
    """

    __slots__ = ("items", "request", "welcome")

    def __init__(self, request: Any = None, welcome: asyncio.Future[bool] | None = None) -> None:
        self.items: dict[str, Any] = {}
        self.request = request
        self.welcome = welcome


class Calls:
    """Makes the hubs of one class, and keeps the connections that this worker has.

    `waits`: the application may have to wait for something where a connection comes.

    Invariants: who has begun here is in `_known` until it is over. One that went on with another worker is left to be swept.
    """

    def __init__(self, hub: type[Hub], services: Services, sending: Sending, *, detailed: bool = False) -> None:
        self.services: Final = services
        self.sending: Final = sending
        self.detailed: Final = detailed
        self._plan: Final = services.plan(hub, f"the hub {hub.__name__}")
        self._given: Final = services.at_hand(self._plan.wanted)
        self.waits: Final = hub.on_connected is not Hub.on_connected or self._given is None
        self._known: dict[str, Connection] = {}

    @property
    def light(self) -> bool:
        """Whether nothing has to be made for a hub."""
        return self._given is not None

    def ready(self, caller: Caller) -> Hub | None:
        """Give a hub for one call where nothing has to be made for it; else None."""
        if self._given is None:
            return None
        hub: Hub = self._plan.make(**self._given)
        hub._context = CallerContext(self, caller)
        return hub

    async def made(self, caller: Caller, scope: Scope) -> Hub:
        """Give a hub for one call, and `scope` what has to be closed behind it."""
        if (hub := self.ready(caller)) is None:
            made: Hub = await self._plan.carry_out(scope)
            made._context = CallerContext(self, caller)
            return made
        return hub

    def told(self, error: Exception, caller: Caller) -> Refused:
        """Give what is told to who called a method that raised `error`, also where that is another framework's word for a no."""
        return told(worded(self.sending.hub, error), caller.called, detailed=self.detailed)

    def came(self, caller: Caller) -> asyncio.Future[bool]:
        """Take up a connection; whoever does gives it a welcome, or none."""
        hub = self.sending.hub
        if len(self._known) > 2 * len(hub.sessions) + _ROOM:
            self._known = {name: each for name, each in self._known.items() if name in hub.sessions}
        welcome: asyncio.Future[bool] = hub.world.promise()
        self._known[caller.session] = Connection(caller.request, welcome)
        return welcome

    async def welcomed(self, caller: Caller) -> bool:
        """Say whether a connection was let stay, once that is known; one that began on another worker was."""
        known = self._known.get(caller.session)
        return known is None or known.welcome is None or await known.welcome

    def went(self, caller: Caller) -> None:
        """Forget a connection."""
        self._known.pop(caller.session, None)

    def connection(self, id: str) -> Connection:
        """Give what is kept of a connection; nothing yet of one that began on another worker."""
        if id not in self._known:
            self._known[id] = Connection()
        return self._known[id]

    def transport(self, id: str) -> str | None:
        """Say what carries a connection of this worker."""
        session = self.sending.hub.sessions.get(id)
        return session.attachment.carriage if session is not None and session.attachment is not None else None

    def close(self, id: str, code: int = Close.KICKED, reason: str = "") -> None:
        """End a connection of this node."""
        hub = self.sending.hub
        if (session := hub.sessions.get(id)) is None:
            return
        if session.attachment is not None:
            session.attachment.close(code, reason)  # whole: what is cut to a close frame's size is that frame alone
        if id in hub.sessions:  # else it has ended with its attachment
            hub.end(session)
