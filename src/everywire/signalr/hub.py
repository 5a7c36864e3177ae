"""Hubs as classes: what an application derives its own from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from everywire.hub.threads import started
from everywire.signalr.clients import Clients, Groups, HubClients

if TYPE_CHECKING:
    from everywire.hub.access.identity import Identity
    from everywire.hub.calling.callers import Caller
    from everywire.signalr.calls import Calls

__all__ = ["CallerContext", "Hub", "HubContext", "hub_method"]

F = TypeVar("F", bound=Callable[..., Any])
_CALLED: Final = "__hub_method__"
_NOT_CALLED: Final = (
    "this hub was not made for a call: app.signalr(path, Class) makes them; HubContext says something from elsewhere"
)


class Hub:
    """What clients call: derive a class from it, and serve that by `app.signalr("/chat", Chat)`.

    Its public methods are those that clients may call: `send_message` is `SendMessage`, too, in whatever case. An async generator is a stream;
    `AsyncIterator[T]` is a stream of the client's. A method without `async` runs in a thread. An object is made for each call, its constructor's
    parameters by their types from the services that were given; so is a method's parameter whose type is a service.
    """

    _context: CallerContext | None = None

    @property
    def context(self) -> CallerContext:
        """Who calls. It may be kept: it is the connection's, not the call's. Raises `RuntimeError` in the constructor."""
        if self._context is None:
            raise RuntimeError(_NOT_CALLED)
        return self._context

    @property
    def clients(self) -> Clients:
        """Whom something may be said to."""
        return self.context.clients

    @property
    def groups(self) -> Groups:
        """The groups, to put connections into."""
        return self.context.groups

    async def on_connected(self) -> None:
        """Learn that a client is connected; what it says next waits for that. Whatever is raised closes its connection."""

    async def on_disconnected(self, error: Exception | None) -> None:
        """Learn that a client is gone: `error` is how its connection was lost, None where it left."""


def hub_method(name: str) -> Callable[[F], F]:
    """Have the decorated method of a hub called by `name`, and by no other."""

    def decorate(function: F) -> F:
        setattr(function, _CALLED, name)
        return function

    return decorate


def named(function: Callable[..., Any]) -> str | None:
    """Give the name that `hub_method` has given."""
    return getattr(function, _CALLED, None)


class CallerContext:
    """The connection of who calls a hub."""

    __slots__ = ("_caller", "_calls")

    def __init__(self, calls: Calls, caller: Caller) -> None:
        self._calls: Final = calls
        self._caller: Final = caller

    @property
    def connection_id(self) -> str:
        """The connection's id, which others may know."""
        return self._caller.session

    @property
    def user_identifier(self) -> str | None:
        """The name of the user, None for an anonymous one."""
        return self._caller.user

    @property
    def user(self) -> Identity:
        """What the application said of who connects, in `@app.on_connect` or by its token."""
        return self._caller.identity

    @property
    def items(self) -> dict[str, Any]:
        """What the application keeps of the connection, from call to call, on this worker."""
        return self._calls.connection(self.connection_id).items

    @property
    def request(self) -> Any:
        """The HTTP request of the connection: `headers`, `params`, `path`; None where there was none."""
        request = self._caller.request
        return request if request is not None else self._calls.connection(self.connection_id).request

    @property
    def transport(self) -> str | None:
        """What carries the connection: "websocket", "sse" or "polling"; None while it is away, or on another worker."""
        return self._calls.transport(self.connection_id)

    @property
    def caller(self) -> Caller:
        """The same as handlers that are no methods of a hub know it."""
        return self._caller

    @property
    def clients(self) -> Clients:
        """Whom something may be said to: this connection is the caller."""
        return Clients(self._calls.sending, self.connection_id)

    @property
    def groups(self) -> Groups:
        """The groups."""
        return Groups(self._calls.sending)

    def abort(self) -> None:
        """Close the connection, from any thread; its client does not come back by itself."""

        async def aborted() -> None:
            self._calls.close(self.connection_id)

        started(self._calls.sending.hub.world, aborted)


class HubContext:
    """A hub as what is outside of a call sees it: `app.signalr` gives it, and it is a service of all its methods."""

    __slots__ = ("clients", "groups")

    def __init__(self, clients: HubClients, groups: Groups) -> None:
        self.clients: Final = clients
        self.groups: Final = groups
