"""What is raised here, by the names that python-socketio has for it."""

from __future__ import annotations

import builtins
from typing import Any

from everywire.errors import EverywireError, Refused
from everywire.hub.codes import Code

__all__ = ["BadNamespaceError", "ConnectionError", "ConnectionRefusedError", "SocketIOError", "TimeoutError", "refused"]


class SocketIOError(EverywireError):
    """What all of these are."""


class ConnectionError(SocketIOError):
    """There is no connection, or none any more."""


class ConnectionRefusedError(ConnectionError):
    """Raised by a `connect` handler it turns the client away: the first argument is the message, a second one its data, several more a list of data."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        message, *more = args or ("Connection rejected by server",)
        self.message = str(message)
        self.data = (more[0] if len(more) == 1 else more) if more else None


class TimeoutError(SocketIOError, builtins.TimeoutError):
    """The client did not acknowledge in time."""


class BadNamespaceError(SocketIOError):
    """There is no client of that id in the namespace."""


def refused(no: ConnectionRefusedError) -> Refused:
    """Give it as what the hub tells a client."""
    return Refused(no.message, Code.DENIED, data=no.data)
