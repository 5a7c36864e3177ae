"""Reading messages of the hub protocol that are JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from everywire.dialects.signalr.message import Kind, Message
from everywire.errors import ProtocolError
from everywire.fitness import fit_json
from everywire.messages import Data, Raw

__all__ = ["fit", "is_array", "read"]


class _Typed(msgspec.Struct):
    type: int


_read = msgspec.json.Decoder(Message).decode
_read_type = msgspec.json.Decoder(_Typed).decode
_write = msgspec.json.Encoder().encode
_KNOWN = frozenset(Kind)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_DATA = frozenset({"arguments", "item", "result"})
_UNFIT = Raw(b'["\\ud800"]')  # is refused as what it stands for would be


def read(text: bytes) -> Message | None:
    """Read a message; None for one of a type that is not known. Raises `ProtocolError` for what is none."""
    try:
        message = _read(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if not _is_known(text):
            return None
        halved = _halved(text)
        if halved is None:
            raise ProtocolError("no message of the hub protocol") from None
        message = halved
    return message if message.type in _KNOWN else None


def _halved(text: bytes) -> Message | None:
    """Read a message whose data has half of a surrogate pair in it, as a client says that cut a text in two.

    It is not fit to be told, but its client is at no fault.
    """
    if _SURROGATE.search(text) is None:
        return None
    try:
        said: dict[str, Any] = json.loads(text)
        message = _read(_write({name: each for name, each in said.items() if name not in _DATA}))
    except (ValueError, RecursionError, AttributeError):
        return None
    for name in _DATA & said.keys():
        setattr(message, name, _UNFIT)
    return message


def _is_known(text: bytes) -> bool:
    """Say whether what is no message is not of another type, whose fields may be anything."""
    try:
        return _read_type(text).type in _KNOWN
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True


def fit(raw: Raw) -> Data:
    """Give application data, sure to be readable by every receiver; raises `Unfit`."""
    return fit_json(raw)


def is_array(raw: Raw) -> bool:
    """Say whether application data is an array."""
    return bytes(raw).startswith(b"[")
