"""Reading the native wire: from a payload to commands.

Reading goes straight into one tagged structure per command. What this fast path cannot read is read again, slowly, to tell a command
with a fault in it (refused, the session lives) from what is no command at all (closes).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

from everywire import messages as m
from everywire.dialects.native.said import TYPES, Fit, Said
from everywire.errors import ProtocolError
from everywire.fitness import Unfit, fit_json, fit_packed

__all__ = ["BAD_MESSAGE", "MAX_BATCH", "NativeDecoder", "PackedDecoder"]

BAD_MESSAGE = 4400
MAX_BATCH = 1_000  # commands in one message

_read = msgspec.json.Decoder(Said | list[Said]).decode
_read_one: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)
_unpack = msgspec.msgpack.Decoder(Said | list[Said]).decode
_unpack_one: msgspec.msgpack.Decoder[Said] = msgspec.msgpack.Decoder(Said)
_unpack_any = msgspec.msgpack.Decoder(dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw]]).decode
_pack = msgspec.msgpack.Encoder().encode


class NativeDecoder:
    """Reads one client's JSON messages; keeps nothing between them."""

    __slots__ = ()

    def decode(self, data: str | bytes) -> Iterator[m.Command]:
        """Give the commands in one text message.

        Raises `ProtocolError` (4400) for a binary message, text that is no JSON object or array of
        objects, and an object without a known `type`.
        """
        if not isinstance(data, str):
            raise ProtocolError("bad message: binary", BAD_MESSAGE)
        try:
            said = _read(data)
        except (msgspec.DecodeError, RecursionError):
            yield from _read_slowly(data)
            return
        yield from _commands(said, fit_json)


class PackedDecoder:
    """Reads one client's MessagePack messages; keeps nothing between them."""

    __slots__ = ()

    def decode(self, data: str | bytes) -> Iterator[m.Command]:
        """Give the commands in one binary message; raises `ProtocolError` as `NativeDecoder.decode` does."""
        if isinstance(data, str):
            raise ProtocolError("bad message: text", BAD_MESSAGE)
        try:
            said = _unpack(data)
        except (msgspec.DecodeError, RecursionError, ValueError):
            yield from _unpack_slowly(data)
            return
        yield from _commands(said, fit_packed)


def _commands(said: Said | list[Said], fit: Fit) -> Iterator[m.Command]:
    if not isinstance(said, list):
        yield _command(said, fit)
        return
    _check_batch(said)
    for each in said:
        yield _command(each, fit)


def _command(said: Said, fit: Fit) -> m.Command:
    try:
        return said.command(fit)
    except Unfit as unfit:
        return m.Malformed(getattr(said, "id", 0), str(unfit))


def _check_batch(batch: list[Any]) -> None:
    if len(batch) > MAX_BATCH:
        raise ProtocolError("bad message: too many commands in one", BAD_MESSAGE)


def _read_slowly(data: str) -> Iterator[m.Command]:
    """Read a message with something wrong in it, command by command."""
    try:
        value = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ProtocolError("bad message: not JSON", BAD_MESSAGE) from None
    batch = value if isinstance(value, list) else [value]
    _check_batch(batch)
    for item in batch:
        if not isinstance(item, dict) or not _known(item.get("type")):
            raise ProtocolError("bad message: no known type", BAD_MESSAGE)
        yield _one(item)


def _one(item: dict[str, Any]) -> m.Command:
    try:
        # Surrogates and numbers beyond a double survive the way back into text, and fail in here.
        return _command(_read_one.decode(json.dumps(item)), fit_json)
    except (msgspec.DecodeError, RecursionError) as fault:
        return m.Malformed(_ref(item.get("id")), _reason(fault))


def _unpack_slowly(data: bytes) -> Iterator[m.Command]:
    """The same for MessagePack: fields stay as they are written."""
    try:
        value = _unpack_any(data)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise ProtocolError("bad message: not MessagePack", BAD_MESSAGE) from None
    batch = value if isinstance(value, list) else [value]
    _check_batch(batch)
    for item in batch:
        if not _known(_field(item, "type")):
            raise ProtocolError("bad message: no known type", BAD_MESSAGE)
        try:
            yield _command(_unpack_one.decode(_pack(item)), fit_packed)
        except (msgspec.DecodeError, RecursionError, ValueError) as fault:
            yield m.Malformed(_ref(_field(item, "id")), _reason(fault))


def _field(item: dict[str, msgspec.Raw], name: str) -> object:
    try:
        return msgspec.msgpack.decode(item[name]) if name in item else None
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def _ref(ref: object) -> int:
    """Give the id that a faulty command can be answered by; 0 if it has none."""
    return ref if isinstance(ref, int) and not isinstance(ref, bool) and 1 <= ref < 2**53 else 0


def _known(kind: object) -> bool:
    return isinstance(kind, str) and kind in TYPES


def _reason(fault: Exception) -> str:
    if isinstance(fault, msgspec.ValidationError):
        return f"bad request: {fault}"
    return "bad request: text or numbers that not every receiver can read"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON
