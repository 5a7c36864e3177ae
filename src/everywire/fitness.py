"""Whether application data can be read by every receiver, whatever its wire.

What one publisher may append, each subscriber's parser has to survive. Skipping over raw data does not see everything that parsing it
would: numbers beyond a double, depth, keys that are no text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from everywire.messages import Data, Packed, Raw

__all__ = [
    "MAX_DEPTH",
    "Unfit",
    "array_elements",
    "as_builtin",
    "fit_json",
    "fit_object",
    "fit_packed",
    "fit_text",
    "fit_value",
    "to_json",
    "to_packed",
]

MAX_DEPTH = 64  # levels of arrays and objects in application data
_TOO_DEEP = f"bad request: data deeper than {MAX_DEPTH} levels"
_UNREADABLE = "bad request: data that not every receiver can read"

_parse = msgspec.json.Decoder().decode
_unpack = msgspec.msgpack.Decoder().decode
_parse_array = msgspec.json.Decoder(list[Raw]).decode
_unpack_array = msgspec.msgpack.Decoder(list[Raw]).decode
# Not `str(value)`, which for Django's safe text is that text itself.
_BARE: Final[dict[type, Callable[[Any], Any]]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    bytes: bytes.__bytes__,
}


class Unfit(Exception):
    """Application data that not every receiver could read."""


def fit_json(raw: Raw) -> Raw:
    """Give JSON text as a copy of its own, sure to be readable by every receiver; raises `Unfit`."""
    return fit_text(bytes(raw))


def fit_text(text: bytes) -> Raw:
    """Give JSON text, sure to be readable by every receiver; raises `Unfit`."""
    try:
        value = _parse(text)
    except (msgspec.DecodeError, RecursionError, ValueError):  # the last one is for bytes that are no UTF-8
        raise Unfit(_UNREADABLE) from None
    if _too_deep_text(text, value):
        raise Unfit(_TOO_DEEP)
    return Raw(text)


def fit_packed(raw: Raw) -> Data:
    """Give what a MessagePack document says: as JSON text where that can say it, else as a copy of its own; raises `Unfit`."""
    try:
        value = _unpack(raw)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise Unfit(_UNREADABLE) from None
    text = _plainly(value)
    if text is not None:
        return Raw(text)
    binary = _look(value)
    return Packed(raw) if binary else Raw(msgspec.json.encode(value))


def _plainly(value: object) -> bytes | None:
    """Give a value as JSON text where that says all of it, which is soon seen: read again it is the same. None where somebody has to look."""
    try:
        text = msgspec.json.encode(value)
        if _parse(text) != value or _too_deep_text(text, value):
            return None
    except (TypeError, ValueError, RecursionError):
        return None
    return text


def fit_value(value: object) -> Data:
    """Give a value that was read already, as JSON text or, where something in it is binary, as MessagePack; raises `Unfit`."""
    packed = _look(value)
    try:
        if not packed:
            return Raw(msgspec.json.encode(value))
        return Packed(msgspec.msgpack.encode(value))
    except OverflowError:
        return Packed(msgspec.msgpack.encode(_bounded(value)))
    except UnicodeEncodeError:  # half of a surrogate pair
        raise Unfit(_UNREADABLE) from None


def _look(value: object) -> bool:
    """Say whether something in `value` is binary; raises `Unfit` for what is no data, or too deep."""
    binary, level = False, [value]
    for depth in range(MAX_DEPTH + 1):
        for each in level:
            binary |= isinstance(each, bytes)
            if not _plain(each):
                raise Unfit(_UNREADABLE)
        if depth == MAX_DEPTH and any(isinstance(each, (dict, list)) for each in level):
            raise Unfit(_TOO_DEEP)
        level = [child for parent in level for child in _inside(parent)]
    return binary


def _plain(value: object) -> bool:
    match value:
        case dict():
            return all(isinstance(key, str) for key in value)
        case float():
            return math.isfinite(value)
        case None | bool() | int() | str() | bytes() | list():
            return True
        case _:
            return False  # an extension type; only we would know it


def fit_object(data: Data) -> Raw:
    """Give fit JSON text that is an object; raises `Unfit`."""
    if isinstance(data, Packed) or not bytes(data).lstrip().startswith(b"{"):
        raise Unfit("bad request: info is not an object")
    return data


def to_json(data: Data) -> Raw:
    """Give `data` as JSON text; what is binary in it becomes its base64 text."""
    return Raw(msgspec.json.encode(_unpack(data))) if isinstance(data, Packed) else data


def to_packed(data: Data) -> Raw:
    """Give `data` as a MessagePack document."""
    if isinstance(data, Packed):
        return Raw(data)
    value = _parse(data)
    try:
        return Raw(msgspec.msgpack.encode(value))
    except OverflowError:  # JSON has integers of any size
        return Raw(msgspec.msgpack.encode(_bounded(value)))


def as_builtin(value: Any) -> Any:
    """Give a value of a class derived from `str`, `int`, `float` or `bytes`, as Django's safe text, as one of these: for `enc_hook` of msgspec.

    Raises `TypeError` for anything else.
    """
    for kind, bare in _BARE.items():
        if isinstance(value, kind):
            return bare(value)
    name = type(value).__name__
    raise TypeError(f"data cannot say {'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}")


def array_elements(data: Data) -> list[Data]:
    """Give the elements of an array, not read any further; raises `ValueError` or `RecursionError` for what is none."""
    if isinstance(data, Packed):
        return [Packed(each) for each in _unpack_array(data)]
    return list(_parse_array(data))


def _bounded(value: Any) -> Any:
    match value:
        case dict():
            return {key: _bounded(each) for key, each in value.items()}
        case list():
            return [_bounded(each) for each in value]
        case int() if not -(2**63) <= value < 2**64:
            return float(value)
        case _:
            return value


def _too_deep_text(text: bytes, value: object) -> bool:
    """Say whether `value`, which is `text`, is too deep: most is found not to be without a look at it."""
    return len(text) > MAX_DEPTH and text.count(b"[") + text.count(b"{") > MAX_DEPTH and _too_deep(value)


def _too_deep(value: object) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _inside(parent)]
    return any(isinstance(each, (dict, list)) for each in level)


def _inside(value: object) -> Iterator[Any]:
    """Give what is directly inside `value`."""
    children: Iterable[Any]
    match value:
        case dict():
            children = value.values()
        case list():
            children = value
        case _:
            children = ()
    return iter(children)
