"""The native wire, version 1, in JSON: `docs/protocol.md` in code.

Reading goes from text straight into one tagged structure per command; application data stays raw.
It is parsed once more to see that every receiver will be able to read it, and is then forwarded as
it came. Text that this fast path cannot read is read again, slowly, to tell a command with a fault
in it (refused, the session lives) from what is no command at all (closes).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, NoReturn, TypeAlias

import msgspec
from msgspec import Meta, Raw

from everywire import messages as m
from everywire.dialects.base import Heartbeat, Intent, NewId, Open, Reply
from everywire.errors import ProtocolError
from everywire.http.request import Request
from everywire.payloads import Payload

__all__ = ["BAD_MESSAGE", "MAX_BATCH", "MAX_DEPTH", "SUBPROTOCOL", "NativeCodec", "NativeDecoder", "NativeDialect"]

SUBPROTOCOL = "everywire.v1.json"
BAD_MESSAGE = 4400
MAX_DEPTH = 64  # levels of arrays and objects in application data
MAX_BATCH = 1_000  # commands in one message

_Id: TypeAlias = Annotated[int, Meta(ge=1, le=2**53 - 1)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_NULL = Raw(b"null")
_Key: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]


class _Unfit(Exception):
    """Application data that not every receiver could read."""


class _Place(msgspec.Struct):
    epoch: str
    offset: _Count


class _Said(msgspec.Struct, tag_field="type"):
    """A command as it is written; `command()` gives its meaning."""


class _Connect(_Said, tag="connect"):
    id: _Id
    token: str | None = None
    info: Raw = _NULL
    resume: str | None = None

    def command(self) -> m.Command:
        info = _fit_object(self.info) if self.info != _NULL else None
        return m.Connect(self.id, self.token, info, self.resume)


class _Subscribe(_Said, tag="subscribe"):
    id: _Id
    channel: str
    since: _Place | None = None
    rewind: _Count = 0
    pages: Annotated[int, Meta(ge=1, le=2**53 - 1)] = 1

    def command(self) -> m.Command:
        return m.Subscribe(self.id, self.channel, _position(self.since), self.rewind, self.pages)


class _Unsubscribe(_Said, tag="unsubscribe"):
    id: _Id
    channel: str

    def command(self) -> m.Command:
        return m.Unsubscribe(self.id, self.channel)


class _Publish(_Said, tag="publish"):
    id: _Id
    channel: str
    data: Raw
    key: _Key | None = None
    ephemeral: bool = False

    def command(self) -> m.Command:
        return m.Publish(self.id, self.channel, _fit(self.data), self.key, self.ephemeral)


class _History(_Said, tag="history"):
    id: _Id
    channel: str
    limit: _Count | None = None
    since: _Place | None = None
    before: _Place | None = None
    reverse: bool = False

    def command(self) -> m.Command:
        since, before = _position(self.since), _position(self.before)
        return m.History(self.id, self.channel, since, self.limit, self.reverse, before)


class _Presence(_Said, tag="presence"):
    id: _Id
    channel: str

    def command(self) -> m.Command:
        return m.Presence(self.id, self.channel)


class _Call(_Said, tag="call"):
    id: _Id
    name: str
    data: Raw = _NULL

    def command(self) -> m.Command:
        return m.Call(self.id, self.name, _fit(self.data))


class _Ping(_Said, tag="ping"):
    id: _Id

    def command(self) -> m.Command:
        return m.Ping(self.id)


class _Pong(_Said, tag="pong"):
    def command(self) -> m.Command:
        return m.Pong()


_Anything: TypeAlias = _Connect | _Subscribe | _Unsubscribe | _Publish | _History | _Presence | _Call | _Ping | _Pong
_TYPES = frozenset(("connect", "subscribe", "unsubscribe", "publish", "history", "presence", "call", "ping", "pong"))
_read = msgspec.json.Decoder(_Anything | list[_Anything]).decode
_read_one: msgspec.json.Decoder[_Anything] = msgspec.json.Decoder(_Anything)
_parse = msgspec.json.Decoder().decode


class NativeDecoder:
    """Reads one client's messages; keeps nothing between them."""

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
        if not isinstance(said, list):
            yield _command(said)
            return
        _check_batch(said)
        for each in said:
            yield _command(each)


