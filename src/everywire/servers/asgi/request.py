"""Requests as ASGI tells of them: of a scope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

from everywire.http.request import Address, Headers, Request

__all__ = ["Receive", "Scope", "Send", "from_scope"]

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

_SAFE = "/!$&'()*+,;=:@~"  # RFC 3986 3.3
_OF_UPGRADES = ("upgrade", "connection")


def from_scope(scope: Mapping[str, Any], body: bytes = b"") -> Request:
    """Make the Request of a scope "http" or "websocket", with the whole `body`; its target begins where the application is mounted.

    One for a WebSocket is what it is over HTTP/1.1, a GET with `Upgrade: websocket`, which no other request is.
    """
    query = _text(scope.get("query_string", b""))
    target = _target(scope) + (f"?{query}" if query else "")
    opens = scope["type"] == "websocket"
    method = "GET" if opens else scope["method"]
    version = str(scope.get("http_version", "1.1"))
    request = Request(
        method, target, Headers(_fields(scope, opens=opens)), version=version if version[0] == "1" else "2", body=body
    )
    request.facts = _Facts(scope)
    request.scope = scope
    return request


def _fields(scope: Mapping[str, Any], *, opens: bool) -> list[tuple[str, str]]:
    fields = [(_text(name), _text(value)) for name, value in scope.get("headers", ())]
    if not opens:  # the host takes no upgrade of it, so nor do we
        return [field for field in fields if field[0].lower() != "upgrade"]
    fields = [field for field in fields if field[0].lower() not in _OF_UPGRADES]
    offered = scope.get("subprotocols") or ()
    if offered and all(name.lower() != "sec-websocket-protocol" for name, _ in fields):
        fields.append(("sec-websocket-protocol", ", ".join(offered)))
    return [*fields, ("upgrade", "websocket"), ("connection", "Upgrade")]


def _text(data: bytes | str) -> str:
    return data if isinstance(data, str) else data.decode("latin-1")


def _target(scope: Mapping[str, Any]) -> str:
    """Give the path below where we are mounted, encoded: as it came, where that is told.

    Some frameworks leave `root_path` in front of `path`, as the specification says; others take it off, of `path` alone; Litestar puts a slash behind it.
    """
    raw = _text(scope.get("raw_path") or b"").partition("?")[0]
    path, root = scope["path"], (scope.get("root_path") or "").rstrip("/")
    if root and (path == root or path.startswith(f"{root}/")):
        path = path[len(root) :] or "/"
    if len(path) > 1 and path.endswith("/") and not raw.endswith("/") and unquote(raw).endswith(path[:-1]):
        path = path[:-1]
    quoted = quote(path, safe=_SAFE)
    for start in {0, len(quote(root, safe=_SAFE)), max(0, len(raw) - len(quoted))}:
        if unquote(raw[start:]) == path:
            return raw[start:]
    return quoted


class _Facts:
    """What a scope tells of the connection below."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._scope = scope

    def extra(self, name: str) -> object:
        """Tell "peername" and "sockname"; "ssl_object" is just True where TLS is there."""
        match name:
            case "peername":
                return _address(self._scope.get("client"))
            case "sockname":
                return _address(self._scope.get("server"))
            case "ssl_object":
                return True if self._scope.get("scheme") in ("https", "wss") else None
            case _:
                return None


def _address(told: Any) -> Address:
    """Give what asyncio would: a host and a port, a Unix socket's path, or None."""
    if not told or told[0] is None:
        return None
    host, port = told
    return (host, port) if port is not None else str(host)
