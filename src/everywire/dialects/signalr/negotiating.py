"""How a client learns where, and by which transports, it may connect: the request before all others."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import msgspec

from everywire import messages as m
from everywire.dialects.base import Reply
from everywire.dialects.signalr.handshake import CONNECT
from everywire.http.request import Request

__all__ = ["TRANSPORTS", "Fault", "Redirect", "connecting", "flag", "offer", "parameters", "said", "token", "version"]

TRANSPORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "WebSockets": ("Text", "Binary"),
    "ServerSentEvents": ("Text",),
    "LongPolling": ("Text", "Binary"),
}
"""The transports that there are, with what they can carry, in the order in which a client tries them."""

_LATEST = 1
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,9}\s*\Z", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}\Z")
_LONGEST_QUOTE = 64

_write = msgspec.json.Encoder().encode


class Fault(Exception):
    """What a request asks for in vain, in words for its client."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a client is to negotiate instead, and the token to show there, if not its own."""

    url: str
    access_token: str | None = field(default=None, repr=False)


def parameters(request: Request) -> dict[str, str]:
    """Give the parameters of the query, whose names have no case, in small letters; one that comes several times, with commas between."""
    found: dict[str, list[str]] = {}
    for name, values in request.params.items():
        found.setdefault(name.lower(), []).extend(values)
    return {name: ",".join(values) for name, values in found.items()}


def version(params: Mapping[str, str]) -> int:
    """Give the version of negotiation that is spoken with the client, 0 or 1; raises `Fault`."""
    asked = params.get("negotiateversion", "0")
    if not _INTEGER.match(asked):
        raise Fault(f"The client requested an invalid protocol version '{asked[:_LONGEST_QUOTE]}'")
    number = int(asked)
    if number < 0:
        raise Fault(f"The client requested version '{number}', but the server does not support this version.")
    return min(number, _LATEST)


def flag(params: Mapping[str, str], name: str) -> bool:
    """Say whether a parameter is true."""
    return params.get(name, "").strip().lower() == "true"


def token(request: Request, params: Mapping[str, str]) -> str | None:
    """Give what the client shows: a browser cannot set the header of a WebSocket, or of an event stream."""
    values = request.headers.get_all("authorization")
    if len(values) == 1:
        scheme, _, credentials = values[0].partition(" ")
        if scheme.lower() == "bearer" and credentials.strip():
            return credentials.strip()
    return params.get("access_token") or None


def connecting(
    params: Mapping[str, str], shown: str | None, space: str, name: str | None = None, *, recovery: bool = False
) -> m.Connect:
    """Give how a client connects: anew, as the session `name`, or with a key of its own as whichever session that opens. Raises `Fault`.

    With `recovery` such a session is told what it missed, if its client acknowledges what it has.
    """
    key = params.get("session")
    if key is None:
        return m.Connect(CONNECT, shown, space=space, name=name, lasting=False)
    if not _KEY.match(key):
        raise Fault("session is a key of 16 to 128 characters, each a letter, a digit, - or _")
    digest = sha256(b"everywire session key 1:" + key.encode()).digest()
    called = "k" + urlsafe_b64encode(digest).decode()[:22]
    return m.Connect(CONNECT, shown, space=space, name=called, keyed=True, caught_up="" if recovery else None)


def offer(
    line: str, name: str | None, params: Mapping[str, str], transports: Collection[str], *, stateful: bool
) -> Reply:
    """Answer by a line's id, which is secret, the id that its session has for others, and the transports that may carry it."""
    spoken = version(params)
    told: dict[str, Any] = {"negotiateVersion": spoken, "connectionId": name if spoken else line}
    if spoken:
        told["connectionToken"] = line
    if stateful:
        told["useStatefulReconnect"] = True  # a client that did not ask for it gives up when it is told so
    offered = [{"transport": each, "transferFormats": TRANSPORTS[each]} for each in TRANSPORTS if each in transports]
    return said({**told, "availableTransports": offered})


def said(fields: Mapping[str, Any]) -> Reply:
    """Answer by a JSON object."""
    return Reply(200, _write(fields), (("Content-Type", "application/json"),))
