"""What hubs say as data: times are times in MessagePack, as .NET's serializer has them, and text in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from everywire.hub.calling.shapes import encode
from everywire.messages import Data, Packed

__all__ = ["written"]

_SIMPLE: Final = frozenset({type(None), bool, int, float, str})
_KEPT: Final = (bytes, bytearray, memoryview, datetime)


def written(value: Any) -> Data:
    """Give `value` as data; raises `TypeError` for what data cannot say."""
    if type(value) in _SIMPLE:
        return encode(value)
    try:
        plain = msgspec.to_builtins(value, builtin_types=_KEPT, str_keys=True)
    except TypeError:
        return encode(value)  # of another kind, or nothing that can be said
    return Packed(msgspec.msgpack.encode(plain)) if _has_time(plain) else encode(plain)


def _has_time(value: Any) -> bool:
    """Say whether there is a time in `value`, which is made of builtins."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return isinstance(value, datetime)
    return any(type(each) not in _SIMPLE and _has_time(each) for each in value)
