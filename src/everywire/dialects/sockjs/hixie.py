"""The handshake of hixie-76, the WebSocket of 2010, whose answer begins before all of the question is there.

Browsers that speak it are gone. What is spoken here ends with the handshake: such a client, told so in its own closing handshake, tries another transport.
"""

from __future__ import annotations

import hashlib

from everywire.dialects.base import Bygone, Reply
from everywire.http.request import Request

__all__ = ["asked", "greeting"]

_KEYS = ("sec-websocket-key1", "sec-websocket-key2")
_NONCE = 8  # bytes behind the head
_CLOSING = b"\xff\x00"
_REFUSAL = Reply(426, b"This WebSocket is that of RFC 6455.\n", (("Upgrade", "websocket"), ("Connection", "Upgrade")))


def asked(request: Request) -> bool:
    """Say whether a handshake is one of hixie-76."""
    headers = request.headers
    return "sec-websocket-version" not in headers and all(name in headers for name in _KEYS)


def greeting(request: Request) -> Bygone | Reply:
    """Give the handshake's answer: its head, and the digest of both keys and of the nonce that follows; or say that there is no such WebSocket."""
    try:
        keys = b"".join(_number(request.headers[name]).to_bytes(4) for name in _KEYS)
    except (ValueError, OverflowError, ZeroDivisionError):
        return _REFUSAL
    scheme, host = "wss" if request.secure else "ws", request.headers.get("host", "")
    lines = [
        "HTTP/1.1 101 WebSocket Protocol Handshake",
        "Upgrade: WebSocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Origin: {request.headers.get('origin', '')}",
        f"Sec-WebSocket-Location: {scheme}://{host}{request.target}",
    ]
    head = "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")
    return Bygone(head, _NONCE, lambda nonce: _digest(keys + nonce) + _CLOSING, _REFUSAL)


def _number(key: str) -> int:
    """Give the number in a key: its digits by how many spaces there are, which divide it."""
    number, rest = divmod(int("".join(each for each in key if each in "0123456789")), key.count(" "))
    if rest:
        raise ValueError(key)
    return number


def _digest(said: bytes) -> bytes:
    return hashlib.md5(said, usedforsecurity=False).digest()
