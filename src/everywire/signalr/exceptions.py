"""What a client is told of an error, in the words of SignalR's servers."""

from __future__ import annotations

import logging
from typing import Final

from everywire.errors import EverywireError, Refused, StreamBroken
from everywire.hub.codes import Code

__all__ = ["HubException", "told", "worded"]

_INVOKING: Final = "An unexpected error occurred invoking '{}' on the server."

_log = logging.getLogger("everywire.signalr")


class HubException(EverywireError):
    """Raised by a hub method, it is told to the client that called it: its name and its text."""


def told(error: Exception, method: str, *, detailed: bool) -> Refused:
    """Give what is told to who called `method`, which raised `error`.

    A `Refused` is told as it is, and a `HubException` by its text. Of anything else the client learns no more than that there was an error, unless
    `detailed` says so, and our log has the traceback.
    """
    what = _INVOKING.format(method)
    if isinstance(error, StreamBroken):  # the client said so itself
        return Refused(f"{what} Exception: {error.error}" if detailed else what, Code.INTERNAL)
    if isinstance(error, Refused):
        return error
    if not isinstance(error, HubException):
        _log.error("the hub method %s failed", ascii(method), exc_info=error)
    return Refused(worded(what, error, detailed=detailed), Code.INTERNAL)


def worded(what: str, error: Exception, *, detailed: bool) -> str:
    """Give the sentence `what`, and which error it was where the client may know."""
    if detailed or isinstance(error, HubException):
        return f"{what} {type(error).__name__}: {error}"
    return what
