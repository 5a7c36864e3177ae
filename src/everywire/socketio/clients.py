"""Clients as their handlers know them: the request they came with, what is saved of them, the rooms they are in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from everywire.errors import EverywireError
from everywire.http.request import Request
from everywire.socketio.exceptions import BadNamespaceError

if TYPE_CHECKING:
    from everywire.hub.hooks import Connecting
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Client", "Clients", "carried", "environ"]

_HERE: Final = "127.0.0.1"
_ROOM: Final = 256  # records kept beyond the number of sessions, before it is looked which of them are over

_connecting: ContextVar[Client | None] = ContextVar("connecting", default=None)


class Client:
    """One client in one namespace, on the worker that has it.

    `saved` is what the application keeps of it. Until its `connect` handler has let it in and it was told so, `session` is None, `rooms` are those
    that it is to enter, and `said` is what it is told then. `refused`: it was sent away meanwhile.
    """

    __slots__ = ("address", "namespace", "refused", "request", "rooms", "said", "saved", "session", "sid")

    def __init__(self, sid: str, namespace: str, request: Any = None, address: str | None = None) -> None:
        self.sid = sid
        self.namespace = namespace
        self.request = request
        self.address = address
        self.saved: dict[str, Any] = {}
        self.session: Session | None = None
        self.rooms: dict[str, None] = {}
        self.said: list[dict[str, Any]] = []
        self.refused = False


class Clients:
    """All clients of this worker, by their ids; those among them who are only coming, too.

    Invariants: who has a session that began here is in `_known` until it is over. One that another worker went on with is left to be swept.
    """

    def __init__(self) -> None:
        self._known: dict[str, Client] = {}

    def coming(self, connecting: Connecting) -> Client:
        """Take up who is about to connect."""
        client = Client(connecting.session, connecting.space or "/", connecting.request, connecting.address)
        self._known[client.sid] = client
        return client

    def came(self, hub: Hub, sid: str) -> Client:
        """Take notice that a client has its session."""
        client = self._known[sid]
        client.session = hub.sessions.get(sid)
        if len(self._known) > 2 * len(hub.sessions) + _ROOM:
            for name in [name for name, each in self._known.items() if each.session and name not in hub.sessions]:
                del self._known[name]
        return client

    def went(self, sid: str) -> None:
        """Forget a client."""
        self._known.pop(sid, None)

    @contextmanager
    def handling(self, client: Client) -> Iterator[None]:
        """Have all that is done meanwhile know that it is done for a client who is only coming."""
        token = _connecting.set(client)
        try:
            yield
        finally:
            _connecting.reset(token)

    def hidden(self, sid: str) -> Client | None:
        """Give a client that is only coming; None for any other."""
        client = self._known.get(sid)
        return client if client is not None and client.session is None else None

    @property
    def here(self) -> Client | None:
        """The client that is only coming, and on whose behalf something is done at the moment."""
        client = _connecting.get()
        return self.hidden(client.sid) if client is not None else None

    def find(self, hub: Hub, sid: str, namespace: str) -> Client | None:
        """Give a client of this worker; None where it has none of that id in the namespace."""
        client = self._known.get(sid)
        if client is None and (session := hub.sessions.get(sid)) is not None:
            client = self._known[sid] = Client(sid, session.space or "/")  # it began on another worker
            client.session = session
            if session.attachment is not None:
                client.request, client.address = session.attachment.request, session.attachment.address
        return client if client is not None and client.namespace == namespace else None

    def get(self, hub: Hub, sid: str, namespace: str) -> Client:
        """Give a client of this worker; raises `BadNamespaceError` where it has none of that id in the namespace."""
        if (client := self.find(hub, sid, namespace)) is None:
            raise BadNamespaceError(f"no client {sid} in {namespace} on this worker")
        return client


def carried(client: Client) -> str:
    """Say what carries a client, or will: "polling" or "websocket"."""
    attachment = client.session.attachment if client.session is not None else None
    kind = attachment.carriage if attachment is not None else _scope(client, client.request)["type"]
    return "websocket" if kind == "websocket" else "polling"


def environ(client: Client) -> dict[str, Any]:
    """Give the request that a client came with as WSGI names its parts (PEP 3333), and as ASGI does under "asgi.scope"."""
    request = client.request
    if not isinstance(request, Request):
        raise EverywireError(f"it is not known with which request {client.sid} came")
    found: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path,
        "RAW_URI": request.target,
        "QUERY_STRING": request.query,
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "SERVER_SOFTWARE": "everywire",
        "REMOTE_ADDR": client.address or _HERE,
        "wsgi.url_scheme": "https" if request.secure else "http",
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        found[key] = f"{found[key]},{value}" if key in found else value
    return {**found, "asgi.scope": _scope(client, request)}


def _scope(client: Client, request: Request) -> dict[str, Any]:
    upgraded = "websocket" in request.headers.tokens("upgrade")
    return {
        "type": "websocket" if upgraded else "http",
        "http_version": request.version,
        "method": request.method,
        "scheme": ("wss" if upgraded else "https") if request.secure else "ws" if upgraded else "http",
        "client": (client.address or _HERE, 0),
        "path": request.path,
        "raw_path": request.target.partition("?")[0].encode("latin-1"),
        "query_string": request.query.encode("latin-1"),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers],
    }
