"""A real-time messaging server for Python: WebSocket, and everything a WebSocket leaves to you."""

from typing import TYPE_CHECKING, Any

from everywire import builds

builds.prefer_source()  # before any other import of this package

from everywire.app import Everywire  # noqa: E402
from everywire.app.embedding import lifespan  # noqa: E402
from everywire.app.program import hosting, run  # noqa: E402
from everywire.client.hub import Client, Conflict, HistoryLost, Misfit, Policy  # noqa: E402
from everywire.client.portal import SyncClient  # noqa: E402
from everywire.client.websocket import connect  # noqa: E402
from everywire.engine.websocket import WebSocket, broadcast  # noqa: E402
from everywire.errors import (  # noqa: E402
    ClientClosed,
    CloseCode,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    Declined,
    EverywireError,
    HandshakeError,
    Refused,
    SessionGone,
    StreamBroken,
    Unreachable,
)
from everywire.http.request import Headers, Request, Response  # noqa: E402
from everywire.hub.access.identity import Identity, Limits  # noqa: E402
from everywire.hub.calling.callers import Caller  # noqa: E402
from everywire.hub.channels.changes import Change  # noqa: E402
from everywire.messages import Member  # noqa: E402
from everywire.servers.auth import basic_auth, bearer_auth  # noqa: E402
from everywire.servers.host.lifespan import StartupFailed  # noqa: E402
from everywire.servers.options import Options  # noqa: E402
from everywire.servers.websocket import Server, serve  # noqa: E402
from everywire.ws.deflate import Deflate  # noqa: E402

if TYPE_CHECKING:
    from everywire.servers.jwt import JWT

__all__ = [
    "Caller",
    "Change",
    "Client",
    "ClientClosed",
    "CloseCode",
    "Conflict",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Declined",
    "Deflate",
    "Everywire",
    "EverywireError",
    "HandshakeError",
    "Headers",
    "HistoryLost",
    "Identity",
    "JWT",
    "Limits",
    "Member",
    "Misfit",
    "Options",
    "Policy",
    "Refused",
    "Request",
    "Response",
    "Server",
    "SessionGone",
    "StartupFailed",
    "StreamBroken",
    "SyncClient",
    "Unreachable",
    "WebSocket",
    "__version__",
    "basic_auth",
    "bearer_auth",
    "broadcast",
    "connect",
    "hosting",
    "lifespan",
    "run",
    "serve",
]

__version__ = builds.VERSION


def __getattr__(name: str) -> Any:
    """Import what few need, and what takes its time to import, when it is asked for."""
    if name == "JWT":
        from everywire.servers.jwt import JWT

        return JWT
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
