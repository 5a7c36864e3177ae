"""Reading plain texts: each is a call of the same handler."""

from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec

from everywire.messages import Call, Command, Data, Packed, Raw

__all__ = ["TextDecoder"]

_write = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode


class TextDecoder:
    """Reads one client's texts as calls of the handler called `name`. Invariants: `said` is how many there were."""

    __slots__ = ("name", "said")

    def __init__(self, name: str) -> None:
        self.name = name
        self.said = 0

    def decode(self, data: str | bytes) -> Iterable[Command]:
        """Give the call that a text is, or a binary message; there is nothing that is none."""
        self.said += 1
        return (Call(self.said, self.name, _data(data)),)


def _data(said: str | bytes) -> Data:
    if not isinstance(said, str):
        return Packed(_pack(said))
    try:
        return Raw(_write(said))
    except UnicodeEncodeError:  # half of a character, which JSON text can say and UTF-8 cannot
        return Raw(json.dumps(said).encode())
