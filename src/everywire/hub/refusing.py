"""Telling a client that its command was not carried out."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Final

import msgspec

from everywire.errors import Refused
from everywire.hub.calling.shapes import encode
from everywire.hub.codes import Code
from everywire.messages import Packed, Raw, Ref, Refusal

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["detail", "refusal", "worded"]

_log = logging.getLogger("everywire.hub")
_BEFORE: Final = frozenset({"everywire", "asyncio", "concurrent", "contextlib"})  # whose frames lead to a handler


def refusal(hub: Hub, what: str, ref: Ref, error: Exception) -> Refusal:
    """Give the answer for `error`: a polite no as it is; anything else is ours, logged here and told without details."""
    error = worded(hub, error)
    if isinstance(error, Refused):
        try:
            said = Refusal(ref, error.code, error.reason, error.temporary, detail(error))
        except Exception as fault:
            error = fault  # not even its `data` can be said
        else:
            hub.metrics.refusals += 1
            hub.metrics.refused[error.code] = hub.metrics.refused.get(error.code, 0) + 1
            return said
    _log.error("%s failed", what, exc_info=(type(error), error, _own(error)))
    return Refusal(ref, Code.INTERNAL, "internal error", temporary=True)


def _own(error: Exception) -> TracebackType | None:
    """Give the traceback from where the application's code begins; all of it, where it has no part in it."""
    here = error.__traceback__
    while here is not None and here.tb_frame.f_globals.get("__name__", "").partition(".")[0] in _BEFORE:
        here = here.tb_next
    return here or error.__traceback__


def worded(hub: Hub, error: Exception) -> Exception:
    """Give the polite no that another framework's exception means, where the application has words for it; any other as it is."""
    wording = hub.hooks.wording
    return error if wording is None or isinstance(error, Refused) else wording(error)


def detail(no: Refused) -> Raw | None:
    """Give what is told beside the reason; raises `TypeError` for what data cannot say."""
    if no.data is None:
        return None
    data = encode(no.data)
    return Raw(msgspec.json.encode(msgspec.msgpack.decode(data))) if isinstance(data, Packed) else data