def _command(said: _Anything) -> m.Command:
    try:
        return said.command()
    except _Unfit as unfit:
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
        return _command(_read_one.decode(json.dumps(item)))
    except (msgspec.DecodeError, RecursionError) as fault:
        return m.Malformed(_ref(item.get("id")), _reason(fault))


def _ref(ref: object) -> int:
    """Give the id that a faulty command can be answered by; 0 if it has none."""
    return ref if isinstance(ref, int) and not isinstance(ref, bool) and 1 <= ref < 2**53 else 0


def _known(kind: object) -> bool:
    return isinstance(kind, str) and kind in _TYPES


def _reason(fault: Exception) -> str:
    if isinstance(fault, msgspec.ValidationError):
        return f"bad request: {fault}"
    return "bad request: text or numbers that not every receiver can read"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _position(at: _Place | None) -> m.Position | None:
    return m.Position(at.epoch, at.offset) if at is not None else None


def _fit(raw: Raw) -> Raw:
    """Give `raw` as a copy of its own, sure to be readable by every receiver.

    Skipping over raw JSON does not see everything that parsing it would: numbers beyond a double, or
    depth. What one publisher may append, each subscriber's parser has to survive.
    """
    text = bytes(raw)
    try:
        value = _parse(text)
    except (msgspec.DecodeError, RecursionError):
        raise _Unfit("bad request: data that not every receiver can read") from None
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _too_deep(value):
        raise _Unfit(f"bad request: data deeper than {MAX_DEPTH} levels")
    return Raw(text)


def _fit_object(raw: Raw) -> Raw:
    fit = _fit(raw)
    if not bytes(fit).startswith(b"{"):
        raise _Unfit("bad request: info is not an object")
    return fit


def _too_deep(value: object) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _inside(parent)]
    return bool(level)


def _inside(value: object) -> Iterator[Any]:
    """Give the arrays and objects directly inside `value`."""
    children: Iterable[Any]
    match value:
        case dict():
            children = value.values()
        case list():
            children = value
        case _:
            children = ()
    return (child for child in children if isinstance(child, (dict, list)))


class _Member(msgspec.Struct, omit_defaults=True):
    session: str
    user: str | None
    info: Raw | None = None


class _Kept(msgspec.Struct, omit_defaults=True):
    """A publication inside a list."""

    data: Raw
    time: int
    offset: int | None = None
    sender: _Member | None = msgspec.field(default=None, name="from")


class _Publication(_Kept, tag_field="type", tag="publication"):
    channel: str = ""


_write = msgspec.json.Encoder().encode


