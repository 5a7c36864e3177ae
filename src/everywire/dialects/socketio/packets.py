"""Socket.IO packets as text: how one is read, and how one is written.

`<type>[<attachments>-][<namespace>,][<id>][JSON]`, as in version 5 of the protocol. A packet with something binary in it says how many
binary messages follow, and names them in its JSON by placeholders.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from everywire.errors import ProtocolError
from everywire.fitness import MAX_DEPTH
from everywire.messages import Raw

__all__ = ["MAIN", "MAX_ATTACHMENTS", "RESERVED", "Kind", "Packet", "attached", "detached", "read", "reserved", "write"]

MAIN = "/"
MAX_ATTACHMENTS = 10  # official parsers take no more
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})

_PACKET = re.compile(r"([0-6])(?:([0-9]{1,9})-)?(?:(/[^,]*)(?:,|\Z))?([0-9]{1,15})?(.*)\Z", re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_PLACEHOLDER, _NUMBER = "_placeholder", "num"

_read_array = msgspec.json.Decoder(list[Raw]).decode
_read_object = msgspec.json.Decoder(dict[str, Raw]).decode
_read_any = msgspec.json.Decoder().decode


class Kind(IntEnum):
    """The types of packets."""

    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


_PLAIN = {Kind.BINARY_EVENT: Kind.EVENT, Kind.BINARY_ACK: Kind.ACK}
_BINARY = {plain: binary for binary, plain in _PLAIN.items()}


class Packet(NamedTuple):
    """One packet of a client: `fields` of a CONNECT, `items` of an EVENT or ACK.

    What they hold is JSON text (`Raw`) each, or values where the packet came with something binary. `attachments` are still to come.
    """

    kind: Kind
    namespace: str
    id: int | None = None
    items: Sequence[Any] = ()
    fields: dict[str, Any] | None = None
    attachments: int = 0


def read(text: str) -> Packet:
    """Read a packet; raises `ProtocolError` for what is none that a client may send."""
    found = _PACKET.match(text)
    if found is None:
        raise ProtocolError("no Socket.IO packet")
    kind = Kind(int(found[1]))
    plain = _PLAIN.get(kind, kind)
    if (kind is plain) != (found[2] is None):
        raise ProtocolError("attachments are counted in a binary packet, and only there")
    attachments = int(found[2] or 0)
    if attachments > MAX_ATTACHMENTS:
        raise ProtocolError(f"more than {MAX_ATTACHMENTS} attachments")
    namespace = found[3] or MAIN
    number = int(found[4]) if found[4] else None
    try:
        items, fields = _content(plain, found[5], values=attachments > 0)
    except (ValueError, RecursionError):
        items, fields = _halved(plain, found[5])
    return checked(Packet(plain, namespace, number, items, fields, attachments))


def _content(kind: Kind, text: str, *, values: bool) -> tuple[Sequence[Any], dict[str, Any] | None]:
    """Give the items or the fields that a packet of a `kind` has; raises `ValueError` for content that it cannot have."""
    match kind:
        case Kind.EVENT | Kind.ACK:
            items = _read_any(text) if values else _read_array(text)
            if not isinstance(items, list):
                raise ValueError(text)
            return items, None
        case Kind.CONNECT:
            return (), _read_object(text) if text else None
        case _ if text:
            raise ValueError(text)
    return (), None


def _halved(kind: Kind, text: str) -> tuple[Sequence[Any], dict[str, Any] | None]:
    """Give the same of what only a laxer parser reads: JSON with half of a surrogate pair in it, as a client says that cut a text in two.

    It is not fit to be told, but its client is at no fault. Raises `ProtocolError` for all else.
    """
    if _SURROGATE.search(text) is not None:
        with contextlib.suppress(ValueError, RecursionError):
            match kind, json.loads(text):
                case ((Kind.EVENT | Kind.ACK), list(items)):
                    return items, None
                case Kind.CONNECT, dict(fields):
                    return (), fields
    raise ProtocolError("a packet whose content is none of its type")


def checked(packet: Packet) -> Packet:
    """Give a packet that a client may send; raises `ProtocolError` for another."""
    match packet.kind:
        case Kind.CONNECT_ERROR:
            raise ProtocolError("only a server says why there is no connection")
        case Kind.ACK if packet.id is None:
            raise ProtocolError("an acknowledgement of nothing")
        case Kind.EVENT if not packet.items or reserved(packet.items[0]):
            raise ProtocolError("an event without a name, or with a reserved one")
    return packet


def reserved(name: object) -> bool:
    """Say whether an event cannot be called `name`, as a value or as JSON text."""
    try:
        value = _read_any(name) if isinstance(name, Raw) else name
    except (ValueError, RecursionError):
        return True
    return isinstance(value, bool) or not isinstance(value, (str, int, float)) or value in RESERVED


def name_of(item: object) -> str:
    """Give the name of an event, which may be a number; raises `UnicodeEncodeError` for what is no text."""
    value = _read_any(item) if isinstance(item, Raw) else item
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text.encode()  # raises for half of a surrogate pair
    return text


def write(kind: Kind, namespace: str, number: int | None = None, content: bytes = b"", attachments: int = 0) -> str:
    """Write a packet, whose `content` is JSON."""
    if attachments:
        kind = _BINARY[kind]
    count = f"{attachments}-" if attachments else ""
    place = f"{namespace}," if namespace != MAIN else ""
    return f"{int(kind)}{count}{place}{'' if number is None else number}{content.decode()}"


def attached(items: Sequence[Any], attachments: Sequence[bytes]) -> list[Any]:
    """Give `items` with each attachment in the place of its placeholder.

    Raises `ProtocolError` where there is not exactly one placeholder for each: what is told several times from one attachment could be
    made larger than all limits.
    """
    left = dict(enumerate(attachments))
    filled = [_filled(item, left, 0) for item in items]
    if left:
        raise ProtocolError("an attachment without a placeholder")
    return filled


def _filled(value: Any, left: dict[int, bytes], depth: int) -> Any:
    if depth > MAX_DEPTH:
        return value  # too deep for anybody: it is refused for that
    if isinstance(value, list):
        return [_filled(each, left, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get(_PLACEHOLDER) is not True:
        return {name: _filled(each, left, depth + 1) for name, each in value.items()}
    number = value.get(_NUMBER)
    if isinstance(number, bool) or not isinstance(number, int) or number not in left:
        raise ProtocolError("a placeholder without its attachment")
    return left.pop(number)


def detached(items: Sequence[Any]) -> tuple[list[Any], list[bytes]] | None:
    """Give `items` with placeholders for what is binary, and that in its order.

    None where it cannot be said so: there is too much of it, or something else looks like a placeholder, which would tear clients from
    their connections.
    """
    found: list[bytes] = []
    if any(_ambiguous(item) for item in items):
        return None
    emptied = [_emptied(item, found) for item in items]
    return (emptied, found) if len(found) <= MAX_ATTACHMENTS else None


def _emptied(value: Any, found: list[bytes]) -> Any:
    match value:
        case bytes():
            found.append(value)
            return {_PLACEHOLDER: True, _NUMBER: len(found) - 1}
        case list():
            return [_emptied(each, found) for each in value]
        case dict():
            return {name: _emptied(each, found) for name, each in value.items()}
        case _:
            return value


def _ambiguous(value: Any) -> bool:
    children: Iterator[Any] = iter(())
    if isinstance(value, dict):
        if _PLACEHOLDER in value:
            return True
        children = iter(value.values())
    elif isinstance(value, list):
        children = iter(value)
    return any(_ambiguous(each) for each in children)
