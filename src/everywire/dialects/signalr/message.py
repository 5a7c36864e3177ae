"""One message of the hub protocol, whichever way it was written."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from everywire.messages import Raw

__all__ = ["NOTHING", "Kind", "Message"]

NOTHING = Raw(b"")


class Kind(IntEnum):
    """The types of messages; those up to `CANCEL` have a number where both sides count."""

    INVOCATION = 1
    ITEM = 2
    COMPLETION = 3
    STREAM = 4
    CANCEL = 5
    PING = 6
    CLOSE = 7
    ACK = 8
    SEQUENCE = 9


class Message(msgspec.Struct, rename="camel"):
    """What a client says: `arguments`, `item` and `result` not read any further, `NOTHING` where they are left out."""

    type: int
    invocation_id: str | None = None
    target: str | None = None
    arguments: Raw = NOTHING
    stream_ids: list[str] | None = None
    item: Raw = NOTHING
    result: Raw = NOTHING
    error: str | None = None
    sequence_id: int | None = None
