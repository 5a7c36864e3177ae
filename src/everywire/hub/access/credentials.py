"""Where a client's token comes from: its `connect`, or the HTTP request that opened its transport."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from typing import Any, Final

from everywire.http.request import Request

__all__ = ["TOKEN_SUBPROTOCOL", "token"]

TOKEN_SUBPROTOCOL: Final = "everywire.token."  # and the token in base64url, without padding


def token(said: str | None, request: Any, parameter: str | None = None) -> str | None:
    """Give the token: what the client `said`, else `Authorization: Bearer`, else the subprotocol `everywire.token.…`.

    A browser's WebSocket can offer a subprotocol, but set no header. Last, and only where an application asks for it, comes the query
    parameter `parameter`: addresses are written to logs by whatever lies between.
    """
    if said is not None or not isinstance(request, Request):
        return said
    found = _bearer(request) or _offered(request)
    if found is None and parameter is not None:
        found = next(iter(request.params.get(parameter, ())), None)
    return found


def _bearer(request: Request) -> str | None:
    values = request.headers.get_all("authorization")
    if len(values) != 1:
        return None
    scheme, _, credentials = values[0].partition(" ")
    return credentials.strip() or None if scheme.lower() == "bearer" else None


def _offered(request: Request) -> str | None:
    """Read the token among the offered subprotocols, as they came: case means something in base64."""
    for value in request.headers.get_all("sec-websocket-protocol"):
        for name in value.split(","):
            encoded = name.strip().removeprefix(TOKEN_SUBPROTOCOL)
            if encoded != name.strip():
                return _decoded(encoded)
    return None


def _decoded(encoded: str) -> str | None:
    try:
        return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode() or None
    except (binascii.Error, ValueError):
        return None
