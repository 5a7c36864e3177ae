"""Listeners of a channel who are not told everything: one policy, one codec, one timer.

What they are told is worked out once for all who are at the same place, and what waits is kept once: a slow reader costs
a number, and the group at most what its policy keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from everywire.hub.world import Timer, World
from everywire.messages import Event, Passed, Policy, Position, Publication
from everywire.payloads import Carrier, Codec

if TYPE_CHECKING:
    from everywire.hub.channels.channel import Channel
    from everywire.hub.session import Session

__all__ = ["Pace"]


class Pace:
    """A channel's listeners with one policy and one codec.

    Invariants: `_together` were told all that they are to be told up to the offset `_told`; those `_apart` up to an offset of their own:
    they came while something was waiting, or read slowly (then they are in `_slow`, too, until there is room for more). `_kept` holds,
    by rising offset, what may still have to be told to anybody; what was dropped from it and not passed over on purpose is at or
    before `_floor`. The timer runs for one interval after each turn.
    """

    __slots__ = (
        "_apart",
        "_dropped",
        "_ephemeral",
        "_floor",
        "_kept",
        "_lose",
        "_most",
        "_slow",
        "_timer",
        "_together",
        "_told",
        "_world",
        "codec",
        "end",
        "name",
        "policy",
    )

    def __init__(self, channel: Channel, policy: Policy, codec: Codec) -> None:
        assert channel.world is not None
        self._world: World = channel.world
        self._dropped = channel.metrics.dropped
        self.name: Final = channel.name
        self.policy: Final = policy
        self.codec: Final = codec
        self._most = policy.size if policy.kind == "drop_oldest" else channel.place.kind.retention.entries
        self._lose = channel.lose
        self.end: Position | None = None
        self._told = self._floor = 0
        self._kept: dict[Any, Publication] = {}
        self._ephemeral: dict[str | None, Publication] = {}
        self._together: dict[Carrier, dict[Session, Any]] = {}
        self._apart: dict[Session, int] = {}
        self._slow: set[Session] = set()
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return sum(len(live) for live in self._together.values()) + len(self._apart)

    # Who is in it.

    def join(self, session: Session, end: Position) -> None:
        """Take in a session that was told everything up to `end`, the end of the channel."""
        if not len(self):
            self.end, self._told, self._floor = end, end.offset, end.offset
        self._apart[session] = end.offset
        self._gather()

    def leave(self, session: Session) -> None:
        """Let a session go."""
        self._slow.discard(session)
        if self._apart.pop(session, None) is None:
            for carrier, live in [*self._together.items()]:
                live.pop(session, None)
                if not live:
                    del self._together[carrier]
        if not len(self) and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def bring(self, session: Session) -> None:
        """Tell a session what it is still to be told, whatever its policy says about when."""
        self._speak(session, self._apart.get(session, self._told))

    # What it is told.

    def say(self, event: Event) -> None:
        """Tell everybody `event` at once."""
        self._send(self._together, [event])
        for session in self._apart:
            _tell(session, event)

    def take(self, publication: Publication) -> None:
        """Take a publication of the channel, to tell it when its time has come."""
        if publication.position is None:
            key = publication.entry if self.policy.kind == "latest" else None
            self._drop(len(self) if key in self._ephemeral else 0)
            self._ephemeral[key] = publication
        else:
            self.end = publication.position
            self._keep(publication, publication.position.offset)
        if self._timer is None:
            self._turn()

    def _keep(self, publication: Publication, offset: int) -> None:
        key = {"latest": publication.entry, "sample": None}.get(self.policy.kind, offset)
        self._kept.pop(key, None)
        self._kept[key] = publication
        if len(self._kept) > self._most:
            oldest = self._kept.pop(next(iter(self._kept)))
            if self.policy.kind == "latest" and oldest.position is not None:
                self._floor = oldest.position.offset

    def _turn(self) -> None:
        """Tell everybody who can take it what has come, and say nothing more for an interval."""
        self._timer = None
        if self.end is None or not (self.end.offset > self._told or self._ephemeral or self._behind()):
            return
        self._part()
        told, self._told = self._told, self.end.offset
        lasting = [*self._due(told)]
        due, self._ephemeral = [*lasting, *self._ephemeral.values()], {}
        if told < self._floor or any(each.audience is not None for each in due):
            for session in [session for live in self._together.values() for session in live]:
                self._speak(session, told, due)
        else:
            self._drop((self.end.offset - told - len(lasting)) * sum(len(live) for live in self._together.values()))
            self._send(self._together, self._words(told, due))
        for session, before in self._behind():
            self._catch_up(session, before)
        self._gather()
        if self.policy.interval and len(self):
            self._timer = self._world.later(self.policy.interval, self._turn)

    def _behind(self) -> list[tuple[Session, int]]:
        """Give those who have room again and were told less than there is, with how far they were told."""
        end = self.end.offset if self.end is not None else 0
        return [(session, told) for session, told in self._apart.items() if told < end and session not in self._slow]

    def _due(self, told: int) -> Iterator[Publication]:
        for publication in self._kept.values():
            if publication.position is not None and publication.position.offset > told:
                yield publication

    def _words(self, told: int, due: Iterable[Publication]) -> Iterator[Event]:
        """Give the events that bring a listener who was told everything up to `told` to the end of the channel."""
        assert self.end is not None
        epoch = self.end.epoch
        for publication in due:
            if publication.position is not None:
                offset = publication.position.offset
                if left_out := offset - told - 1:
                    yield Passed(self.name, Position(epoch, offset - 1), left_out)
                told = offset
            elif left_out := self.end.offset - told:
                yield Passed(self.name, self.end, left_out)
                told = self.end.offset
            yield publication
        if left_out := self.end.offset - told:
            yield Passed(self.name, self.end, left_out)

    def _send(self, groups: dict[Carrier, dict[Session, Any]], events: Iterable[Event]) -> None:
        if not groups:
            return
        for event in events:
            for payload in self.codec.encode(event):
                for carrier, live in [*groups.items()]:
                    carrier.send_many([*live.values()], payload)

    def _speak(self, session: Session, told: int, due: Iterable[Publication] | None = None) -> None:
        """Tell one session; or, where that cannot be done honestly any more, that it has to subscribe again."""
        if told < self._floor:
            self._lose(session)
            return
        there = [*(self._due(told) if due is None else due)]
        if self.end is not None:
            self._drop(self.end.offset - told - sum(each.position is not None for each in there))
        meant = [each for each in there if session.hears(each)]
        for event in self._words(told, meant):
            _tell(session, event)

    def _drop(self, count: int) -> None:
        """Count publications that listeners are not told, because of their policy."""
        if count > 0:
            self._dropped[self.policy.kind] = self._dropped.get(self.policy.kind, 0) + count

    # Slow readers.

    def _part(self) -> None:
        """Set those apart for whom there is no room."""
        for carrier, live in [*self._together.items()]:
            for session in [session for session in live if _crowded(session)]:
                del live[session]
                self._apart[session] = self._told
                self._wait(session)
            if not live:
                del self._together[carrier]

    def _wait(self, session: Session) -> None:
        if session not in self._slow:
            self._slow.add(session)
            self._world.start(self._roomy(session))

    async def _roomy(self, session: Session) -> None:
        """Wait until there is room for more; outside of an interval, tell it at once what waits."""
        attachment = session.attachment
        assert attachment is not None
        await attachment.transport.drain()
        if session.attachment is not attachment or session not in self._apart or attachment.transport.crowded:
            return  # one that is closing has no room, and waits for none
        self._slow.discard(session)
        if self._timer is None:
            self._turn()

    def _catch_up(self, session: Session, told: int) -> None:
        if _crowded(session):
            self._wait(session)
            return
        assert self.end is not None
        self._apart[session] = self.end.offset
        self._speak(session, told)

    def _gather(self) -> None:
        """Bring together those who are at the same place; where everybody is at the end, nothing needs to be kept."""
        for session, told in [*self._apart.items()]:
            if told == self._told and session not in self._slow and session.attachment is not None:
                del self._apart[session]
                transport = session.attachment.transport
                self._together.setdefault(transport.carrier, {})[session] = transport.wire
        if not self._apart and self.end is not None and self._told == self.end.offset:
            self._kept.clear()
            self._floor = self._told


def _crowded(session: Session) -> bool:
    return session.attachment is not None and session.attachment.transport.crowded


def _tell(session: Session, event: Event) -> None:
    if session.attachment is not None:
        session.attachment.tell(event)
