"""The codes of refusals and closes that the hub speaks; dialects map from them."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Close", "Code"]


class Code(IntEnum):
    """Why a command was refused; the session lives."""

    INTERNAL = 100
    UNAUTHORIZED = 101
    DENIED = 103
    UNKNOWN_CHANNEL = 104
    ALREADY_SUBSCRIBED = 105
    NOT_SUBSCRIBED = 106
    BAD_REQUEST = 107
    LIMIT = 108
    UNKNOWN_NAME = 109
    NOT_AVAILABLE = 110
    CONFLICT = 111
    NO_CREDIT = 112
    TIMED_OUT = 113
    CANCELED = 114


class Close(IntEnum):
    """Why the hub closed a transport."""

    NORMAL = 1000
    GOING_AWAY = 1001
    ABNORMAL = 1006
    POLICY = 1008
    INTERNAL = 1011
    RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_MESSAGE = 4400
    UNAUTHORIZED = 4401
    EXPIRED = 4402
    REFUSED = 4403
    KICKED = 4404
    NO_ANSWER = 4408
    CONTINUED = 4409
    SLOW = 4413
