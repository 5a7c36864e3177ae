"""Reading messages of the hub protocol that are MessagePack."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from everywire.dialects.signalr.message import Kind, Message
from everywire.errors import ProtocolError
from everywire.fitness import MAX_DEPTH, Unfit, fit_packed, fit_value
from everywire.messages import Data, Raw

__all__ = ["fit", "is_array", "read"]

_read = msgspec.msgpack.Decoder(list[Raw]).decode
_read_any = msgspec.msgpack.Decoder().decode
_read_int = msgspec.msgpack.Decoder(int).decode
_read_text = msgspec.msgpack.Decoder(str).decode
_read_name = msgspec.msgpack.Decoder(str | None).decode
_read_names = msgspec.msgpack.Decoder(list[str] | None).decode
_read_headers = msgspec.msgpack.Decoder(dict[str, str] | None).decode
_ERROR, _VOID, _VALUE = 1, 2, 3
_LEAST = {  # items of a message; more may follow
    Kind.INVOCATION: 5,
    Kind.ITEM: 4,
    Kind.COMPLETION: 4,
    Kind.STREAM: 5,
    Kind.CANCEL: 3,
    Kind.PING: 1,
    Kind.CLOSE: 1,
    Kind.ACK: 2,
    Kind.SEQUENCE: 2,
}
_KNOWN = frozenset(Kind)
_ARRAYS = frozenset(bytes((marker,)) for marker in (*range(0x90, 0xA0), 0xDC, 0xDD))


def read(data: bytes) -> Message | None:
    """Read a message; None for one of a type that is not known. Raises `ProtocolError` for what is none."""
    try:
        items = _read(data)
        kind = _read_int(items[0]) if items else 0
        if items and kind not in _KNOWN:
            return None
        if not items or len(items) < _LEAST[Kind(kind)]:
            raise ProtocolError("a message of the hub protocol that is too short")
        return _message(Kind(kind), items)
    except (ValueError, RecursionError):
        raise ProtocolError("no message of the hub protocol") from None


def _message(kind: Kind, items: Sequence[Raw]) -> Message:
    match kind:
        case Kind.PING | Kind.CLOSE:
            return Message(kind)
        case Kind.ACK | Kind.SEQUENCE:
            return Message(kind, sequence_id=_read_int(items[1]))
    _read_headers(items[1])  # nobody reads them, but there is a place for nothing else
    name = _read_name(items[2])
    match kind:
        case Kind.INVOCATION | Kind.STREAM:
            streams = _read_names(items[5]) if len(items) > 5 else None
            return Message(kind, name, _read_text(items[3]), items[4], streams)
        case Kind.ITEM:
            return Message(kind, name, item=items[3])
        case Kind.COMPLETION:
            return _completion(name, items)
    return Message(kind, name)


def _completion(name: str | None, items: Sequence[Raw]) -> Message:
    result = _read_int(items[3])
    if result == _VOID:
        return Message(Kind.COMPLETION, name)
    if len(items) < 5 or result not in (_ERROR, _VALUE):
        raise ValueError(result)
    if result == _VALUE:
        return Message(Kind.COMPLETION, name, result=items[4])
    return Message(Kind.COMPLETION, name, error=_read_name(items[4]) or "")


def fit(raw: Raw) -> Data:
    """Give application data, sure to be readable by every receiver, with times as JSON would say them; raises `Unfit`."""
    try:
        return fit_packed(raw)
    except Unfit as unfit:
        try:
            value = _read_any(raw)
        except (ValueError, RecursionError):
            raise unfit from None
        return fit_value(_timeless(value, 0))


def _timeless(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return value  # too deep for anybody: it is refused for that
    match value:
        case dict():
            return {name: _timeless(each, depth + 1) for name, each in value.items()}
        case list():
            return [_timeless(each, depth + 1) for each in value]
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case _:
            return value


def is_array(raw: Raw) -> bool:
    """Say whether application data is an array."""
    return bytes(raw)[:1] in _ARRAYS
