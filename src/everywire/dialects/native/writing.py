"""Writing the native wire: from an event to the payload that says it, as JSON text or as MessagePack."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Raw

from everywire import messages as m
from everywire.fitness import to_json, to_packed
from everywire.messages import Data
from everywire.payloads import Payload

__all__ = ["PACKED_SUBPROTOCOL", "SUBPROTOCOL", "EventCodec", "EventPayload", "NativeCodec", "PackedCodec"]

SUBPROTOCOL = "everywire.v1.json"
PACKED_SUBPROTOCOL = "everywire.v1.msgpack"


class _Member(msgspec.Struct, omit_defaults=True):
    session: str
    user: str | None
    info: Raw | None = None
    tabs: int = 1
    dialect: str = "native"


class _Kept(msgspec.Struct, omit_defaults=True):
    """A publication inside a list."""

    data: Raw
    time: int
    offset: int | None = None
    sender: _Member | None = msgspec.field(default=None, name="from")
    entry: str | None = None
    removed: bool = False


class _Publication(_Kept, tag_field="type", tag="publication"):
    channel: str = ""


class _Words:
    """Gives the fields of each event; `_put` writes application data as the wire has it, `_write` everything else.

    Invariants: `_latest` is the list of publications that was written last, and how.
    """

    __slots__ = ("_latest", "_nothing", "_put", "_write")

    def __init__(self, put: Callable[[Data], Raw], nothing: Raw, write: Callable[[Any], bytes]) -> None:
        self._put = put
        self._nothing = nothing
        self._write = write
        self._latest: tuple[Iterable[m.Publication], Raw] = ((), Raw(b""))

    def publication(self, event: m.Publication) -> _Publication:
        """The hot one, before the long way through `say`."""
        offset = event.position.offset if event.position is not None else None
        sender = self._member(event.sender) if event.sender is not None else None
        data = self._put(event.data)
        return _Publication(data, event.time, offset, sender, event.entry, event.removed, event.channel)

    def changed(self, event: m.Changed) -> dict[str, Any]:
        """A publication in which `delta` and `base` stand for `data`."""
        news = event.publication
        sender = self._member(news.sender) if news.sender is not None else None
        return {
            "type": "publication",
            "channel": news.channel,
            "offset": news.position.offset if news.position is not None else None,
            "time": news.time,
            "from": sender,
            "entry": news.entry,
            "delta": self._put(event.delta),
            "base": event.base,
        }

    def say(self, event: m.Event) -> dict[str, Any]:
        """Give the fields of `event` as it is written; those that are None are left out."""
        return {name: value for name, value in self._say(event).items() if value is not None}

    def _say(self, event: m.Event) -> dict[str, Any]:
        match event:
            case m.Refusal():
                return self._refusal(event)
            case m.Result(ref, data):
                return {"type": "result", "id": ref, "data": self._put(data)}
            case m.Beat():
                return {"type": "ping"}
            case m.Ponged(ref):
                return {"type": "pong", "id": ref}
            case m.Connected():
                return self._connected(event)
            case m.Refreshed(ref, expires):
                return {"type": "refreshed", "id": ref, "expires": _milliseconds(expires)}
            case m.Item() | m.End() | m.Credit() | m.Cancel() | m.Calling():
                return self._flow(event)
            case _:
                return self._channel(event)

    def _flow(self, event: m.Event) -> dict[str, Any]:
        match event:
            case m.Item(ref, data):
                return {"type": "item", "id": ref, "data": self._put(data)}
            case m.End(ref):
                return {"type": "end", "id": ref}
            case m.Credit(ref, count):
                return {"type": "credit", "id": ref, "count": count}
            case m.Cancel(ref):
                return {"type": "cancel", "call": ref}
            case m.Calling(call, name, data, timeout):
                said = self._put(data) if data is not None else None
                return {"type": "call", "call": call, "name": name, "data": said, "timeout": _milliseconds(timeout)}
            case _:
                raise TypeError(f"no words for {event!r}")

    def _channel(self, event: m.Event) -> dict[str, Any]:
        match event:
            case m.Published(ref, channel, position):
                return {"type": "published", "id": ref, "channel": channel, **_place(position)}
            case m.Changed():
                return self.changed(event)
            case m.Passed(channel, position, count):
                return {"type": "passed", "channel": channel, **_place(position), "count": count}
            case m.Joined(channel, member):
                return {"type": "join", "channel": channel, "member": self._member(member)}
            case m.Left(channel, member):
                return {"type": "leave", "channel": channel, "member": self._member(member)}
            case m.Unsubscribed(channel, ref, reason):
                return {"type": "unsubscribed", "id": ref, "channel": channel, "reason": reason}
            case m.Adjusted(ref, channel, policy):
                return {"type": "policy", "id": ref, "channel": channel, "policy": _policy(policy)}
            case m.Moved(channel, epoch):
                return {"type": "moved", "channel": channel, "epoch": epoch}
            case _:
                return self._many(event)

    def _many(self, event: m.Event) -> dict[str, Any]:
        """Say what holds many publications or members."""
        match event:
            case m.Subscribed():
                return self._subscribed(event)
            case m.Page(ref, channel, position, publications):
                kept = self._kept(publications)
                said = {"type": "history", "id": ref, "channel": channel, **_place(position), "publications": kept}
                more, recovered = event.more or None, event.recovered or None
                return {**said, "more": more, "recovered": recovered, "after": event.after}
            case m.Entries(ref, channel, position, entries):
                kept = self._kept(entries)
                said = {"type": "entries", "id": ref, "channel": channel, **_place(position), "entries": kept}
                return {**said, "recovered": event.recovered, "more": event.more or None, "after": event.after}
            case m.Roster(ref, channel, members, sessions, users):
                said = {"type": "presence", "id": ref, "channel": channel, "members": self._members(members)}
                return {**said, "sessions": sessions, "users": users}
            case _:
                raise TypeError(f"no words for {event!r}")

    def _connected(self, event: m.Connected) -> dict[str, Any]:
        heartbeat = event.heartbeat
        beat = {"every": round(heartbeat.every * 1000), "patience": round(heartbeat.patience * 1000)}
        return {
            "type": "connected",
            "id": event.ref,
            "session": event.session,
            "user": self._nothing if event.user is None else event.user,  # said even where there is none
            "resume": event.resume,
            "resumed": event.resumed,
            "heartbeat": beat,
            "expires": _milliseconds(event.expires),
            "channels": list(event.channels) or None,
        }

    def _subscribed(self, event: m.Subscribed) -> dict[str, Any]:
        return {
            "type": "subscribed",
            "id": event.ref,
            "channel": event.channel,
            **_place(event.position),
            "recovered": event.recovered,
            "publications": self._kept(event.publications),
            "more": event.more,
            "members": self._members(event.members) if event.members is not None else None,
            "entries": self._kept(event.entries) if event.entries is not None else None,
            "after": event.after,
        }

    def _refusal(self, event: m.Refusal) -> dict[str, Any]:
        said = {"type": "error", "id": event.ref, "code": event.code, "reason": event.reason}
        data = self._put(event.data) if event.data is not None else None
        return {**said, "temporary": event.temporary, "data": data}

    def _member(self, member: m.Member) -> _Member:
        info = self._put(member.info) if member.info is not None else None
        return _Member(member.session, member.user, info, member.tabs, member.dialect)

    def _members(self, members: Iterable[m.Member]) -> list[_Member]:
        return [self._member(each) for each in members]

    def _kept(self, publications: tuple[m.Publication, ...]) -> Raw | list[_Kept]:
        """Write a list of publications; once, where one client after another is told the same tuple."""
        if len(publications) < 2:
            return self._each(publications)
        latest, written = self._latest
        if publications is not latest:
            written = Raw(self._write(self._each(publications)))
            self._latest = publications, written  # in one step: loops in several threads share this
        return written

    def _each(self, publications: Iterable[m.Publication]) -> list[_Kept]:
        return [
            _Kept(
                self._put(each.data),
                each.time,
                each.position.offset if each.position is not None else None,
                self._member(each.sender) if each.sender is not None else None,
                each.entry,
                each.removed,
            )
            for each in publications
        ]


def _place(position: m.Position | None) -> dict[str, Any]:
    return {"epoch": position.epoch, "offset": position.offset} if position is not None else {}


def _policy(policy: m.Policy) -> dict[str, Any]:
    return {"kind": policy.kind, "interval": round(policy.interval * 1000), "size": policy.size}


def _milliseconds(seconds: float | None) -> int | None:
    return round(seconds * 1000) if seconds is not None else None


_write = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_json_words = _Words(to_json, Raw(b"null"), _write)
_packed_words = _Words(to_packed, Raw(b"\xc0"), _pack)


class NativeCodec:
    """Writes events as JSON text."""

    __slots__ = ()
    dialect = "native"

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the one text payload that says `event`; nothing of the end, which the transport says."""
        if isinstance(event, m.Closing):
            return ()
        said = _json_words.publication(event) if isinstance(event, m.Publication) else _json_words.say(event)
        return (Payload(_write(said).decode()),)


class PackedCodec:
    """Writes events as MessagePack."""

    __slots__ = ()
    dialect = "native"

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the one binary payload that says `event`; nothing of the end, which the transport says."""
        if isinstance(event, m.Closing):
            return ()
        said = _packed_words.publication(event) if isinstance(event, m.Publication) else _packed_words.say(event)
        return (Payload(_pack(said)),)


class EventPayload(Payload):
    """An event and how it is written as JSON, without the number of the command that it answers, for whoever answers requests himself."""

    __slots__ = ("event",)

    def __init__(self, event: m.Event, data: bytes) -> None:
        super().__init__(data)
        self.event = event


class EventCodec:
    """Gives events with their JSON; without a `type` where that goes without saying."""

    __slots__ = ("_typed",)
    dialect = "native"

    def __init__(self, *, typed: bool) -> None:
        self._typed = typed

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the one payload that says `event`; nothing of the end, which the transport says."""
        if isinstance(event, m.Closing):
            return ()
        if isinstance(event, m.Publication):
            return (EventPayload(event, _write(_json_words.publication(event))),)
        said = _json_words.say(event)
        said.pop("id", None)
        if not self._typed:
            said.pop("type", None)
        return (EventPayload(event, _write(said)),)
