"""Who holds a place in which channel, and until when."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from everywire.brokers.base import Seat
from everywire.brokers.memory.expiries import Later, Timer
from everywire.brokers.memory.occurrences import Occurrences
from everywire.messages import Joined, Left, Member

__all__ = ["Places"]


@dataclass(slots=True, eq=False)
class _Someone:
    """A member of a channel: a session or, with several places, a user. `leaving` is when its grace ends, 0 outside of it."""

    channel: str
    key: str
    member: Member
    seat: Seat
    places: int = 0
    leaving: float = 0.0


@dataclass(slots=True, eq=False)
class _Holder:
    name: str
    term: str
    deadline: float
    places: dict[_Place, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Place:
    someone: _Someone
    session: str
    holder: _Holder


@dataclass(slots=True, eq=False)
class _Channel:
    """Invariants: each of `members` has places here, or is leaving; `told` counts those whose coming was an occurrence."""

    members: dict[str, _Someone] = field(default_factory=dict)
    places: dict[str, _Place] = field(default_factory=dict)
    told: int = 0


class Places:
    """The places of all channels; `tell` is told who joined and who left.

    Places and claims of occurrences last as long as the lease of their holder. What is over is noticed when it is, where there is
    `later`; otherwise by whatever is asked next. In either case things end in the order of their times.

    Invariants: a place stands in its channel and with its holder, exactly once; a channel without members is forgotten; nothing ends
    before the time in `_next`, and a timer is armed for that, where there is `later`.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        new_term: Callable[[], str],
        tell: Callable[[Joined | Left], None],
        occurrences: Occurrences,
        later: Later | None = None,
    ) -> None:
        self._clock = clock
        self._new_term = new_term
        self._tell = tell
        self._occurrences = occurrences
        self._later = later
        self._channels: dict[str, _Channel] = {}
        self._holders: dict[str, _Holder] = {}
        self._leaving: list[tuple[float, int, _Someone]] = []  # a heap; who returned meanwhile is passed over
        self._partings = 0
        self._next = math.inf
        self._timer: Timer | None = None

    def enter(self, channel: str, seat: Seat, lease: float) -> str:
        """Hold a place, or renew what it tells of the member; gives the term of the holder's lease."""
        self.settle()
        holder = self._hold(seat.holder, lease)
        session, key = seat.member.session, _key(seat)
        there = self._channels.get(channel)
        place = there.places.get(session) if there is not None else None
        if place is not None and place.someone.key == key:
            del place.holder.places[place]
            place.holder = holder
            _renew(place.someone, seat)
        else:
            place = _Place(self._join(channel, key, seat), session, holder)
            place.someone.places += 1
            former = self._channels[channel].places.get(session)
            self._channels[channel].places[session] = place
            if former is not None:  # it was counted as somebody else
                self._part(former, self._clock())
        holder.places[place] = None
        self._plan()
        return holder.term

    def exit(self, channel: str, session: str, holder: str) -> None:
        """Give a place up, if it is `holder`'s."""
        self.settle()
        there = self._channels.get(channel)
        place = there.places.get(session) if there is not None else None
        if there is not None and place is not None and place.holder.name == holder:
            del there.places[session]
            self._part(place, self._clock())
            self._plan()

    def renew(self, holder: str, lease: float) -> str:
        """Hold all that is `holder`'s for longer; gives the term of its lease."""
        self.settle()
        term = self._hold(holder, lease).term
        self._plan()
        return term

    def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        self.settle()
        there = self._channels.get(channel)
        return tuple(_shown(someone) for someone in there.members.values()) if there is not None else ()

    def count(self, channel: str) -> tuple[int, int]:
        """Give how many sessions are there, and how many users."""
        self.settle()
        there = self._channels.get(channel)
        if there is None:
            return 0, 0
        sessions = sum(max(1, someone.places) for someone in there.members.values())
        return sessions, len({each.member.user for each in there.members.values() if each.member.user is not None})

    def clear(self) -> None:
        """Forget everybody, and tell nobody."""
        self._channels.clear()
        self._holders.clear()
        self._leaving.clear()
        self._plan()

    def settle(self) -> None:
        """End what is over."""
        now = self._clock()
        if now < self._next:
            return
        while True:
            holder = min(self._holders.values(), key=_deadline, default=None)
            ends = holder.deadline if holder is not None else math.inf
            parts = self._leaving[0][0] if self._leaving else math.inf
            if min(ends, parts) > now:
                break
            if holder is not None and ends <= parts:
                self._end(holder)
            else:
                self._leave_late()
        self._plan()

    def _hold(self, name: str, lease: float) -> _Holder:
        """Start or prolong a holder's lease."""
        deadline = self._clock() + lease
        holder = self._holders.get(name)
        if holder is None:
            holder = self._holders[name] = _Holder(name, self._new_term(), deadline)
        holder.deadline = max(holder.deadline, deadline)
        return holder

    def _end(self, holder: _Holder) -> None:
        """End a lease, and all that is held by it, at its deadline however late that is noticed."""
        del self._holders[holder.name]
        for place in [*holder.places]:
            del self._channels[place.someone.channel].places[place.session]
            self._part(place, holder.deadline)
        self._occurrences.release(holder.name)

    def _join(self, channel: str, key: str, seat: Seat) -> _Someone:
        """Give the member that the seat is one of, as it comes if it is not there."""
        there = self._channels.get(channel)
        if there is None:
            there = self._channels[channel] = _Channel()
        if (someone := there.members.get(key)) is not None:
            someone.leaving = 0.0
            _renew(someone, seat)
            return someone
        member = replace(seat.member, tabs=1)
        someone = there.members[key] = _Someone(channel, key, member, seat)
        self._tell(Joined(channel, member))
        if seat.told:
            there.told += 1
            if there.told == 1:
                self._occurrences.add(channel, "occupied", None)
            self._occurrences.add(channel, "join", member)
        return someone

    def _part(self, place: _Place, when: float) -> None:
        """Part a place, which its channel has no more, from its holder and its member."""
        del place.holder.places[place]
        someone = place.someone
        someone.places -= 1
        if someone.places:
            return
        if someone.seat.grace <= 0:
            self._leave(someone)
            return
        someone.leaving = when + someone.seat.grace
        self._partings += 1
        heapq.heappush(self._leaving, (someone.leaving, self._partings, someone))

    def _leave_late(self) -> None:
        when, _, someone = heapq.heappop(self._leaving)
        if someone.leaving == when:  # and did not return, nor return and part again
            self._leave(someone)

    def _leave(self, someone: _Someone) -> None:
        channel, there = someone.channel, self._channels[someone.channel]
        someone.leaving = 0.0
        del there.members[someone.key]
        if not there.members:
            del self._channels[channel]
        self._tell(Left(channel, someone.member))
        if someone.seat.told:
            there.told -= 1
            self._occurrences.add(channel, "leave", someone.member)
            if there.told == 0:
                self._occurrences.add(channel, "vacated", None)

    def _plan(self) -> None:
        """Note when something ends next, and have a timer for that."""
        ends = min((holder.deadline for holder in self._holders.values()), default=math.inf)
        following = min(ends, self._leaving[0][0]) if self._leaving else ends
        if self._timer is not None and (following < self._next or following == math.inf):
            self._timer.cancel()
            self._timer = None
        self._next = following
        if self._later is not None and self._timer is None and following < math.inf:
            self._timer = self._later(max(0.0, following - self._clock()), self._fire)

    def _fire(self) -> None:
        self._timer = None
        self.settle()
        self._plan()


def _key(seat: Seat) -> str:
    """Give what a member is told apart by: the user or the session, and no user's name is a session's id."""
    member = seat.member
    return f"\n{member.user}" if seat.users and member.user is not None else member.session


def _renew(someone: _Someone, seat: Seat) -> None:
    """Take over what a member's newer seat says; whether its leaving will be told was decided when it came."""
    if not seat.users or seat.member.user is None:
        someone.member = seat.member
    if seat.told != someone.seat.told or seat.grace != someone.seat.grace:
        someone.seat = Seat(seat.member, seat.holder, seat.users, seat.grace, someone.seat.told)


def _shown(someone: _Someone) -> Member:
    return someone.member if someone.places <= 1 else replace(someone.member, tabs=someone.places)


def _deadline(holder: _Holder) -> float:
    return holder.deadline
