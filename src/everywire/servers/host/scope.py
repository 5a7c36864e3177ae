# cython: nonecheck=True
"""The scope of a request for an ASGI application (HTTP and WebSocket message format 2.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

from everywire.http.request import Request
from everywire.servers.host import certified

__all__ = ["Facts", "scope"]

Scope = dict[str, Any]

_SCHEMES = {"http": ("http", "https"), "websocket": ("ws", "wss")}
_OF_TUNNEL = (b"upgrade", b"connection")  # what our own reading of an extended CONNECT adds to it (RFC 8441 5)


@dataclass(frozen=True, slots=True)
class Facts:
    """What every scope of one hosted application tells beside its request.

    root_path: where a proxy has the application, which it has taken off the paths; each scope's path begins with it. state: what lifespan left, None where
    there is no lifespan. extensions: what "extensions" holds, the same for all, but for "tls", which is told of each connection that has it.
    behind: writes into a scope what a trusted proxy says of its request. server_cert: our own certificate, PEM.
    """

    root_path: str = ""
    state: dict[str, Any] | None = None
    spec_version: str = "2.5"
    extensions: dict[str, Any] = field(default_factory=dict)
    behind: Callable[[Request, Scope], object] | None = None
    server_cert: str | None = None


def scope(request: Request, kind: Literal["http", "websocket"], facts: Facts) -> Scope:
    """Make the scope of a request: new dictionaries, so that an application may write into them; `state` is its own shallow copy."""
    found = request.facts
    tls = None if found is None else found.extra("ssl_object")
    raw, _, query = request.target.partition("?")
    path = raw if "%" not in raw and raw.isascii() else _decoded(raw)
    root = facts.root_path
    headers = request.headers.wire()
    made: Scope = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": facts.spec_version},
        "http_version": request.version,
        "scheme": _SCHEMES[kind][tls is not None],
        "path": root + path,
        "raw_path": (root + raw).encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": root,
        "headers": headers,
        "client": None if found is None else _address(found.extra("peername")),
        "server": None if found is None else _server(found.extra("sockname")),
        "extensions": facts.extensions.copy(),
    }
    if kind == "http":
        made["method"] = request.method.upper()
    else:
        made["subprotocols"] = _subprotocols(request)
        if request.version == "2":
            made["headers"] = [pair for pair in headers if pair[0] not in _OF_TUNNEL]
    if facts.state is not None:
        made["state"] = facts.state.copy()
    if tls is not None:
        made["extensions"]["tls"] = certified.facts(tls, facts.server_cert)
    if facts.behind is not None:
        facts.behind(request, made)
    return made


def _decoded(raw: str) -> str:
    return unquote_to_bytes(raw.encode("latin-1")).decode("utf-8", "replace")


def _address(found: object) -> tuple[str, int] | None:
    """Give the address and port of somebody; a Unix socket's peer has none."""
    return (found[0], found[1]) if isinstance(found, tuple) else None


def _server(found: object) -> tuple[str, int | None] | None:
    """Give our own address and port, or a Unix socket's path and None."""
    if isinstance(found, bytes):  # of Linux's abstract ones
        found = found.decode("latin-1")
    return (found, None) if isinstance(found, str) else _address(found)


def _subprotocols(request: Request) -> list[str]:
    found = []
    for value in request.headers.get_all("sec-websocket-protocol"):
        found += [name for name in map(str.strip, value.split(",")) if name]
    return found
