"""What is served to clients of SignalR: hubs as classes, or the application's own handlers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection
from typing import Any, TypedDict, Unpack, cast, overload

from everywire.app.checking import check_begins, check_known
from everywire.dialects.base import Dialect, Heartbeat
from everywire.dialects.signalr import Redirect, SignalRDialect
from everywire.http.request import Request
from everywire.hub.hooks import Hooks
from everywire.hub.hub import Hub as Authority
from everywire.signalr.hosting import Hosting, HubOptions
from everywire.signalr.hub import Hub, HubContext

__all__ = ["HostedOptions", "Hosts", "SignalROptions"]


class SignalROptions(TypedDict, total=False):
    """What is served to clients of SignalR.

    `heartbeat` is that of its clients, whatever the application's is: both sides say something every 15 seconds, and who was not heard for 30 is
    gone. `transports` are those that clients are offered: "WebSockets", "ServerSentEvents", "LongPolling". With `stateful`, clients that ask
    for it outlive the loss of a WebSocket without losing a message; with `recovery` those of them whose address has a key of theirs (`?session=`) are told
    what was published meanwhile when they come back by another connection, at least once. A message has at most `max_payload` bytes (1,000,000 unless told).
    `redirect` is a function of the `Request` by which a client negotiates; it gives a `Redirect`, to where the client is to go instead, or None.
    """

    heartbeat: Heartbeat
    transports: Collection[str]
    stateful: bool
    recovery: bool
    max_payload: int
    redirect: Callable[[Request], Redirect | None]


class HostedOptions(SignalROptions, HubOptions, total=False):
    """The same, and how a hub is served."""


class Hosts:
    """The part of an application that is for clients of SignalR."""

    _hooks: Hooks
    _hosted: list[Hosting]

    @property
    @abstractmethod
    def hub(self) -> Authority:
        """The running hub; raises `EverywireError` before the start."""

    @abstractmethod
    def speak(self, dialect: Callable[[Heartbeat], Dialect]) -> None:
        """Have clients of another dialect served."""

    @abstractmethod
    def _take(self, path: str, clients: str) -> None:
        """Have a path for clients of a kind alone; raises `ValueError` for one that is taken."""

    @overload
    def signalr(self, path: str = "/hub", hub: None = None, **options: Unpack[SignalROptions]) -> None: ...

    @overload
    def signalr(self, path: str, hub: type[Hub], **options: Unpack[HostedOptions]) -> HubContext: ...

    def signalr(self, path: str = "/hub", hub: type[Hub] | None = None, **options: Any) -> HubContext | None:
        """Serve the clients of SignalR at `path`, with JSON and with MessagePack: over WebSocket, server-sent events and long polling.

        Each connection is a session. Its calls are answered by the methods of `hub`, a class, and by nothing else; where there is none by what is declared
        with `on`, whose names have no case for these clients. Gives what says something to clients of a hub from elsewhere. Raises `ValueError` for a
        path that is taken and for a transport that there is not, `TypeError` for a method that could never be called. See docs/dialects/signalr.md, and
        docs/signalr.md for hubs.
        """
        check_begins("app.signalr", path)
        known = SignalROptions if hub is None else HostedOptions
        check_known(f"signalr at {path!r}", options, known.__annotations__)
        spoken = {name: value for name, value in options.items() if name in SignalROptions.__annotations__}
        dialect = SignalRDialect(path, **spoken)
        context = None
        if hub is not None:
            hosted = {name: value for name, value in options.items() if name not in spoken}
            context = self.host(dialect.path, hub, cast("HubOptions", hosted))
        self._take(dialect.path, "SignalR")
        self.speak(lambda beat: dialect)
        return context

    def host(self, space: str, hub: type[Hub], options: HubOptions) -> HubContext:
        """Have the sessions of a space answered by the methods of a hub, whatever they speak; raises `ValueError` where there is one already."""
        hosting = Hosting(space, hub, self._hooks, lambda: self.hub, options)
        hosting.open()
        self._hosted.append(hosting)
        return hosting.context
