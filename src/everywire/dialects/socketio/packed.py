"""Socket.IO packets as MessagePack, one binary message each: the parser `socket.io-msgpack-parser`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

import msgspec
from msgspec.msgpack import Ext

from everywire.dialects.socketio.extensions import told_apart
from everywire.dialects.socketio.packets import MAIN, Kind, Packet, checked
from everywire.errors import ProtocolError
from everywire.fitness import MAX_DEPTH
from everywire.messages import Raw

__all__ = ["read", "write"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNDEFINED, _DATE = 1, 8  # bytes of an extension of type 0, as the parser's MessagePack writes them

_unpack = msgspec.msgpack.Decoder().decode
_pack = msgspec.msgpack.Encoder().encode


def read(data: bytes) -> Packet:
    """Read a packet; raises `ProtocolError` for what is none that a client may send."""
    try:
        said = _unpack(data)
        apart = told_apart(data)
        if apart is not data:
            said = _unpack(apart)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise ProtocolError("no Socket.IO packet") from None
    if not isinstance(said, dict):
        raise ProtocolError("no Socket.IO packet")
    said = {name: value for name, value in said.items() if not _is_undefined(value)}
    kind, namespace, number = said.get("type"), said.get("nsp", MAIN), said.get("id")
    if not _is_number(kind) or kind > Kind.CONNECT_ERROR:
        raise ProtocolError("no type of a packet")
    if not isinstance(namespace, str) or not namespace.startswith("/"):
        raise ProtocolError("no namespace")
    if number is not None and (not _is_number(number) or number >= 10**15):
        raise ProtocolError("no id of a packet")
    items, fields = _content(Kind(kind), said.get("data"))
    return checked(Packet(Kind(kind), namespace, number, items, fields))


def _content(kind: Kind, data: object) -> tuple[Sequence[Any], dict[str, Any] | None]:
    match kind, data:
        case ((Kind.EVENT | Kind.ACK), list()):
            return _plain(data, 0), None
        case Kind.CONNECT, dict() if all(isinstance(name, str) for name in data):
            return (), _plain(data, 0)
        case ((Kind.CONNECT | Kind.DISCONNECT | Kind.CONNECT_ERROR), None):
            return (), None
    raise ProtocolError("a packet whose content is none of its type")


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_undefined(value: object) -> bool:
    return isinstance(value, Ext) and value.code == 0 and bytes(value.data) == b"\0" * _UNDEFINED


def _plain(value: Any, depth: int) -> Any:
    """Give a value in which what only JavaScript has is said as its JSON would."""
    if depth > MAX_DEPTH:
        return value  # too deep for anybody: it is refused for that
    match value:
        case dict():
            return {name: _plain(each, depth + 1) for name, each in value.items() if not _is_undefined(each)}
        case list():
            return [_plain(each, depth + 1) for each in value]
        case datetime():
            return _iso(value)
        case Ext(code=0):
            return None if _is_undefined(value) else _extended(bytes(value.data))
        case _:
            return value


def _extended(data: bytes) -> Any:
    """Give what an extension of type 0 stands for: a date as milliseconds in 8 bytes, or as many bytes as there are."""
    if len(data) != _DATE:
        return data
    try:
        return _iso(_EPOCH + timedelta(milliseconds=int.from_bytes(data, "big", signed=True)))
    except OverflowError:
        return data


def _iso(date: datetime) -> str:
    return date.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write(kind: Kind, namespace: str, number: int | None = None, content: Raw | None = None) -> bytes:
    """Write a packet, whose `content` is MessagePack."""
    said: dict[str, Any] = {"type": int(kind), "nsp": namespace}
    if content is not None:
        said["data"] = content
    if number is not None:
        said["id"] = number
    return _pack(said)
