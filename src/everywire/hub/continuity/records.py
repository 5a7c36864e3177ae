"""What the broker keeps of sessions, so that any node can go on with them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from everywire.brokers.base import Broker
from everywire.hub.access.identity import Identity
from everywire.hub.channels.channel import State
from everywire.hub.channels.ordering import Aside, Begun
from everywire.hub.deadlines import Deadlines
from everywire.hub.world import Timer, World, pause

if TYPE_CHECKING:
    from everywire.hub.session import Session

__all__ = ["Record", "Records", "Taken"]

_DELAY = 0.05  # seconds in which changes of one session are written once
_ACKNOWLEDGED = 1.0  # seconds in which what a client acknowledges is written once
_QUIET = 0.1  # seconds after which what a client was told by itself is over
_TELLING = 1.0  # seconds that are allowed to it while it is being told what it missed, and has no channel to show
_AGAIN = 1.0  # seconds after which it is tried again where the broker could not be asked
_TRIES = 10  # to write down a session whose linger is over; that is five minutes
_LATEST = 60.0  # seconds between two of them
_AT_ONCE = 250  # records written in such a time

_log = logging.getLogger("everywire.hub")


class Record(msgspec.Struct, array_like=True, frozen=True):
    """One session: the `node` that has it, who it is for, its `info` as JSON text, and where it is subscribed.

    `begun` says where in the order of all publications each of `channels` began, of a client that remembers one order for all; None for others.
    `aside` is what it was told beside these, `acknowledged` up to where it has everything, of one that acknowledges what it has.
    `known`: its client has shown that it knows it.
    `enrolled` are the channels that the server subscribed it to. `over`: it is a session no more, its linger ended; but its
    secret still brings it back. `since` is when the node had it begin or go on.
    """

    node: str
    identity: Identity
    info: bytes | None = None
    channels: tuple[str, ...] = ()
    enrolled: tuple[str, ...] = ()
    over: bool = False
    since: int = 0
    space: str = ""
    begun: tuple[Begun | None, ...] | None = None
    aside: Aside | None = None
    acknowledged: str | None = None
    known: bool = True


class Taken(msgspec.Struct, array_like=True, frozen=True, order=True):
    """Who went on with a session last: which `node`, and since when."""

    since: int
    node: str


_read_taken = msgspec.msgpack.Decoder(Taken).decode
_read = msgspec.msgpack.Decoder(Record).decode
_write = msgspec.msgpack.Encoder().encode


class Records:
    """Writes the records of this node's sessions, and reads those of others.

    A record outlives its session's last sign of life by `life` seconds, and by a quarter more where its node died: it is written
    again that often. A hub that has its broker for itself keeps what it knows in one place: it writes a record when it forgets the session.

    Invariants: a timer runs while there is a session in `_changed`; `_telling` holds the sessions whose clients were just told something by
    themselves: their records say that there may be more of it. `_acknowledged` holds those whose clients have more than their records say;
    `_over_yet` the last records of sessions that are over, until they are written.
    """

    def __init__(self, world: World, broker: Broker, node: str, life: float, sessions: Mapping[str, Session]) -> None:
        self._world: Final = world
        self._broker: Final = broker
        self._node: Final = node
        self._life: Final = life
        self.longest: Final = life * 1.25  # seconds that a record outlives its session's node
        self._sessions: Final = sessions
        self._changed: dict[str, float] = {}
        self._over_yet: dict[str, Record] = {}
        self._writing: Timer | None = None
        self._refreshing: Timer | None = None
        self._telling: Final[Deadlines[Session]] = Deadlines(world, _QUIET, self.changed)
        self._acknowledged: Final[Deadlines[Session]] = Deadlines(world, _ACKNOWLEDGED, self.changed)
        self._closed = False

    def acknowledged(self, session: Session) -> None:
        """Have other nodes know soon what a session's client has acknowledged; those who do not know it yet tell it some of that again."""
        if not (self._broker.alone or self._closed or session in self._acknowledged):
            self._acknowledged.add(session)

    def telling(self, session: Session) -> None:
        """Have other nodes know that a session's client is told something by itself; and, when that is over, how much it was."""
        if self._broker.alone or self._closed:
            return
        known = session in self._telling
        self._telling.add(session)
        if not known:
            self.changed(session)

    def changed(self, session: Session) -> None:
        """Have the session's record written soon."""
        self._over_yet.pop(session.id, None)
        if self._broker.alone or self._closed or self._sessions.get(session.id) is not session:
            return
        if session.ordered:
            # Its client asks for no channel again. What it comes to know now, another node that it comes to has to know.
            self._changed.pop(session.id, None)
            self._world.start(self._put(session.id, self._record(session)))
            return
        self._note(session)

    async def written(self, session: Session, begins: Mapping[str, Begun | None] | None = None) -> None:
        """Write the session's record now, for other nodes to go by; raises what the broker raises.

        `begins` says of channels whose subscriptions are held where these begin.
        """
        if self._broker.alone:
            return
        record = self._record(session)
        there = {**dict(zip(record.channels, record.begun or (), strict=False)), **(begins or {})}
        record = msgspec.structs.replace(record, begun=tuple(there[name] for name in record.channels))
        await self._broker.put(_name(session.id), _write(record), self.longest)

    def _note(self, session: Session) -> None:
        self._changed.setdefault(session.id, self._world.now())
        if self._writing is None:
            self._writing = self._world.later(_DELAY, self._write_some)
        if self._refreshing is None:
            self._refreshing = self._world.later(self._life / 4, self._refresh)

    def over(self, session: Session) -> None:
        """Keep what brings back a session whose linger is over."""
        self.forget(session)
        record = self._over_yet[session.id] = self._record(session, over=True)
        self._world.start(self._over(session.id, record))

    def drop(self, session: Session) -> None:
        """Forget a session for good."""
        self.forget(session)
        self._world.start(self._drop(session.id))

    def forget(self, session: Session) -> None:
        """Write nothing more of a session by itself; its record stays as it is, for another node."""
        self._changed.pop(session.id, None)
        self._over_yet.pop(session.id, None)
        self._telling.discard(session)
        self._acknowledged.discard(session)

    async def find(self, session: str) -> Record | None:
        """Give the record of a session; None where there is none, or nobody understands it."""
        data = await self._broker.get(_name(session))
        if data is None:
            return None
        try:
            return _read(data)
        except msgspec.DecodeError:
            _log.warning("the record of a session cannot be read")
            return None

    async def take(self, session: str, taken: Taken) -> Taken | None:
        """Write down that this node goes on with a session; gives who did so later, where somebody did, and writes nothing then."""
        later = await self.taken(session)
        if later is not None and later > taken:
            return later
        await self._broker.put(_taken(session), _write(taken), self._life * 1.25)
        return None

    async def taken(self, session: str) -> Taken | None:
        """Give who went on with a session last; None where it never went on, or nobody understands what is written.

        Its record does not say so: what a node wrote of a session that it had may arrive after what the next one wrote.
        """
        data = await self._broker.get(_taken(session))
        try:
            return _read_taken(data) if data is not None else None
        except msgspec.DecodeError:
            return None

    def close(self) -> None:
        """Write nothing any more by itself."""
        for session in (*self._telling, *self._acknowledged):
            self._changed.setdefault(session.id, self._world.now())
        self._telling.close()
        self._acknowledged.close()
        for timer in (self._writing, self._refreshing):
            if timer is not None:
                timer.cancel()
        self._writing = self._refreshing = None
        self._closed = True

    async def flush(self) -> None:
        """Write what has changed."""
        while self._changed:
            for written in self._write(math.inf):
                await written

    def _write_some(self) -> None:
        self._writing = None
        self._write(self._world.now() - _TELLING)
        if self._changed and self._writing is None:
            self._writing = self._world.later(_DELAY, self._write_some)

    def _write(self, before: float) -> list[asyncio.Future[None]]:
        """Write some of what has changed; sessions that are being told what they missed only if they changed `before` that.

        Their subscribing is another change: after a node's end that would be two records of very many sessions.
        """
        writing: list[asyncio.Future[None]] = []
        for name, since in [*self._changed.items()]:
            session = self._sessions.get(name)
            if session is not None and since > before and _being_told(session):
                continue
            del self._changed[name]
            if session is not None:
                writing.append(self._world.start(self._put(name, self._record(session))))
            if len(writing) >= _AT_ONCE:
                break
        return writing

    def _refresh(self) -> None:
        self._refreshing = None
        for session in self._sessions.values():
            self._note(session)

    def _record(self, session: Session, *, over: bool = False) -> Record:
        # One that is still being told what it missed is not in its channel yet; unless its client asks for it nowhere again.
        there = {
            name: each.begun
            for name, each in session.subscriptions.items()
            if each.state is not State.HELD or session.ordered
        }
        aside, info = session.aside, session.member.info
        if aside is not None and session in self._telling:
            aside = msgspec.structs.replace(aside, more=True)
        return Record(
            self._node,
            session.identity,
            bytes(info) if info is not None else None,
            tuple(there),
            tuple(session.enrolled),
            over,
            session.since,
            session.space,
            tuple(there.values()) if session.ordered else None,
            aside,
            session.acknowledged.told if session.acknowledged is not None else None,
            session.known,
        )

    async def _put(self, session: str, record: Record) -> None:
        try:
            await self._broker.put(_name(session), _write(record), self.longest)
        except Exception as failure:
            _log.error("the record of a session was not written: %s", failure)
            if not self._closed:
                self._changed.setdefault(session, self._world.now())
                self._writing = self._writing or self._world.later(_AGAIN, self._write_some)

    async def _over(self, session: str, record: Record) -> None:
        for attempt in range(_TRIES):
            try:
                found = await self.find(session)
                if self._over_yet.get(session) is not record:
                    return  # it is back, or over for good
                if (
                    found is None or found.node == self._node
                ):  # else it went on elsewhere, and nobody could tell this node
                    await self._broker.put(_name(session), _write(record), self._life)
                break
            except Exception as failure:
                _log.error("a session whose linger is over cannot be brought back yet: %s", failure)
            if self._closed:
                break
            await pause(self._world, min(_AGAIN * 2**attempt, _LATEST))
        if self._over_yet.get(session) is record:
            del self._over_yet[session]

    async def _drop(self, session: str) -> None:
        try:
            await self._broker.drop(_name(session))
        except Exception:
            _log.exception("the record of a session that ended was not dropped")


def _name(session: str) -> str:
    return f"session:{session}"


def _being_told(session: Session) -> bool:
    return any(each.state is State.HELD for each in session.subscriptions.values())


def _taken(session: str) -> str:
    return f"taken:{session}"
