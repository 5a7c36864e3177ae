"""What npm's Admin UI is told, and what it asks for: names, shapes, and how a client is described.

Nothing that opens something is in a description: of what a client's request says, the values are left out that could be a token, an id or a
password, and all are but for a few header fields and parameters that are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

import msgspec

from everywire import messages as m
from everywire.dialects.emission import arguments, emission
from everywire.dialects.socketio.packets import MAIN, RESERVED
from everywire.fitness import array_elements, to_json
from everywire.http.origin import OWN, source
from everywire.http.redaction import shown
from everywire.http.request import Request
from everywire.messages import Data, Raw

__all__ = ["COMMANDS", "Order", "Seen", "asked", "described", "emitted", "features", "moment", "read", "told"]

COMMANDS: Final = ("emit", "join", "leave", "_disconnect")

_FEATURES: Final = ("EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")
_MAX_NAME: Final = 255
_MOST_SHOWN: Final = 4096  # bytes of an event's arguments
_HIDDEN: Final = "..."
_PLAIN: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-length", "content-type"}
    | {"dnt", "host", "origin", "pragma", "sec-websocket-extensions", "sec-websocket-version", "te", "upgrade"}
    | {"upgrade-insecure-requests", "user-agent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}
    | {"sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "x-real-ip"}
    | {"sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user"}
)  # header fields that open nothing
_KNOWN: Final = frozenset({"EIO", "transport", "t", "b64"})  # parameters of Engine.IO itself, but for the id of a line

_write = msgspec.json.Encoder().encode


class Seen(NamedTuple):
    """A client in one namespace: `session` is its id there, `client` what stands for its connection, `since` in milliseconds since 1970."""

    session: str
    client: str
    namespace: str
    websocket: bool
    data: dict[str, Any]
    rooms: Sequence[str]
    since: int
    address: str = ""
    request: Request | None = None


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be done with clients of a namespace: all of them, or those in the room `within`, which may be a client's own.

    `name` is the event, or the room, `arguments` the event's as an array, MessagePack where it is `packed`; `whole` closes their connections.
    """

    verb: Literal["emit", "join", "leave", "_disconnect"]
    namespace: str
    within: str | None = None
    name: str = ""
    arguments: bytes = b"[]"
    packed: bool = False
    whole: bool = False


def features(*, read_only: bool, verbose: bool) -> list[str]:
    """Name what a server does for a UI: obey, unless that may only read; tell of each client, where it is to be `verbose`."""
    return [*(() if read_only else _FEATURES), "AGGREGATED_EVENTS", *(("ALL_EVENTS",) if verbose else ())]


def moment(time: int) -> str:
    """Write a time, milliseconds since 1970, as JavaScript writes a `Date`."""
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def described(seen: Seen) -> dict[str, Any]:
    """Describe a client as a UI lists it."""
    return {
        "id": seen.session,
        "clientId": seen.client,
        "transport": told(websocket=seen.websocket),
        "nsp": seen.namespace,
        "data": seen.data,
        "handshake": _handshake(seen),
        "rooms": [*dict.fromkeys((seen.session, *seen.rooms))],
    }


def told(*, websocket: bool) -> str:
    """Name how a client is connected."""
    return "websocket" if websocket else "polling"


def _handshake(seen: Seen) -> dict[str, Any]:
    request = seen.request
    said = {"address": seen.address, "issued": seen.since, "time": moment(seen.since)}
    if request is None:
        return {**said, "headers": {}, "query": {}, "secure": False, "url": "", "xdomain": False}
    named = [(name.lower(), value) for name, value in request.headers]
    query = {name: values[0] if name in _KNOWN else _HIDDEN for name, values in request.params.items()}
    return {
        **said,
        "headers": {name: value if name in _PLAIN else _HIDDEN for name, value in named},
        "query": query,
        "secure": request.secure,
        "url": shown(request.target),
        "xdomain": source(request) not in (None, OWN),
    }


# Events of clients, as a UI shows them: an array of the name and the arguments.


def asked(call: m.Call) -> Raw:
    """Give what a client emitted."""
    if call.data is None:
        return _array(call.name, ())
    if not call.positional:
        return _array(call.name, (call.data,))
    return _array(call.name, array_elements(call.data))


def emitted(event: m.Publication | m.Calling) -> Raw:
    """Give what a client is told."""
    if isinstance(event, m.Publication):
        return _array(*emission(event.channel, event.data, RESERVED))
    return _array(event.name, arguments(event))


def _array(name: str, given: Sequence[Data]) -> Raw:
    size = sum(len(bytes(each)) for each in given)
    items: Sequence[Data] = given if size <= _MOST_SHOWN else [Raw(_write(f"{size} bytes"))]
    return Raw(b"[" + b",".join([_write(name), *(bytes(to_json(each)) for each in items)]) + b"]")


# What a UI asks for.


def read(verb: str, given: Sequence[Any]) -> Order:
    """Read a command of a UI with its arguments; raises `ValueError` that says what is wrong."""
    match verb, given:
        case "emit", [namespace, within, event, *items]:
            return Order("emit", _namespace(namespace), _room(within, needed=False), _event(event), *_said(items))
        case (("join" | "leave"), [namespace, room, *rest]) if len(rest) <= 1:
            within = _room(rest[0] if rest else None, needed=False)
            name = _room(room, needed=True) or ""
            return Order("join" if verb == "join" else "leave", _namespace(namespace), within, name)
        case "_disconnect", [namespace, whole, *rest] if len(rest) <= 1:
            if not isinstance(whole, bool | None):
                raise ValueError("whether to close the connection is true or false")
            within = _room(rest[0] if rest else None, needed=False)
            return Order("_disconnect", _namespace(namespace), within, whole=bool(whole))
        case _:
            raise ValueError(f"{verb} does not take {len(given)} arguments")


def _namespace(given: Any) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= _MAX_NAME:
        raise ValueError(f"a namespace is a text of 1 to {_MAX_NAME} characters")
    return given if given.startswith("/") else MAIN + given


def _room(given: Any, *, needed: bool) -> str | None:
    """Read the name of a room; nothing means everybody, where that may be meant."""
    if given in (None, "") and not needed:
        return None
    if not isinstance(given, str) or not 0 < len(given) <= _MAX_NAME:
        raise ValueError(f"a room is a text of 1 to {_MAX_NAME} characters")
    return given


def _event(given: Any) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= _MAX_NAME:
        raise ValueError(f"an event is a text of 1 to {_MAX_NAME} characters")
    if given in RESERVED:
        raise ValueError(f"{given} is a name that clients keep for themselves")
    return given


def _said(items: Sequence[Any]) -> tuple[bytes, bool]:
    """Write arguments that may be binary."""
    if _binary(items):
        return msgspec.msgpack.encode(items), True
    return _write(items), False


def _binary(item: Any) -> bool:
    match item:
        case bytes():
            return True
        case dict():
            return any(map(_binary, item.values()))
        case list() | tuple():
            return any(map(_binary, item))
        case _:
            return False
