"""Sessions of all nodes subscribed to channels, taken out of them, and sent away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from everywire.errors import Refused, sendable
from everywire.hub.access.tallies import Reached
from everywire.hub.crowds.choice import Choice
from everywire.hub.crowds.rounds import Rounds
from everywire.hub.session import Session

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["Ruler"]

_AT_ONCE: Final = 256  # sessions that are being subscribed at a time

_log = logging.getLogger("everywire.hub")


class _Order(msgspec.Struct, omit_defaults=True):
    number: int
    choice: Choice
    what: Literal["enter", "leave", "kick"]
    channels: tuple[str, ...] = ()
    code: int = 0
    reason: str = ""


class _Done(msgspec.Struct):
    sessions: int


class Ruler:
    """Tells all nodes what is to become of sessions, and does what others tell.

    Each node chooses the sessions when it is told, all in one turn of the loop, and answers when it has done with them.
    """

    def __init__(self, hub: Hub, rounds: Rounds) -> None:
        self._hub: Final = hub
        self._rounds: Final = rounds
        hub.notes.add("rule", _Order, self._told)

    async def enter(self, choice: Choice, channels: Iterable[str]) -> Reached:
        """Subscribe sessions to channels, in the server's name; a publication that comes after this returns reaches them.

        Gives how many are in all of them then, or will be once their clients, which are away, are back.
        Raises `Refused` for a name that no kind of channel has.
        """
        named = tuple(channels)
        for name in named:
            self._hub.place(name)
        return await self._rule(_Order(0, choice, "enter", named))

    async def leave(self, choice: Choice, channels: Iterable[str], reason: str = "") -> Reached:
        """End their subscriptions to channels, whoever began them; gives how many were in one of these."""
        return await self._rule(_Order(0, choice, "leave", tuple(channels), reason=reason))

    async def kick(self, choice: Choice, code: int, reason: str = "") -> Reached:
        """End sessions, closing with `code`; raises `ValueError` for one that cannot be sent."""
        if not sendable(code):
            raise ValueError(f"{code} is no close code that can be sent")
        return await self._rule(_Order(0, choice, "kick", code=code, reason=reason))

    async def _rule(self, order: _Order) -> Reached:
        hub, sessions = self._hub, 0

        def take(node: str, done: _Done) -> None:
            nonlocal sessions
            sessions += done.sessions

        async def tell(number: int) -> int:
            return await hub.notes.tell("rule", msgspec.structs.replace(order, number=number))

        heard = await self._rounds.hold(tell, _Done, take, hub.settings.round_deadline)
        return Reached(sessions, *heard)

    # For whoever asks.

    def _told(self, order: _Order, node: str) -> None:
        if order.what == "kick" and not sendable(order.code):
            raise ValueError(f"no close code: {order.code}")
        self._hub.world.start(self._carry_out(order, node, order.choice.of(self._hub)))

    async def _carry_out(self, order: _Order, node: str, sessions: list[Session]) -> None:
        with self._rounds.at_it(node, order.number):
            await self._rounds.say(node, order.number, _Done(await self._done(order, sessions)))

    async def _done(self, order: _Order, sessions: list[Session]) -> int:
        """Do it, and give how many sessions it concerned."""
        hub = self._hub
        match order.what:
            case "enter":
                return await self._enter(sessions, order.channels)
            case "leave":
                left = [[hub.enrolling.leave(each, name, order.reason) for name in order.channels] for each in sessions]
                return sum(map(any, left))
            case "kick":
                for session in sessions:
                    hub.revoking.expel(session, order.code, order.reason)
                return len(sessions)

    async def _enter(self, sessions: list[Session], channels: tuple[str, ...]) -> int:
        entered = 0
        for start in range(0, len(sessions), _AT_ONCE):
            some = sessions[start : start + _AT_ONCE]
            entered += sum(
                await asyncio.gather(*[self._hub.world.start(self._subscribe(each, channels)) for each in some])
            )
        return entered

    async def _subscribe(self, session: Session, channels: tuple[str, ...]) -> bool:
        """Say whether a session is in all of the channels now, or as soon as its client is back."""
        whole = True
        for name in channels:
            try:
                await self._hub.enrolling.enter(session, name)
            except Exception as failure:
                refused = isinstance(failure, Refused)
                _log.log(logging.INFO if refused else logging.ERROR, "not subscribed to %s: %s", ascii(name), failure)
                whole = False
        return whole and self._hub.sessions.get(session.id) is session
