"""Who holds a place in which channel, and until when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from everywire.brokers.base import Seat
from everywire.messages import Joined, Left, Member

__all__ = ["Places"]


@dataclass(slots=True)
class _Place:
    seat: Seat
    deadline: float


class Places:
    """The places of all channels; `tell` is told who joined and who left.

    Invariants: no place in a channel ends before the time in `_earliest`.
    """

    def __init__(self, clock: Callable[[], float], tell: Callable[[Joined | Left], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._places: dict[str, dict[str, _Place]] = {}
        self._earliest: dict[str, float] = {}

    def enter(self, channel: str, seat: Seat, lease: float) -> None:
        """Hold a place, or renew it and what it tells of the member."""
        self._expire(channel)
        places = self._places.setdefault(channel, {})
        known = seat.member.session in places
        deadline = self._clock() + lease
        places[seat.member.session] = _Place(seat, deadline)
        self._earliest[channel] = min(deadline, self._earliest.get(channel, deadline))
        if not known:
            self._tell(Joined(channel, seat.member))

    def exit(self, channel: str, session: str, holder: str) -> None:
        """Give a place up, if it is `holder`'s."""
        self._expire(channel)
        place = self._places.get(channel, {}).get(session)
        if place is not None and place.seat.holder == holder:
            self._vacate(channel, [session])

    def renew(self, holder: str, places: Sequence[tuple[str, str]], lease: float) -> tuple[tuple[str, str], ...]:
        """Hold places for longer; gives those that are lost."""
        for channel in {channel for channel, _ in places}:
            self._expire(channel)
        deadline = self._clock() + lease
        lost = []
        for channel, session in places:
            place = self._places.get(channel, {}).get(session)
            if place is None or place.seat.holder != holder:
                lost.append((channel, session))
                continue
            place.deadline = deadline
            self._earliest[channel] = min(deadline, self._earliest[channel])
        return tuple(lost)

    def members(self, channel: str) -> tuple[Member, ...]:
        """Give who is there."""
        self._expire(channel)
        return tuple(place.seat.member for place in self._places.get(channel, {}).values())

    def clear(self) -> None:
        """Forget everybody, and tell nobody."""
        self._places.clear()
        self._earliest.clear()

    def _expire(self, channel: str) -> None:
        """End what is over; looks at the places only when one of them may be, not at each join."""
        now = self._clock()
        if now < self._earliest.get(channel, now + 1):
            return
        places = self._places[channel]
        self._vacate(channel, [name for name, place in places.items() if place.deadline <= now])
        if places:
            self._earliest[channel] = min(place.deadline for place in places.values())

    def _vacate(self, channel: str, sessions: Iterable[str]) -> None:
        places = self._places.get(channel, {})
        for session in sessions:
            if session in places:
                place = places.pop(session)
                self._tell(Left(channel, place.seat.member))
        if not places:
            self._places.pop(channel, None)
            self._earliest.pop(channel, None)
