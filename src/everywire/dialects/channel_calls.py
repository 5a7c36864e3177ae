"""Events of our own, by which official clients reach channels where the application has no handlers: the hub's commands, and their answers.

`everywire:subscribe` and its like take one object, and are acknowledged by one: their fields are those of the native wire.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from everywire import messages as m
from everywire.fitness import Unfit, fit_json, fit_packed, to_json
from everywire.messages import Packed, Raw

__all__ = ["OWN", "answered", "meant"]

OWN = "everywire:"  # before the names that are ours

_Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Key = Annotated[str, Meta(min_length=1, max_length=128)]
_NOTHING = Raw(b"")


class _Place(msgspec.Struct):
    epoch: str
    offset: _Count

    def meant(self) -> m.Position:
        return m.Position(self.epoch, self.offset)


class _Wanted(msgspec.Struct):
    """A command as it is written; `command` gives its meaning."""

    channel: str

    def command(self, ref: m.Ref, *, packed: bool) -> m.Command:
        raise NotImplementedError


class _Subscribe(_Wanted):
    since: _Place | None = None
    rewind: _Count = 0
    rewind_from: _Count | None = None
    after: _Count | None = None

    def command(self, ref: m.Ref, *, packed: bool) -> m.Command:
        since = self.since.meant() if self.since is not None else None
        return m.Subscribe(ref, self.channel, since, self.rewind, rewind_from=self.rewind_from, after=self.after)


class _Unsubscribe(_Wanted):
    def command(self, ref: m.Ref, *, packed: bool) -> m.Command:
        return m.Unsubscribe(ref, self.channel)


class _Publish(_Wanted):
    data: Raw = _NOTHING
    key: _Key | None = None
    ephemeral: bool = False

    def command(self, ref: m.Ref, *, packed: bool) -> m.Command:
        if not self.data:
            return m.Malformed(ref, "bad request: nothing to publish: `data` is missing")
        data = fit_packed(self.data) if packed else fit_json(self.data)
        return m.Publish(ref, self.channel, data, self.key, self.ephemeral)


class _History(_Wanted):
    limit: _Count | None = None
    since: _Place | None = None
    before: _Place | None = None
    reverse: bool = False
    from_time: _Count | None = None

    def command(self, ref: m.Ref, *, packed: bool) -> m.Command:
        since = self.since.meant() if self.since is not None else None
        before = self.before.meant() if self.before is not None else None
        return m.History(ref, self.channel, since, self.limit, self.reverse, before, self.from_time)


class _Presence(_Wanted):
    brief: bool = False

    def command(self, ref: m.Ref, *, packed: bool) -> m.Command:
        return m.Presence(ref, self.channel, self.brief)


_KINDS: dict[str, type[_Wanted]] = {
    "subscribe": _Subscribe,
    "unsubscribe": _Unsubscribe,
    "publish": _Publish,
    "history": _History,
    "presence": _Presence,
}


def meant(call: m.Call) -> m.Command:
    """Give the command that an event of our own is; any other, and one of a name that is not known, is a call."""
    kind = _KINDS.get(call.name.removeprefix(OWN)) if call.name.startswith(OWN) else None
    if kind is None:
        return call
    if call.positional or call.data is None:
        return m.Malformed(call.ref, f"bad request: {call.name} takes one object")
    packed = isinstance(call.data, Packed)
    try:
        read = msgspec.msgpack.decode if packed else msgspec.json.decode
        return read(call.data, type=kind).command(call.ref, packed=packed)
    except (msgspec.ValidationError, Unfit) as fault:
        reason = str(fault)
        return m.Malformed(call.ref, reason if isinstance(fault, Unfit) else f"bad request: {reason}")


def answered(event: m.Event) -> dict[str, Any] | None:
    """Give the object that answers such a command; None for other events."""
    said = _said(event)
    return None if said is None else {name: value for name, value in said.items() if value is not None}


def _said(event: m.Event) -> dict[str, Any] | None:
    match event:
        case m.Subscribed(_, channel, position):
            entries = _publications(event.entries) if event.entries is not None else None
            return {
                "channel": channel,
                **_place(position),
                "recovered": event.recovered,
                "publications": _publications(event.publications),
                "more": event.more,
                "members": _members(event.members) if event.members is not None else None,
                "entries": entries,
                "after": event.after,
            }
        case m.Unsubscribed(channel):
            return {"channel": channel}
        case m.Published(_, channel, position):
            return {"channel": channel, **_place(position)}
        case m.Page(_, channel, position, publications):
            kept = {"channel": channel, **_place(position), "publications": _publications(publications)}
            return {**kept, "more": event.more or None, "recovered": event.recovered or None, "after": event.after}
        case m.Roster(_, channel, members, sessions, users):
            return {"channel": channel, "members": _members(members), "sessions": sessions, "users": users}
        case _:
            return None


def _place(position: m.Position | None) -> dict[str, Any]:
    return {"epoch": position.epoch, "offset": position.offset} if position is not None else {}


def _members(members: Iterable[m.Member]) -> list[dict[str, Any]]:
    return [_member(each) for each in members]


def _member(member: m.Member) -> dict[str, Any]:
    said: dict[str, Any] = {"session": member.session, "user": member.user}
    if member.info is not None:
        said["info"] = member.info
    if member.tabs != 1:
        said["tabs"] = member.tabs
    if member.dialect != "native":
        said["dialect"] = member.dialect
    return said


def _publications(publications: Iterable[m.Publication]) -> list[dict[str, Any]]:
    return [_publication(each) for each in publications]


def _publication(publication: m.Publication) -> dict[str, Any]:
    """Say one of several; what is binary in it is base64 text here."""
    said = {
        "data": to_json(publication.data),
        "time": publication.time,
        "offset": publication.position.offset if publication.position is not None else None,
        "from": _member(publication.sender) if publication.sender is not None else None,
        "entry": publication.entry,
        "removed": publication.removed or None,
    }
    return {name: value for name, value in said.items() if value is not None}
