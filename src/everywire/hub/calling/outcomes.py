"""What became of a call to a client, as nodes tell it each other."""

from __future__ import annotations

import logging
from typing import Literal

import msgspec

from everywire import messages as m
from everywire.errors import Declined, EverywireError, Refused, SessionGone

__all__ = ["Outcome", "outcome"]

_log = logging.getLogger("everywire.hub")


class Outcome(msgspec.Struct, omit_defaults=True):
    """Data, or why there is none."""

    why: Literal["answered", "declined", "late", "gone", "refused", "failed"]
    data: bytes = b""
    packed: bool = False
    reason: str = ""
    code: int = 0
    positional: bool = False

    def read(self, number: int) -> m.Answer | Exception:
        """Give the answer to the call of that number, or what is raised in its place."""
        match self.why:
            case "answered":
                data = m.Packed(self.data) if self.packed else m.Raw(self.data)
                return m.Answer(number, data, self.positional)
            case "declined":
                return Declined(self.reason, self.code)
            case "late":
                return TimeoutError(self.reason)
            case "gone":
                return SessionGone(self.reason)
            case "refused":
                return Refused(self.reason, self.code, temporary=True)
        return EverywireError("the node that has the session failed")


def outcome(came: m.Answer | BaseException) -> Outcome:
    """Put into words what a client answered, or what was raised; an error that is nobody's but ours is logged."""
    match came:
        case m.Answer(_, data):
            return Outcome("answered", bytes(data), isinstance(data, m.Packed), positional=came.positional)
        case Declined():
            return Outcome("declined", reason=came.reason, code=came.code)
        case Refused():
            return Outcome("refused", reason=came.reason, code=came.code)
        case TimeoutError():
            return Outcome("late", reason=str(came))
        case SessionGone():
            return Outcome("gone", reason="the session's client is not connected, or was lost before it answered")
    _log.error("a call for another node failed", exc_info=came)
    return Outcome("failed")
