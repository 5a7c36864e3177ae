"""What the hub asks of an application whose handlers are python-socketio's: who comes, who came, who went, what a client says."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.hub.calling.callers import Caller
from everywire.hub.codes import Close, Code
from everywire.hub.quoting import quoted
from everywire.socketio.clients import Client, Clients, environ
from everywire.socketio.exceptions import ConnectionRefusedError, refused
from everywire.socketio.handlers import RESERVED, Handlers
from everywire.socketio.rooms import Rooms

if TYPE_CHECKING:
    from everywire.app import Everywire
    from everywire.hub.hooks import Connecting

__all__ = ["Reason", "Reception"]

_OURS: Final = 4400  # from here on a code says that the server closed


class Reason:
    """Why a client is gone, as `disconnect` handlers are told it. `TRANSPORT_ERROR` never is."""

    CLIENT_DISCONNECT: Final = "client disconnect"
    SERVER_DISCONNECT: Final = "server disconnect"
    PING_TIMEOUT: Final = "ping timeout"
    TRANSPORT_CLOSE: Final = "transport close"
    TRANSPORT_ERROR: Final = "transport error"


_REASONS: Final[dict[int, str]] = {Close.NORMAL: Reason.CLIENT_DISCONNECT, Close.NO_ANSWER: Reason.PING_TIMEOUT}


class Reception:
    """Receives the clients of one application.

    Whoever a `connect` handler lets in has its `disconnect` handler called once on this worker, whatever becomes of it; but not where the
    worker is killed, or ends.
    """

    def __init__(self, app: Everywire, handlers: Handlers, clients: Clients, rooms: Rooms) -> None:
        self._app: Final = app
        self._handlers: Final = handlers
        self._clients: Final = clients
        self._rooms: Final = rooms

    def open(self) -> None:
        """Be the application's hooks from now on; raises `ValueError` where it has others."""
        self._app.on_connect(self.coming)
        self._app.on_connected(self.came)
        self._app.on_disconnected(self.went)
        self._app.hooks.missed = self.missed

    async def coming(self, connecting: Connecting) -> Identity:
        """Ask the `connect` handler whether a client is let in; raises `Refused` where it is not."""
        if connecting.member is not None:  # a newer token is shown, which nobody is asked about
            known = Client(connecting.member.session, connecting.space or "/")
            return Identity(channels=self._rooms.first(known))
        client = self._clients.coming(connecting)
        try:
            with self._clients.handling(client):
                welcome = await self._asked(client, connecting)
            if not welcome or client.refused:
                raise refused(ConnectionRefusedError())
        except ConnectionRefusedError as no:
            self._clients.went(client.sid)
            raise refused(no) from None
        except builtins.ConnectionRefusedError:  # what it says may be about a database of ours
            self._clients.went(client.sid)
            raise refused(ConnectionRefusedError("Connection refused by server")) from None
        except BaseException:
            self._clients.went(client.sid)
            raise
        return Identity(channels=self._rooms.first(client))

    async def _asked(self, client: Client, connecting: Connecting) -> bool:
        found = self._handlers.find(client.namespace, "connect")
        if found is None:
            return True
        given = [client.sid, environ(client)]
        return (
            await found(*given, _auth(connecting)) is not False if found.takes(3) else await found(*given) is not False
        )

    def came(self, caller: Caller, connecting: Connecting) -> Awaitable[None]:
        """Have a client, who has been told so, enter the rooms and be told what waits for it."""
        return self._rooms.arrive(self._clients.came(self._app.hub, caller.session))

    def missed(self, connecting: Connecting) -> Awaitable[None]:
        """Tell the `disconnect` handler of a client who was let in, and was gone by then."""
        return self._gone(connecting.session, connecting.space or "/", Reason.TRANSPORT_CLOSE)

    def went(self, caller: Caller) -> Awaitable[None]:
        """Tell the `disconnect` handler of a client."""
        code = caller.lost
        ended = Reason.SERVER_DISCONNECT if code is None or code >= _OURS else Reason.TRANSPORT_CLOSE
        return self._gone(caller.session, caller.space or "/", _REASONS.get(code, ended) if code is not None else ended)

    async def _gone(self, sid: str, namespace: str, reason: str) -> None:
        try:
            found = self._handlers.find(namespace, "disconnect")
            if found is not None:
                await (found(sid, reason) if found.takes(2) else found(sid))
        finally:
            self._clients.went(sid)

    async def heard(self, caller: Caller, *arguments: Any) -> Any:
        """Have an event handled, and give what it is acknowledged by; raises `Refused` where nothing handles it, or takes these arguments."""
        event = caller.called
        found = self._handlers.find(caller.space or "/", event) if event not in RESERVED else None
        if found is None:
            raise Refused(f"unknown name {quoted(str(event))}", Code.UNKNOWN_NAME)
        if not found.takes(1 + len(arguments)):
            raise Refused(f"bad request: {event} does not take {len(arguments)} arguments", Code.BAD_REQUEST)
        value = await found(caller.session, *arguments)
        if caller.space and (value is None or isinstance(value, tuple)):
            return {"event": None, "args": value or ()}
        return value


def _auth(connecting: Connecting) -> Any:
    """Give what a client shows: all of it where its language has such a thing, its token elsewhere."""
    if connecting.auth is not None:
        return msgspec.json.decode(connecting.auth)
    return {"token": connecting.token} if connecting.token is not None else None
