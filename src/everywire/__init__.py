"""A real-time messaging server for Python: WebSocket, and everything a WebSocket leaves to you."""

from everywire import builds

builds.prefer_source()

from everywire.client.websocket import connect  # noqa: E402
from everywire.engine.websocket import WebSocket, broadcast  # noqa: E402
from everywire.errors import CloseCode, ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, EverywireError  # noqa: E402
from everywire.http.request import Headers, Request, Response  # noqa: E402
from everywire.servers.websocket import Server, serve  # noqa: E402
from everywire.ws.deflate import Deflate  # noqa: E402

__all__ = [
    "CloseCode",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Deflate",
    "EverywireError",
    "Headers",
    "Request",
    "Response",
    "Server",
    "WebSocket",
    "__version__",
    "broadcast",
    "connect",
    "serve",
]

__version__ = "0.1.0"
