"""The request that a connection began with, as the dependencies of FastAPI take it."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any, NoReturn
from urllib.parse import quote

from fastapi import Request, WebSocket, WebSocketException
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketState

from everywire.http import request as http

__all__ = ["ASKER", "Opening", "authorized", "scope_for"]

ASKER = "everywire.asker"  # in a scope: on whose behalf dependencies are solved


class Opening(Request, WebSocket):  # type: ignore[misc]
    """A request that opens a connection, or opened it: what a dependency gets that takes a `Request`, a `WebSocket` or an `HTTPConnection`.

    Its body was read, and its answer is not a dependency's to give: whatever would accept, send or receive raises `RuntimeError`. To `close` it is
    to raise `WebSocketException`.
    """

    def __init__(self, scope: Scope, receive: Receive | None = None, send: Send | None = None) -> None:
        HTTPConnection.__init__(self, scope)
        self._receive = receive or _nothing
        self._send = send or _unsent
        self._stream_consumed = False
        self._is_disconnected = False
        self._form = None
        self.client_state = self.application_state = WebSocketState.CONNECTING

    async def send(self, message: MutableMapping[str, Any]) -> NoReturn:
        """Raise `RuntimeError`: there may be no WebSocket."""
        await _unsent(message)

    async def accept(self, *args: Any, **named: Any) -> NoReturn:
        """Raise `RuntimeError`: whether there is a WebSocket at all is not yet known, or known already."""
        raise RuntimeError(
            "a dependency of everywire does not accept the connection: it returns, or raises HTTPException"
        )

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Deny the connection by a `WebSocketException` with `code` and `reason`; code 1000, as it is called for a request at its end, does nothing."""
        if code != 1000:
            raise WebSocketException(code, reason)


async def _nothing() -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _unsent(message: MutableMapping[str, Any]) -> NoReturn:
    raise RuntimeError("a dependency of everywire sends nothing: what it returns is for the handler")


def scope_for(asker: Any, token: str | None) -> dict[str, Any]:
    """Make the scope of an HTTP request out of what is known of an asker: that of its own request, with `token` as its Authorization if it has none.

    Where no request began its connection, there is an empty one.
    """
    request = getattr(asker, "request", None)
    given = getattr(request, "scope", None)
    scope: dict[str, Any] = dict(given) if given is not None else _native(request)
    scope["type"], scope[ASKER] = "http", asker
    scope.setdefault("method", "GET")
    scope["path_params"] = dict(scope.get("path_params", {}))
    scope["headers"] = authorized(scope["headers"], token)
    return scope


def authorized(fields: Iterable[tuple[bytes, bytes]], token: str | None) -> list[tuple[bytes, bytes]]:
    """Give header fields with `token`, which came otherwise, as their Authorization, unless they have one."""
    found = [*fields]
    if token is not None and not any(name == b"authorization" for name, _ in found):
        found.append((b"authorization", f"Bearer {token}".encode("latin-1", "replace")))
    return found


def _native(request: Any) -> dict[str, Any]:
    """Make one for a request that came without ASGI."""
    if not isinstance(request, http.Request):
        return {"headers": [], "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "", "scheme": "http"}
    path, _, query = request.target.partition("?")
    remote = request.remote
    return {
        "asgi": {"version": "3.0"},
        "http_version": request.version,
        "method": request.method,
        "scheme": "https" if request.secure else "http",
        "path": request.path,
        "raw_path": quote(path, safe="%/:=&+,;@!$'()*~-._").encode(),
        "query_string": query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in request.headers
        ],
        "client": remote[:2] if isinstance(remote, tuple) else None,
    }
