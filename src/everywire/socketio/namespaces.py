"""Namespaces as classes: a method `on_…` for each event."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Unpack

from everywire.errors import EverywireError

if TYPE_CHECKING:
    from everywire.hub.access.tallies import Reached
    from everywire.socketio.crowds import AckOptions, Acks, Sockets, SomeOptions
    from everywire.socketio.server import AsyncServer, EmitOptions

__all__ = ["AsyncNamespace"]


class AsyncNamespace:
    """A namespace: register an object of a class derived from it by `sio.register_namespace`.

    Its methods do what those of `AsyncServer` do, in this namespace unless they are told another one. A class that has a `trigger_event` of its own
    is given all events.
    """

    def __init__(self, namespace: str | None = None) -> None:
        self.namespace = namespace or "/"
        self._server: AsyncServer | None = None

    @property
    def server(self) -> AsyncServer:
        """The server where it is registered; raises `EverywireError` before."""
        if self._server is None:
            raise EverywireError(f"the namespace {self.namespace} is not registered: sio.register_namespace(…)")
        return self._server

    def join(self, server: AsyncServer) -> None:
        """Belong to a server from now on; `register_namespace` calls it."""
        self._server = server

    def handles(self, event: str) -> Callable[..., Any] | None:
        """Give the method that handles `event`; None where there is none."""
        if type(self).trigger_event is not AsyncNamespace.trigger_event:
            return _anything
        return getattr(self, f"on_{event}", None)

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Have the method `on_…` handle an event, and give what it returns."""
        method = getattr(self, f"on_{event}", None)
        value = method(*args) if method is not None else None
        return await value if inspect.isawaitable(value) else value

    async def emit(self, event: str, data: Any = None, to: Any = None, **options: Unpack[EmitOptions]) -> None:
        """Emit an event."""
        await self.server.emit(event, data, to, **self._here(options))

    async def send(self, data: Any, to: Any = None, **options: Unpack[EmitOptions]) -> None:
        """Emit the event "message"."""
        await self.server.send(data, to, **self._here(options))

    async def call(self, event: str, data: Any = None, to: str | None = None, **options: Any) -> Any:
        """Emit an event to one client, and give what it acknowledges it by."""
        return await self.server.call(event, data, to, **self._here(options))

    async def fetch_sockets(self, to: Any = None, **options: Unpack[SomeOptions]) -> Sockets:
        """Give the clients in a room, of every worker."""
        return await self.server.fetch_sockets(to, **self._here(options))

    async def sockets_join(self, rooms: str | Iterable[str], to: Any, **options: Unpack[SomeOptions]) -> Reached:
        """Have the clients in the room `to` in another one, or several."""
        return await self.server.sockets_join(rooms, to, **self._here(options))

    async def sockets_leave(self, rooms: str | Iterable[str], to: Any, **options: Unpack[SomeOptions]) -> Reached:
        """Have the clients in the room `to` in another one, or several, no longer."""
        return await self.server.sockets_leave(rooms, to, **self._here(options))

    async def disconnect_sockets(self, to: Any, **options: Unpack[SomeOptions]) -> Reached:
        """Send the clients in a room away."""
        return await self.server.disconnect_sockets(to, **self._here(options))

    async def emit_with_acks(self, event: str, data: Any = None, to: Any = None, **options: Unpack[AckOptions]) -> Acks:
        """Emit an event to the clients in a room, and give what they acknowledge it by."""
        return await self.server.emit_with_acks(event, data, to, **self._here(options))

    async def enter_room(self, sid: str, room: str, namespace: str | None = None) -> None:
        """Have a client in a room from now on."""
        await self.server.enter_room(sid, room, namespace or self.namespace)

    async def leave_room(self, sid: str, room: str, namespace: str | None = None) -> None:
        """Have a client in a room no longer."""
        await self.server.leave_room(sid, room, namespace or self.namespace)

    async def close_room(self, room: str, namespace: str | None = None) -> None:
        """Have nobody in a room any more."""
        await self.server.close_room(room, namespace or self.namespace)

    def rooms(self, sid: str, namespace: str | None = None) -> list[str]:
        """Give the rooms that a client is in."""
        return self.server.rooms(sid, namespace or self.namespace)

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """Give what was saved of a client."""
        return await self.server.get_session(sid, namespace or self.namespace)

    async def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        """Keep something of a client."""
        await self.server.save_session(sid, session, namespace or self.namespace)

    def session(self, sid: str, namespace: str | None = None) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Give what was saved of a client, to be saved again when the context ends."""
        return self.server.session(sid, namespace or self.namespace)

    async def disconnect(self, sid: str, namespace: str | None = None) -> None:
        """Send a client away."""
        await self.server.disconnect(sid, namespace or self.namespace)

    def _here(self, options: Any) -> Any:
        return {**options, "namespace": options.get("namespace") or self.namespace}


def _anything(*args: Any) -> None:
    """Show that a handler takes anything."""
