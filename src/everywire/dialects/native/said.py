"""Commands as they are written on the native wire: one tagged structure each, with its meaning.

The structures are read from JSON text and from MessagePack alike; application data stays as it is written, and `fit` checks it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Raw

from everywire import messages as m
from everywire.fitness import fit_object
from everywire.messages import Data

__all__ = ["TYPES", "Fit", "Said"]

Fit: TypeAlias = Callable[[Raw], Data]
"""Checks application data as it is written; raises `Unfit`."""

_Id: TypeAlias = Annotated[int, Meta(ge=1, le=2**53 - 1)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Code: TypeAlias = Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)]
_Milliseconds: TypeAlias = Annotated[float, Meta(ge=0, le=2**53 - 1)]
_Key: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
_Exclude: TypeAlias = Annotated[list[Annotated[str, Meta(max_length=128)]], Meta(max_length=64)]
_NOTHING = Raw(b"")


class _Place(msgspec.Struct):
    epoch: str
    offset: _Count


class _Policy(msgspec.Struct):
    kind: m.PolicyKind
    interval: _Milliseconds = 0
    size: _Count = 0

    def meant(self) -> m.Policy:
        return m.Policy(self.kind, self.interval / 1000, self.size)


class _To(msgspec.Struct):
    session: Annotated[str, Meta(max_length=128)] | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None


class _Said(msgspec.Struct, tag_field="type"):
    """A command as it is written; `command()` gives its meaning."""

    def command(self, fit: Fit) -> m.Command:
        raise NotImplementedError


class _Connect(_Said, tag="connect"):
    id: _Id
    token: str | None = None
    info: Raw = _NOTHING
    resume: str | None = None

    def command(self, fit: Fit) -> m.Command:
        info = fit(self.info) if self.info else None
        no_info = info is None or info == Raw(b"null")
        return m.Connect(self.id, self.token, None if no_info or info is None else fit_object(info), self.resume)


class _Refresh(_Said, tag="refresh"):
    id: _Id
    token: str

    def command(self, fit: Fit) -> m.Command:
        return m.Refresh(self.id, self.token)


class _Subscribe(_Said, tag="subscribe"):
    id: _Id
    channel: str
    since: _Place | None = None
    rewind: _Count = 0
    rewind_from: _Count | None = None
    pages: Annotated[int, Meta(ge=1, le=2**53 - 1)] = 1
    policy: _Policy | None = None
    delta: bool = False
    after: _Count | None = None

    def command(self, fit: Fit) -> m.Command:
        since, policy = _position(self.since), self.policy.meant() if self.policy is not None else None
        wanted = (since, self.rewind, self.pages, self.rewind_from, policy, self.delta, self.after)
        return m.Subscribe(self.id, self.channel, *wanted)


class _Adjust(_Said, tag="policy"):
    id: _Id
    channel: str
    policy: _Policy

    def command(self, fit: Fit) -> m.Command:
        return m.Adjust(self.id, self.channel, self.policy.meant())


class _Unsubscribe(_Said, tag="unsubscribe"):
    id: _Id
    channel: str

    def command(self, fit: Fit) -> m.Command:
        return m.Unsubscribe(self.id, self.channel)


class _Publish(_Said, tag="publish"):
    id: _Id
    channel: str
    data: Raw = _NOTHING
    key: _Key | None = None
    ephemeral: bool = False
    entry: _Key | None = None
    expect: _Count | None = None
    ttl: _Milliseconds | None = None
    remove: bool = False
    exclude: _Exclude = []
    to: _To | None = None

    def command(self, fit: Fit) -> m.Command:
        if not self.data and not self.remove:
            return m.Malformed(self.id, "bad request: nothing to publish: `data` is missing")
        data = fit(self.data) if self.data else Raw(b"null")
        return m.Publish(self.id, self.channel, data, self.key, self.ephemeral, self._change(), self._audience())

    def _change(self) -> m.EntryChange | None:
        if self.entry is None:
            return None
        ttl = self.ttl / 1000 if self.ttl is not None else None
        return m.EntryChange(self.entry, self.expect, ttl, self.remove)

    def _audience(self) -> m.Audience | None:
        to = self.to or _To()
        if not self.exclude and to.session is None and to.user is None:
            return None
        return m.Audience(tuple(self.exclude), to.session, to.user)


class _History(_Said, tag="history"):
    id: _Id
    channel: str
    limit: _Count | None = None
    since: _Place | None = None
    before: _Place | None = None
    reverse: bool = False
    from_time: _Count | None = None

    def command(self, fit: Fit) -> m.Command:
        since, before = _position(self.since), _position(self.before)
        return m.History(self.id, self.channel, since, self.limit, self.reverse, before, self.from_time)


class _ReadEntries(_Said, tag="entries"):
    id: _Id
    channel: str
    since: _Place | None = None
    after: _Count | None = None

    def command(self, fit: Fit) -> m.Command:
        return m.ReadEntries(self.id, self.channel, _position(self.since), self.after)


class _Presence(_Said, tag="presence"):
    id: _Id
    channel: str
    brief: bool = False

    def command(self, fit: Fit) -> m.Command:
        return m.Presence(self.id, self.channel, self.brief)


class _Call(_Said, tag="call"):
    id: _Id
    name: str
    data: Raw = _NOTHING
    timeout: _Milliseconds | None = None
    credit: _Count = 0
    streaming: bool = False

    def command(self, fit: Fit) -> m.Command:
        data = fit(self.data) if self.data else None
        timeout = self.timeout / 1000 if self.timeout is not None else None
        return m.Call(self.id, self.name, data, timeout, self.credit, self.streaming)


class _Item(_Said, tag="item"):
    id: _Id
    data: Raw

    def command(self, fit: Fit) -> m.Command:
        return m.Item(self.id, fit(self.data))


class _End(_Said, tag="end"):
    id: _Id

    def command(self, fit: Fit) -> m.Command:
        return m.End(self.id)


class _Credit(_Said, tag="credit"):
    id: _Id
    count: _Count

    def command(self, fit: Fit) -> m.Command:
        return m.Credit(self.id, self.count)


class _Cancel(_Said, tag="cancel"):
    id: _Id

    def command(self, fit: Fit) -> m.Command:
        return m.Cancel(self.id)


class _Fault(msgspec.Struct):
    code: _Code
    reason: Annotated[str, Meta(max_length=1024)]


class _Answer(_Said, tag="answer"):
    call: _Id
    data: Raw = _NOTHING
    error: _Fault | None = None

    def command(self, fit: Fit) -> m.Command:
        if self.error is not None:
            return m.Decline(self.call, self.error.code, self.error.reason)
        return m.Answer(self.call, fit(self.data) if self.data else Raw(b"null"))


class _Ping(_Said, tag="ping"):
    id: _Id

    def command(self, fit: Fit) -> m.Command:
        return m.Ping(self.id)


class _Pong(_Said, tag="pong"):
    def command(self, fit: Fit) -> m.Command:
        return m.Pong()


class _Leave(_Said, tag="leave"):
    def command(self, fit: Fit) -> m.Command:
        return m.Leave()


Said: TypeAlias = (
    _Connect
    | _Refresh
    | _Subscribe
    | _Adjust
    | _Unsubscribe
    | _Publish
    | _History
    | _ReadEntries
    | _Presence
    | _Call
    | _Item
    | _End
    | _Credit
    | _Cancel
    | _Answer
    | _Ping
    | _Pong
    | _Leave
)
TYPES = frozenset(kind.__struct_config__.tag for kind in Said.__args__)


def _position(at: _Place | None) -> m.Position | None:
    return m.Position(at.epoch, at.offset) if at is not None else None