class NativeCodec:
    """Writes events as JSON text."""

    __slots__ = ()

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the one text payload that says `event`."""
        said: object
        if isinstance(event, m.Publication):  # the hot one, before the long way through _say
            said = _Publication(event.data, event.time, _offset(event), _sender(event), event.channel)
        else:
            said = {name: value for name, value in _say(event).items() if value is not None}
        return (Payload(_write(said).decode()),)


def _say(event: m.Event) -> dict[str, Any]:
    """Give the fields of `event` as it is written; those that are None are left out."""
    match event:
        case m.Refusal(ref, code, reason, temporary):
            return {"type": "error", "id": ref, "code": code, "reason": reason, "temporary": temporary}
        case m.Result(ref, data):
            return {"type": "result", "id": ref, "data": data}
        case m.Beat():
            return {"type": "ping"}
        case m.Ponged(ref):
            return {"type": "pong", "id": ref}
        case m.Connected():
            return _say_connected(event)
        case m.Published(ref, channel, position):
            return {"type": "published", "id": ref, "channel": channel, **_place(position)}
        case _:
            return _say_channel(event)


def _say_channel(event: m.Event) -> dict[str, Any]:
    match event:
        case m.Joined(channel, member):
            return {"type": "join", "channel": channel, "member": _member(member)}
        case m.Left(channel, member):
            return {"type": "leave", "channel": channel, "member": _member(member)}
        case m.Subscribed():
            return _say_subscribed(event)
        case m.Unsubscribed(channel, ref, reason):
            return {"type": "unsubscribed", "id": ref, "channel": channel, "reason": reason}
        case m.Page():
            return _say_page(event)
        case m.Roster(ref, channel, members):
            return {"type": "presence", "id": ref, "channel": channel, "members": _members(members)}
        case m.Moved(channel, epoch):
            return {"type": "moved", "channel": channel, "epoch": epoch}
        case _:
            raise TypeError(f"no words for {event!r}")


def _say_connected(event: m.Connected) -> dict[str, Any]:
    heartbeat = event.heartbeat
    beat = {"every": round(heartbeat.every * 1000), "patience": round(heartbeat.patience * 1000)}
    return {
        "type": "connected",
        "id": event.ref,
        "session": event.session,
        "user": Raw(b"null") if event.user is None else event.user,  # said even where there is none
        "resume": event.resume,
        "resumed": event.resumed,
        "heartbeat": beat,
    }


def _say_subscribed(event: m.Subscribed) -> dict[str, Any]:
    return {
        "type": "subscribed",
        "id": event.ref,
        "channel": event.channel,
        **_place(event.position),
        "recovered": event.recovered,
        "publications": _kept(event.publications),
        "more": event.more,
        "members": _members(event.members) if event.members is not None else None,
    }


def _say_page(event: m.Page) -> dict[str, Any]:
    return {
        "type": "history",
        "id": event.ref,
        "channel": event.channel,
        **_place(event.position),
        "publications": _kept(event.publications),
        "more": event.more or None,
    }


def _place(position: m.Position | None) -> dict[str, Any]:
    return {"epoch": position.epoch, "offset": position.offset} if position is not None else {}


def _offset(event: m.Publication) -> int | None:
    return event.position.offset if event.position is not None else None


def _sender(event: m.Publication) -> _Member | None:
    return _member(event.sender) if event.sender is not None else None


def _member(member: m.Member) -> _Member:
    return _Member(member.session, member.user, member.info)


def _members(members: Iterable[m.Member]) -> list[_Member]:
    return [_member(each) for each in members]


def _kept(publications: Iterable[m.Publication]) -> list[_Kept]:
    return [_Kept(each.data, each.time, _offset(each), _sender(each)) for each in publications]


class NativeDialect:
    """What everywire's own clients speak, over a WebSocket at `path`."""

    name = "native"

    def __init__(self, path: str = "/everywire", heartbeat: Heartbeat | None = None) -> None:
        self.path = path
        self.heartbeat = heartbeat or Heartbeat()
        self.codec = NativeCodec()
        self._decoder = NativeDecoder()

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Open a transport for a WebSocket that offers the subprotocol; refuse everything else here."""
        if request.path != self.path:
            return None
        if "websocket" not in request.headers.tokens("upgrade"):
            headers = (("Upgrade", "websocket"), ("Connection", "Upgrade"))
            return Reply(426, b"This is a WebSocket endpoint.\n", headers)
        if SUBPROTOCOL not in request.headers.tokens("sec-websocket-protocol"):
            return Reply(400, f"Offer the subprotocol {SUBPROTOCOL}.\n".encode())
        return Open(subprotocol=SUBPROTOCOL)

    def decoder(self) -> NativeDecoder:
        """Give the decoder; it has no state, so that one serves all."""
        return self._decoder
