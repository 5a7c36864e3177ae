"""Every exception and close code, sorted by whose fault it is."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

__all__ = [
    "AbortHandshake",
    "ClientClosed",
    "CloseCode",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Declined",
    "Disconnected",
    "EverywireError",
    "HandshakeError",
    "InvalidURI",
    "MessageTooBig",
    "ProtocolError",
    "ProxyError",
    "Refused",
    "RedirectError",
    "SessionGone",
    "SettingError",
    "StreamBroken",
    "Unreachable",
    "reconnectable",
    "sendable",
]


class CloseCode(IntEnum):
    """Close codes of RFC 6455 7.4.1 and the IANA registry."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005  # never on the wire: the close frame was empty
    ABNORMAL = 1006  # never on the wire: no close frame came
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015  # never on the wire


_NEVER_ON_THE_WIRE = frozenset({CloseCode.NO_STATUS, CloseCode.ABNORMAL, CloseCode.TLS_HANDSHAKE})
_REGISTERED = frozenset(CloseCode) - _NEVER_ON_THE_WIRE

# The one table of who may come back; docs/protocol.md and clients/js/src/wire.ts say the same. After these the same peer would do
# the same again: it broke the protocol, or sent what is not understood, or was told no (3000, 3003: IANA's "unauthorized", "forbidden").
# 1009 is not among them: what was too big is not said again.
_FINAL = frozenset({1002, 1003, 1007, 1010, 3000, 3003})
_NO = range(4000, 4500)  # an application's no, as HTTP's 4xx
_LATER = frozenset({4402, 4408, 4413})  # an old token, no answer to a ping, a slow reader: these pass


def sendable(code: int) -> bool:
    """Say whether a close frame may carry `code` (RFC 6455 7.4.2)."""
    return code in _REGISTERED or 3000 <= code <= 4999


def reconnectable(code: int) -> bool:
    """Say whether a client whose connection ended with `code` may reconnect by itself; false where it would only end so again."""
    return code in _LATER or (code not in _FINAL and code not in _NO)


class EverywireError(Exception):
    """The base of all errors raised by everywire."""


class ProtocolError(EverywireError):
    """The peer broke the protocol; the connection is closed with `code`."""

    def __init__(self, reason: str, code: int = CloseCode.PROTOCOL_ERROR) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = int(code)


class MessageTooBig(ProtocolError):
    """The peer sent more than a limit allows; closes with 1009."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, CloseCode.MESSAGE_TOO_BIG)


class SettingError(EverywireError, ValueError):
    """A setting that there is not, or that cannot have that value; the text begins with the variable or the file that says so."""


class Refused(EverywireError):
    """A polite no: the request is denied with `code`, the session lives.

    Codes below 1000 are those of docs/protocol.md; an application's own begin there. `data` is what else it says, anything JSON can say.
    """

    def __init__(self, reason: str, code: int = 103, *, temporary: bool = False, data: Any = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = int(code)
        self.temporary = temporary
        self.data = data


class StreamBroken(Refused):
    """A client's stream ended in an `error`, which is the client's own text: all that came before has been read. Nobody but the client is to be told."""

    def __init__(self, error: str) -> None:
        super().__init__(f"the stream broke: {error}", 107)
        self.error = error


class Declined(EverywireError):
    """The client does not answer the server's call: it says `code` and `reason`; 109 for a name that it does not know."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(f"{code} {reason}")
        self.reason = reason
        self.code = int(code)


class SessionGone(EverywireError):
    """The session is over, or its client is not connected at this moment: it cannot be called, or will not answer any more."""


class ConnectionClosed(EverywireError):
    """The connection is over: `code` and `reason` as the peer sent them, or 1006 where no close frame came."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"connection closed: {code} {reason}".rstrip())
        self.code = int(code)
        self.reason = reason


class ConnectionClosedOK(ConnectionClosed):
    """It ended well: 1000, 1001, or a close frame without a code."""


class ConnectionClosedError(ConnectionClosed):
    """It ended otherwise."""


class ClientClosed(ConnectionClosed):
    """The client is not connected: `connect` was not called yet, or `close` was; or it has ended for good, and `reason` says why."""

    def __init__(self, reason: str, code: int = CloseCode.NORMAL) -> None:
        super().__init__(code, reason)
        self.args = (reason,)  # no connection was closed by this


class Disconnected(EverywireError, OSError):
    """An ASGI application sends to a client that is gone; an OSError, as the specification wants (2.4). Who lets it out has done nothing wrong."""


class Unreachable(EverywireError, TimeoutError):
    """A client was not connected in time: to `url`, as a log may have it; `reason` is why the last try failed, where one has."""

    def __init__(self, url: str, seconds: float, reason: str = "") -> None:
        super().__init__(f"no connection to {url} within {seconds:g} s: {reason or 'no answer yet'}")
        self.url = url
        self.reason = reason


class HandshakeError(EverywireError):
    """The opening handshake failed; `status` is the HTTP status where one was answered.

    `response`, where a client got one, is the Response with what came of its body.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.response: Any = None


class AbortHandshake(HandshakeError):
    """The server answers `status` instead of upgrading; `headers` go with it."""

    def __init__(self, status: int, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(reason, status)
        self.headers = headers


class RedirectError(HandshakeError):
    """The server redirects where a client must not follow, or too often."""


class ProxyError(HandshakeError):
    """The proxy on the way refused or broke the connection."""


class InvalidURI(EverywireError):
    """The address is not a WebSocket URI (RFC 6455 3), or the proxy's is none that we know."""


def closed(code: int, reason: str = "") -> ConnectionClosed:
    """Give the exception that stands for a connection closed with `code`."""
    kind = ConnectionClosedOK if code in (1000, 1001, 1005) else ConnectionClosedError
    return kind(code, reason)
