"""Telling a client that its command was not carried out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from everywire.errors import Refused
from everywire.hub.calling.shapes import encode
from everywire.hub.codes import Code
from everywire.messages import Packed, Raw, Ref, Refusal

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["detail", "refusal", "worded"]

_log = logging.getLogger("everywire.hub")


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
    _log.error("%s failed", what, exc_info=error)
    return Refusal(ref, Code.INTERNAL, "internal error", temporary=True)


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
