"""The opening handshake of both roles, as values (RFC 6455 4)."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from everywire.errors import AbortHandshake, HandshakeError
from everywire.http.request import Headers, Request, Response, one_head
from everywire.ws.deflate import NAME as DEFLATE
from everywire.ws.deflate import Deflate, Offer, Parameters

__all__ = [
    "Upgrade",
    "accept_key",
    "answer",
    "check_request",
    "check_response",
    "is_upgrade",
    "make_request",
    "parse_extensions",
    "parse_protocols",
]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==\Z")  # 16 bytes in base64
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")  # RFC 9110 5.6.2
_SWITCHING = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
_BAD_REQUEST, _FORBIDDEN, _UPGRADE_REQUIRED = 400, 403, 426


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A handshake that both ends agree on: the chosen subprotocol and the compression, or None for each."""

    subprotocol: str | None = None
    deflate: Parameters | None = None


def accept_key(key: str) -> str:
    """Compute Sec-WebSocket-Accept (RFC 6455 4.2.2, 5.4)."""
    return b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def is_upgrade(request: Request) -> bool:
    """Say whether the request wants to become a WebSocket, well-formed or not."""
    return request.version == "1.1" and "websocket" in request.headers.tokens("upgrade")


def check_request(request: Request) -> str:
    """Check the client's handshake and give its key; `AbortHandshake` with the status to answer (RFC 6455 4.2.1)."""
    headers = request.headers
    if request.method != "GET":
        raise AbortHandshake(405, "a WebSocket handshake is a GET", (("Allow", "GET"),))
    if "websocket" not in headers.tokens("upgrade") or "upgrade" not in headers.tokens("connection"):
        raise AbortHandshake(
            _UPGRADE_REQUIRED, "this address speaks WebSocket", (("Upgrade", "websocket"), ("Connection", "Upgrade"))
        )
    if request.version != "1.1":
        raise AbortHandshake(505, "a WebSocket handshake is HTTP/1.1")
    _check_body(headers)
    if headers.get_all("sec-websocket-version") != ["13"]:
        raise AbortHandshake(
            _UPGRADE_REQUIRED, "unsupported WebSocket version", (("Sec-WebSocket-Version", "13"),)
        )  # RFC 6455 4.2.2
    keys = headers.get_all("sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        raise AbortHandshake(_BAD_REQUEST, "missing or malformed Sec-WebSocket-Key")
    return keys[0]


def _check_body(headers: Headers) -> None:
    if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
        raise AbortHandshake(_BAD_REQUEST, "a WebSocket handshake has no body")


def _is_key(key: str) -> bool:
    return _KEY.match(key) is not None


def check_origin(request: Request, origins: Sequence[str | re.Pattern[str] | None] | None) -> None:
    """Refuse a cross-site request (RFC 6455 10.2).

    With `origins`, only these may connect (None stands for "no Origin header"). Without: a request that carries cookies must come from the same host;
    one without cookies brings nobody's authority along and may come from anywhere.
    """
    found = request.headers.get_all("origin")
    origin = found[0] if len(found) == 1 else None
    if len(found) > 1:
        raise AbortHandshake(_FORBIDDEN, "more than one Origin")
    if origins is None:
        if origin is not None and "cookie" in request.headers and not _same_host(origin, request):
            raise AbortHandshake(_FORBIDDEN, "this Origin may not connect with cookies; list it in `origins`")
    elif not any(_matches(wanted, origin) for wanted in origins):
        raise AbortHandshake(_FORBIDDEN, "this Origin may not connect; list it in `origins`")


def _matches(wanted: str | re.Pattern[str] | None, origin: str | None) -> bool:
    if wanted is None or origin is None:
        return wanted is origin
    if isinstance(wanted, str):
        return wanted in ("*", origin)
    return wanted.fullmatch(origin) is not None


def _same_host(origin: str, request: Request) -> bool:
    scheme, found, host = origin.partition("://")
    port = ":443" if scheme == "https" else ":80"
    return bool(found and host) and _bare(host, port) == _bare(request.headers.get("host", "") or "", port)


def _bare(host: str, port: str) -> str:
    return host.lower().removesuffix(port)


def parse_extensions(values: Sequence[str]) -> list[tuple[str, Offer]]:
    """Read Sec-WebSocket-Extensions into (name, parameters); `HandshakeError` where it is malformed (RFC 6455 9.1)."""
    offers = []
    for item in _split(",".join(values), ","):
        name, *rest = _split(item, ";") or [""]
        parameters: Offer = []
        for part in rest:
            key, found, value = (side.strip() for side in part.partition("="))
            if len(value) > 1 and value.startswith('"') and value.endswith('"'):
                value = value[1 : len(value) - 1]
            if not _TOKEN.match(key) or (found and not _TOKEN.match(value)):
                raise HandshakeError("malformed Sec-WebSocket-Extensions", _BAD_REQUEST)
            parameters.append((key, value if found else None))
        if not _TOKEN.match(name):
            raise HandshakeError("malformed Sec-WebSocket-Extensions", _BAD_REQUEST)
        offers.append((name, parameters))
    return offers


def _split(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def parse_protocols(values: Sequence[str]) -> list[str]:
    """Read Sec-WebSocket-Protocol; `HandshakeError` where it is malformed (RFC 6455 4.1)."""
    names = _split(",".join(values), ",")
    if not all(_TOKEN.match(name) for name in names):
        raise HandshakeError("malformed Sec-WebSocket-Protocol", _BAD_REQUEST)
    return names


def choose_deflate(headers: Headers, deflate: Deflate | None) -> Parameters | None:
    """Accept the first offer of permessage-deflate that can be met; offers of anything else are passed over (RFC 6455 9.1)."""
    values = headers.get_all("sec-websocket-extensions")
    if not values:
        return None
    offers = parse_extensions(values)
    if deflate is None:
        return None
    answers = (deflate.accept(parameters) for name, parameters in offers if name == DEFLATE)
    return next((answer for answer in answers if answer is not None), None)


def answer(key: str, upgrade: Upgrade, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Make the 101 response (RFC 6455 4.2.2)."""
    lines = [*_SWITCHING, f"Sec-WebSocket-Accept: {accept_key(key)}"]
    lines += [f"{name}: {value}" for name, value in agreed_fields(upgrade)]
    lines += [f"{name}: {value}" for name, value in headers]
    return one_head(lines)


def agreed_fields(upgrade: Upgrade) -> list[tuple[str, str]]:
    """Give the header fields that name what was agreed on, the same over HTTP/1.1 and HTTP/2."""
    fields = []
    if upgrade.subprotocol is not None:
        fields.append(("Sec-WebSocket-Protocol", upgrade.subprotocol))
    if upgrade.deflate is not None:
        fields.append(("Sec-WebSocket-Extensions", upgrade.deflate.header()))
    return fields


def make_request(
    host: str,
    target: str,
    key: str,
    *,
    protocols: Sequence[str] = (),
    deflate: Deflate | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> Request:
    """Make the client's handshake (RFC 6455 4.1); `key` is 16 random bytes in base64. A header given in `headers` replaces ours."""
    fields = [
        ("Host", host),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", "13"),
    ]
    if protocols:
        fields.append(("Sec-WebSocket-Protocol", ", ".join(protocols)))
    if deflate is not None:
        fields.append(("Sec-WebSocket-Extensions", deflate.offer()))
    given = {name.lower() for name, _ in headers}
    return Request("GET", target, Headers([*(field for field in fields if field[0].lower() not in given), *headers]))


def check_response(
    response: Response, key: str, *, protocols: Sequence[str] = (), deflate: Deflate | None = None
) -> Upgrade:
    """Check the server's answer to `make_request`; `HandshakeError` where it is not the answer (RFC 6455 4.1)."""
    headers = response.headers
    if response.status != 101:
        raise HandshakeError(f"the server answered {response.status} {response.reason}", response.status)
    if "websocket" not in headers.tokens("upgrade") or "upgrade" not in headers.tokens("connection"):
        raise HandshakeError("the server's answer is not an upgrade to WebSocket", 101)
    if headers.get_all("sec-websocket-accept") != [accept_key(key)]:
        raise HandshakeError("the server's Sec-WebSocket-Accept is wrong", 101)
    return check_agreed(headers, protocols, deflate)


def check_agreed(headers: Headers, protocols: Sequence[str], deflate: Deflate | None) -> Upgrade:
    """Read what the server chose; `HandshakeError` where that was not offered."""
    chosen = headers.get_all("sec-websocket-protocol")
    if len(chosen) > 1 or (chosen and chosen[0] not in protocols):
        raise HandshakeError("the server chose a subprotocol that was not offered", 101)
    agreed = None
    for name, parameters in parse_extensions(headers.get_all("sec-websocket-extensions")):
        if name != DEFLATE or deflate is None or agreed is not None:
            raise HandshakeError(f"the server chose an extension that was not offered: {name}", 101)
        agreed = deflate.agreed(parameters)
    return Upgrade(chosen[0] if chosen else None, agreed)
