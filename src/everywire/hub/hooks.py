"""What an application gives the hub: kinds of channels, a connect hook, handlers of calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from everywire.hub.access.identity import Identity
from everywire.hub.calling.callers import Caller
from everywire.hub.calling.handlers import Handler
from everywire.hub.calling.resolving import Resolver
from everywire.hub.channels.changes import ChangeHook, ChangeKind
from everywire.hub.kinds import Kinds
from everywire.messages import Call, Calling, Command, Member, Publication, Raw

if TYPE_CHECKING:
    from everywire.hub.channels.channel import Channel
    from everywire.hub.session import Session

__all__ = [
    "ConnectHook",
    "ConnectedHook",
    "Connecting",
    "DisconnectedHook",
    "Hooks",
    "MissedHook",
    "Tracer",
    "Watcher",
    "Wording",
]


@dataclass(frozen=True, slots=True)
class Connecting:
    """Who wants to connect: the `token` shown, the HTTP `request` that opened the transport.

    `info` is what the client tells about itself, as JSON text, unverified; `auth` all that it shows, where its language has such a thing.
    `session` is what it will be called if it is let in, and continues no earlier one; `space` which of a client's sessions it is. `time` is
    now, in seconds since 1970; `address` where the client is, if that is known. `member` is whose session a newer token is shown for, None
    where there is no session yet.
    """

    token: str | None = field(repr=False)
    request: Any
    info: Raw | None
    time: float = 0.0
    address: str | None = None
    member: Member | None = None
    auth: Raw | None = field(default=None, repr=False)
    space: str = ""
    session: str = ""


Said: TypeAlias = str | Identity | None
ConnectHook: TypeAlias = Callable[[Connecting], Said | Awaitable[Said]]
"""Gives the user's name, None for an anonymous one, or an `Identity`; raises `Refused` to turn the client away."""


ConnectedHook: TypeAlias = Callable[[Caller, Connecting], object]
"""Learns of a session that has begun, sync or async: who it is, and what it connected with."""

DisconnectedHook: TypeAlias = Callable[[Caller], object]
"""Learns of a session that is over, sync or async."""

Wording: TypeAlias = Callable[[Exception], Exception]
"""Gives what is told in place of an exception that the application raised: a `Refused`, or the exception itself where it knows none."""

MissedHook: TypeAlias = Callable[[Connecting], object]
"""Learns, sync or async, of who was let in and did not become a session: its client had gone meanwhile, or went on with an earlier one."""


class Tracer(Protocol):
    """Follows what is done on behalf of one command."""

    def span(self, command: Command) -> AbstractContextManager[object]:
        """Give what is entered before `command` is carried out, and left afterwards, with its error if there is one."""


class Watcher(Protocol):
    """Sees what becomes of this node's sessions: the hub has one while somebody looks, and otherwise asks no more than whether it has."""

    def came(self, session: Session) -> None:
        """See a session that has begun, or goes on over another connection; its client was told so."""

    def over(self, session: Session) -> None:
        """See a session that is about to end, with all that it still has; it may be over already."""

    def moved(self, session: Session) -> None:
        """See a session that another transport carries from now on."""

    def entered(self, session: Session, channel: str) -> None:
        """See a subscription that has begun."""

    def left(self, session: Session, channel: str) -> None:
        """See a subscription that is over, of a session that goes on."""

    def heard(self, session: Session, call: Call) -> None:
        """See what a client calls."""

    def told(self, session: Session, calling: Calling) -> None:
        """See what a client is called with."""

    def published(self, channel: Channel, publication: Publication) -> None:
        """See what all who listen are told."""


@dataclass(slots=True)
class Hooks:
    """Everything of the application that the hub consults.

    `spaces` has those of sessions that are none of the application's, by their space: what lets them in, learns of them, answers them. Nothing
    continues such a session. `guard` is asked of all others before the connect hook is, and raises `Refused`.
    `parts` has what some of the application's own sessions have for themselves, by their space: what lets them in, which asks the application's hook by
    itself, and what answers them; they are learnt of by the application's hooks first, then by theirs.
    """

    kinds: Kinds = field(default_factory=Kinds)
    handlers: dict[str, Handler] = field(default_factory=dict)
    connect: ConnectHook | None = None
    connected: ConnectedHook | None = None
    disconnected: DisconnectedHook | None = None
    missed: MissedHook | None = None
    other: Handler | None = None  # answers calls of names that are not in `handlers`
    changes: dict[tuple[ChangeKind, str], ChangeHook] = field(default_factory=dict)  # by what happens and the pattern
    secrets: tuple[
        str, ...
    ] = ()  # the first signs what continues sessions, all of them check it; none: another with each start
    personal: str | None = None  # the pattern of users' own channels
    spaces: dict[str, Hooks] = field(default_factory=dict)
    parts: dict[str, Hooks] = field(default_factory=dict)
    guard: Callable[[Connecting], None] | None = None
    resolver: Resolver | None = None  # of parameters that another framework gives
    wording: Wording | None = None  # of what another framework has its exceptions for
    lowered: dict[str, str] = field(default_factory=dict)  # names in `handlers` as they were looked for without case

    def of(self, space: str) -> Hooks:
        """Give those of a session's space."""
        if not (self.spaces or self.parts):
            return self
        return self.spaces.get(space) or self.parts.get(space, self)

    def learning(self, space: str) -> tuple[Hooks, ...]:
        """Give all that learn of a session of that space, in their order."""
        own = self.of(space)
        return (own,) if own is self or space in self.spaces else (self, own)

    def handler(self, call: Call) -> Handler | None:
        """Give what answers a call; where its language knows no case of names, one of a name that differs in nothing else will do."""
        found = self.handlers.get(call.name)
        if found is None and call.awaits is not None:
            found = self._without_case(call.name.lower())
        return self.other if found is None else found

    def _without_case(self, name: str) -> Handler | None:
        """Find what is looked for with each such call only once: all names are looked at where nothing is known of this one yet."""
        known = self.handlers.get(self.lowered.get(name, ""))
        if known is None and (spelled := next((each for each in self.handlers if each.lower() == name), None)):
            self.lowered[name] = spelled
            known = self.handlers[spelled]
        return known
