"""The access log: a line for each request that a hosted application answered, when it is over."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from everywire.errors import Disconnected
from everywire.http.redaction import shown
from everywire.servers.host.lifespan import Application
from everywire.servers.native import offered

__all__ = ["Access", "logged"]

_log = logging.getLogger("everywire.access")
_FORM: Final = "%(client)s %(method)s %(path)s %(status)d %(bytes)d %(seconds).3f"
_GONE: Final = 499  # the client went before there was an answer
_FAILED: Final = 500
_AHEAD: Final = frozenset(
    {"http.response.start", "http.response.early_hint"}
)  # nothing of an answer has left after these
_Send = Callable[[dict[str, Any]], Awaitable[None]]


def logged(app: Application) -> Application:
    """Give the application with an access log of its requests and WebSockets."""

    async def seen(scope: dict[str, Any], receive: Any, send: _Send) -> None:
        access = Access(scope, send)
        try:
            await app(scope, receive, access.send)
        except BaseException as error:
            access.over(_GONE if isinstance(error, Disconnected | asyncio.CancelledError) else _FAILED)
            raise
        if not access.taken():
            access.over(_FAILED)

    return seen


class Access:
    """One request while it is answered: `send` stands for that of the server, and counts what goes by.

    What is logged is the status (101 for a WebSocket), the bytes of bodies or messages, the seconds from the request to the end of the application's work,
    and the client as proxies that are trusted tell it. The path is as `redaction.shown` has it, without values of the query.
    """

    __slots__ = ("_begun", "_bytes", "_method", "_promised", "_scope", "_send", "_status")

    def __init__(self, scope: dict[str, Any], send: _Send) -> None:
        self._scope = scope
        self._send = send
        self._method = "WEBSOCKET" if scope["type"] == "websocket" else scope["method"]
        self._promised = 0  # what a start said: it leaves with the first that follows it
        self._status = 0
        self._bytes = 0
        self._begun = time.monotonic()

    async def send(self, message: dict[str, Any]) -> None:
        """Pass a message on; what the server refuses is not counted."""
        kind = message["type"]
        size = _size(message) if kind == "http.response.pathsend" else 0  # it may be gone afterwards
        await self._send(message)
        if kind == "http.response.start":
            self._promised = message["status"]
        if kind in _AHEAD:
            return
        self._status = self._status or self._promised
        if kind == "websocket.http.response.start":
            self._status = message["status"]
        elif kind == "websocket.accept":
            self._status = 101
        elif kind == "websocket.close" and not self._status:
            self._status = 403
        elif kind == "websocket.send":
            self._bytes += len(message.get("bytes") or (message.get("text") or "").encode())
        elif self._method == "HEAD":
            pass
        elif kind.endswith("response.body"):
            self._bytes += len(message.get("body", b""))
        elif kind == "http.response.pathsend":
            self._bytes += size
        elif kind == "http.response.zerocopysend":
            self._bytes += message.get("count") or 0

    def taken(self) -> bool:
        """Say whether the application has nothing to do with the WebSocket, which an `Everywire` that is mounted in it took: that logs its sessions."""
        native = offered(self._scope)
        return not self._status and native is not None and native.taken

    def over(self, otherwise: int) -> None:
        """Write the line; `otherwise` is the status of a request that was not answered."""
        scope, client = self._scope, self._scope["client"]
        target = scope["raw_path"].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        said = {
            "client": client[0] if client else "-",
            "method": ascii(self._method)[1:-1],
            "path": shown(f"{target}?{query}" if query else target),
            "status": self._status or otherwise,
            "bytes": self._bytes,
            "seconds": round(time.monotonic() - self._begun, 6),
        }
        _log.info(_FORM, said)


def _size(message: dict[str, Any]) -> int:
    """Give the bytes of a file that is to be sent; none where there is no such file, which the server tells the application."""
    try:
        return os.stat(message["path"]).st_size
    except OSError:
        return 0
