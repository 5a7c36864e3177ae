"""What messages are made of: positions, members, policies, data."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal, TypeAlias, get_args

import msgspec
from msgspec import Raw

from everywire.bounds import NUMBER, TIME, check

__all__ = [
    "Audience",
    "Data",
    "EntryChange",
    "Heartbeat",
    "Member",
    "Packed",
    "Policy",
    "PolicyKind",
    "Position",
    "Raw",
    "Ref",
    "Secretive",
    "Value",
]

Ref: TypeAlias = int | str
"""What a client calls one of its commands by; the answer repeats it."""


class Packed(bytes):
    """A MessagePack document with something binary in it, which JSON cannot say: a JSON client is told the base64 text of that."""

    __slots__ = ()


Data: TypeAlias = Raw | Packed
"""Application data, checked once on its way in and forwarded as it came: `Raw` is JSON text."""


class Value(msgspec.Struct, frozen=True):
    """An immutable message, or a part of one."""


class Secretive(Value, frozen=True):
    """A value that holds what opens something: its `repr`, which may come into a log or a traceback, leaves that out."""

    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = ", ".join(f"{name}={'...' if value and name in _SECRET else repr(value)}" for name, value in fields)
        return f"{type(self).__name__}({shown})"


_SECRET = frozenset({"token", "resume", "auth"})


class Position(Value, frozen=True):
    """A place in a channel's log: the log's `epoch`, and the `offset` of a publication; 0 is before all."""

    epoch: str
    offset: int


class Member(Value, frozen=True):
    """Who a session is to others: its public id, the user, and what the client told about itself.

    Where a channel's presence counts users, a member is a user with `tabs` sessions, and `session` is the one that it joined with.
    `dialect` is what that one's client speaks.
    """

    session: str
    user: str | None = None
    info: Raw | None = None
    tabs: int = 1
    dialect: str = "native"


WhoAsks: TypeAlias = Literal["server", "both", "nobody"]


class Heartbeat(Value, frozen=True):
    """How a dead link is noticed: the server tells a beat every `every` seconds.

    - who_asks "server": an answer, or anything else, has to come within `patience` seconds.
    - "both": the client says something every `every` seconds, too, unasked; one that says nothing for `patience` seconds more is closed.
    - "nobody": nothing has to come; all that is noticed is the loss of the transport, and `patience` means nothing.

    Raises `ValueError` for who else might ask, and for times that are none.
    """

    every: float = 25.0
    patience: float = 10.0
    who_asks: WhoAsks = "server"

    def __post_init__(self) -> None:
        if self.who_asks not in get_args(WhoAsks):
            raise ValueError(f"a heartbeat: who_asks is one of {', '.join(get_args(WhoAsks))}, not {self.who_asks!r}")
        check(self, {"every": TIME, "patience": NUMBER}, "a heartbeat: ")

    def agree(self) -> None:
        """Raise `ValueError` where the server would ask again before it has given up waiting for the answer."""
        if self.who_asks == "server" and not 0 < self.patience < self.every:
            raise ValueError(
                f"a heartbeat's patience is between 0 and its interval: {self.patience:g} is not between 0 and {self.every:g}"
            )


PolicyKind: TypeAlias = Literal["reliable", "latest", "sample", "drop_oldest"]


class Policy(Value, frozen=True):
    """What becomes of publications that a subscriber cannot take at once, or does not want all of.

    - reliable: everything, in order; whose queue passes its bound is closed, comes back and recovers.
    - latest: the last one of each entry (of the channel, where it has no entries), every `interval` seconds at most.
    - sample: one publication per `interval` seconds, the latest then.
    - drop_oldest: everything while the client keeps up; of what waits, the latest `size`.

    Whatever is left out on purpose is counted to the client by `Passed`. Raises `ValueError` for another kind, and for what is negative.
    """

    kind: PolicyKind = "reliable"
    interval: float = 0.0
    size: int = 0

    def __post_init__(self) -> None:
        kinds = get_args(PolicyKind)
        if self.kind not in kinds:
            close = get_close_matches(str(self.kind), kinds, n=1)
            cure = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(kinds)}"
            raise ValueError(f"no policy {self.kind!r}; {cure}")
        if not (self.interval >= 0 and self.size >= 0):
            raise ValueError(
                f"interval (seconds) and size of a policy are not negative: {self.interval!r}, {self.size!r}"
            )


class Audience(Value, frozen=True):
    """Who is told a publication, of those who listen: all but the sessions in `exclude`; or only `session`, or only `user`.

    Whoever is subscribed to one of the channels in `outside` is not told either. The others are told `Passed`: for them, too, the log goes on.
    """

    exclude: tuple[str, ...] = ()
    session: str | None = None
    user: str | None = None
    outside: tuple[str, ...] = ()

    def has(self, session: str, user: str | None) -> bool:
        """Say whether `session`, which is `user`'s, is told, unless it is subscribed to a channel in `outside`."""
        if self.session is self.user is None:
            return session not in self.exclude
        if self.session is not None and session != self.session:
            return False
        if self.user is not None and user != self.user:
            return False
        return session not in self.exclude


class EntryChange(Value, frozen=True):
    """What a publication does to the entry `name` of a keyed channel: sets it, or with `remove` deletes it.

    `expect` is compare-and-set: the offset of the publication that set the entry last, 0 for "there is none". After `ttl` seconds the
    entry is gone by itself.
    """

    name: str
    expect: int | None = None
    ttl: float | None = None
    remove: bool = False
