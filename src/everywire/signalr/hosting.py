"""A hub's class at a path of an application: who comes there, who goes, and what answers."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypedDict

from everywire.brokers.base import Retention
from everywire.errors import Refused, closed
from everywire.hub.access.identity import Identity, identity
from everywire.hub.calling.callers import Caller
from everywire.hub.codes import Close, Code
from everywire.hub.hooks import Connecting, Hooks
from everywire.hub.kinds import ACTIONS, ChannelKind
from everywire.hub.world import pause
from everywire.signalr.calls import Calls
from everywire.signalr.channels import Channels
from everywire.signalr.clients import Groups, HubClients
from everywire.signalr.exceptions import worded
from everywire.signalr.hub import Hub, HubContext
from everywire.signalr.methods import handlers
from everywire.signalr.sending import Sending
from everywire.signalr.services import Scope, Services

if TYPE_CHECKING:
    from everywire.hub.hub import Hub as Authority

__all__ = ["Hosting", "HubOptions"]

_KEPT: Final = Retention(size=1000, age=120.0)  # for who comes back

_BREATH: Final = 0.1  # seconds: a client that is told of an end before it takes itself for connected says that it failed to, in words of its own

_NAMES: Final = ("tea", "1", "00000000-0000-0000-0000-000000000000")  # of groups, as channels may ask them to be

_log = logging.getLogger("everywire.signalr")


class HubOptions(TypedDict, total=False):
    """How a hub is served.

    `services`: what its constructor and its methods are given by type; for each an object, or what makes one: a factory for each call, a `singleton`
    once. `groups`: which declared channels its groups are, "room:{group}" for instance, or "{group}" for those of the same names; unless it is said, they
    are channels of the hub's own. `detailed_errors`: clients are told all that is raised, not a `HubException` alone. `authorize`: anonymous users are refused.
    """

    services: Mapping[Any, Any]
    groups: str | None
    detailed_errors: bool
    authorize: bool


class Hosting:
    """One hub, hosted.

    `hooks` are the application's, which are asked first: who connects is who they say. From `open` on the hub's class is theirs for the space `path`.
    """

    def __init__(self, path: str, cls: Any, hooks: Hooks, hub: Callable[[], Authority], options: HubOptions) -> None:
        if not isinstance(cls, type) or not issubclass(cls, Hub):
            raise TypeError(f"a hub is a class derived from everywire.signalr.Hub, not {cls!r}")
        self._path: Final = path
        self._hooks: Final = hooks
        self._authorize: Final = options.get("authorize", False)
        self._channels: Final = Channels(path, options.get("groups"))
        sending = Sending(path, hub, self._channels)
        self.context: Final = HubContext(HubClients(sending), Groups(sending))
        self._services: Final = Services({HubContext: self.context, **options.get("services", {})})
        self._calls: Final = Calls(cls, self._services, sending, detailed=options.get("detailed_errors", False))
        self._own: Final = Hooks(
            kinds=hooks.kinds,
            handlers=handlers(self._calls, cls, hooks.resolver),
            connect=self._coming,
            connected=self._came,
            disconnected=self._went,
        )

    def open(self) -> None:
        """Be there from now on; raises `ValueError` where there is a hub at the path already."""
        if self._path in self._hooks.parts:
            raise ValueError(f"there is a hub at {self._path!r} already")
        for pattern in self._channels.patterns:
            self._hooks.kinds.add(ChannelKind(pattern, _KEPT, rules=dict.fromkeys(ACTIONS, False)))
        self._hooks.parts[self._path] = self._own

    def start(self) -> None:
        """Take notice that the application runs."""
        self._check_groups()
        self._calls.sending.start()

    def _check_groups(self) -> None:
        """Warn where each group would be refused, to clients, as an unknown channel."""
        groups = self._channels.declared
        if groups is None or any(self._hooks.kinds.find(groups.replace("{group}", name)) for name in _NAMES):
            return
        _log.warning(
            "the groups of the hub at %s are channels that nothing declares, %r: app.channel(%r, …)",
            self._path,
            groups,
            groups,
        )

    async def stop(self) -> None:
        """Close the services that are kept: the application ends."""
        try:
            await self._services.close()
        except Exception:
            _log.exception("a service could not be closed")

    def _coming(self, connecting: Connecting) -> Identity | Awaitable[Identity]:
        said = self._hooks.connect(connecting) if self._hooks.connect is not None else None
        return self._asked(said) if inspect.isawaitable(said) else self._admitted(identity(said))

    async def _asked(self, said: Awaitable[object]) -> Identity:
        return self._admitted(identity(await said))

    def _admitted(self, found: Identity) -> Identity:
        if self._authorize and found.user is None:
            raise Refused("this hub is for users who are known", Code.UNAUTHORIZED)
        channels = [*found.channels, self._channels.everybody]
        if found.user is not None:
            channels.append(self._channels.user(found.user))
        return found.among(channels)

    def _came(self, caller: Caller, connecting: Connecting) -> Awaitable[None]:
        received = self._received(caller, self._calls.came(caller))
        # Without a task, and at once: what its client says in the same breath is heard as if there was nothing to learn.
        return received if self._calls.waits else self._calls.sending.hub.world.start(received)

    async def _received(self, caller: Caller, welcome: asyncio.Future[bool]) -> None:
        reason = None
        try:
            async with Scope(self._services) as scope:
                await (await self._calls.made(caller, scope)).on_connected()
        except Exception as error:
            _log.error("on_connected of the hub at %s failed", self._path, exc_info=error)
            reason = worded("Connection closed with an error.", error, detailed=self._calls.detailed)
        finally:
            welcome.set_result(reason is None)
        if reason is not None:
            await pause(self._calls.sending.hub.world, _BREATH)
            self._calls.close(caller.session, Close.INTERNAL, reason)

    async def _went(self, caller: Caller) -> None:
        error = closed(caller.lost) if caller.lost is not None and caller.lost != Close.NORMAL else None
        try:
            if await self._calls.welcomed(caller):
                async with Scope(self._services) as scope:
                    await (await self._calls.made(caller, scope)).on_disconnected(error)
        finally:
            self._calls.went(caller)
