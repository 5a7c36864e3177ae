"""How a client says which protocol it speaks: JSON in both directions, whatever comes after."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from everywire import messages as m
from everywire.errors import ProtocolError
from everywire.payloads import Codec, Uncounted

__all__ = ["CONNECT", "HANDSHAKE", "accepted", "read", "refused"]

CONNECT = "connect"  # what the first command of a session is called by
PROTOCOLS = ("json", "messagepack")
_LATEST = 2

_write = msgspec.json.Encoder().encode


class _Request(msgspec.Struct):
    protocol: str
    version: int


_read = msgspec.json.Decoder(_Request).decode


class HandshakeCodec:
    """Says the one thing that can be said before a protocol is agreed on: why there will be none."""

    __slots__ = ()

    dialect = "signalr"

    def encode(self, event: m.Event) -> tuple[Uncounted, ...]:
        """Give the error that ends the handshake; there are no other words."""
        return (Uncounted(refused(event.reason)),) if isinstance(event, m.Closing) else ()


HANDSHAKE: Final[Codec] = HandshakeCodec()


def read(message: bytes) -> tuple[str, int]:
    """Give the protocol and its version that a client asks for; raises `ProtocolError`, whose reason is for the client, for what there is not."""
    try:
        request = _read(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProtocolError("no handshake: a JSON object with a protocol and a version") from None
    protocol = request.protocol.lower()
    if protocol not in PROTOCOLS:
        raise ProtocolError(f"The protocol '{request.protocol}' is not supported.")
    if not 1 <= request.version <= _LATEST:
        raise ProtocolError(f"The server does not support version {request.version} of the '{protocol}' protocol.")
    return protocol, request.version


def accepted() -> str:
    """Write the answer to a handshake that was right."""
    return "{}\x1e"


def refused(reason: str) -> str:
    """Write the answer to another."""
    said: dict[str, Any] = {"error": reason or "the connection is closed"}
    return _write(said).decode() + "\x1e"
