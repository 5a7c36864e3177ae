"""What UIs have done with clients, on all nodes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from everywire import messages as m
from everywire.dialects.socketio import admin
from everywire.errors import Refused, SessionGone
from everywire.hub.calling.asking import say
from everywire.hub.codes import Close, Code
from everywire.ops.instrument.looking import namespace
from everywire.ops.instrument.options import Names

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Ordering"]

_ORDER: Final = "ui-order"
_AWAY: Final = "sent away by an administrator"

_log = logging.getLogger("everywire.admin")


class _Ordered(msgspec.Struct):
    number: int
    order: admin.Order


class _Done(msgspec.Struct):
    sessions: int


class Ordering:
    """Has orders of UIs carried out on every node, and carries out those of others: on the sessions that are there, at that moment."""

    def __init__(self, hub: Hub, names: Names) -> None:
        self._hub: Final = hub
        self._names: Final = names
        hub.notes.add(_ORDER, _Ordered, self._ordered)

    def check(self, *, read_only: bool) -> None:
        """Raise `Refused` where nothing may be done."""
        if read_only:
            raise Refused("this UI may only look", Code.DENIED)

    async def order(self, verb: str, arguments: Sequence[Any]) -> int:
        """Give how many clients were concerned; raises `Refused` for what makes no sense, and where there was none."""
        hub, reached = self._hub, 0
        try:
            order = admin.read(verb, arguments)
            if order.within is not None:
                self._names.channel(order.namespace, order.within)
            if order.verb in ("join", "leave"):
                hub.place(self._names.channel(order.namespace, order.name))
        except ValueError as fault:
            raise Refused(f"bad request: {fault}", Code.BAD_REQUEST) from None

        def take(node: str, done: _Done) -> None:
            nonlocal reached
            reached += done.sessions

        await hub.crowds.rounds.hold(
            lambda number: hub.notes.tell(_ORDER, _Ordered(number, order)), _Done, take, hub.settings.round_deadline
        )
        if not reached:
            raise Refused("nobody is there whom that concerns", Code.NOT_AVAILABLE)
        return reached

    def _ordered(self, ordered: _Ordered, node: str) -> None:
        self._hub.world.start(self._carry_out(ordered, node, self._meant(ordered.order)))

    async def _carry_out(self, ordered: _Ordered, node: str, meant: list[Session]) -> None:
        rounds = self._hub.crowds.rounds
        with rounds.at_it(node, ordered.number):
            concerned = [await self._obey(session, ordered.order) for session in meant]
            await rounds.say(node, ordered.number, _Done(sum(concerned)))

    def _meant(self, order: admin.Order) -> list[Session]:
        """Give the sessions here that are meant."""
        found: Iterable[Session]
        if order.within is None:
            found = self._hub.sessions.values()
        elif order.within in self._hub.sessions:
            found = (self._hub.sessions[order.within],)
        else:
            channel = self._hub.channels.get(self._names.channel(order.namespace, order.within))
            found = channel.subscriptions if channel is not None else ()
        return [session for session in found if session.told and namespace(session) == order.namespace]

    async def _obey(self, session: Session, order: admin.Order) -> bool:
        """Do it, and say whether it concerned the session."""
        match order.verb:
            case "emit":
                return self._emit(session, order)
            case "join":
                return await self._join(session, self._names.channel(order.namespace, order.name))
            case "leave":
                return self._hub.enrolling.leave(session, self._names.channel(order.namespace, order.name))
            case _:
                return self._send_away(session, whole=order.whole)

    def _emit(self, session: Session, order: admin.Order) -> bool:
        data: m.Data = m.Packed(order.arguments) if order.packed else m.Raw(order.arguments)
        try:
            say(self._hub, session, order.name, data, positional=True)
        except SessionGone:
            return False
        return True

    async def _join(self, session: Session, channel: str) -> bool:
        try:
            await self._hub.enrolling.enter(session, channel)
        except Exception as failure:
            refused = isinstance(failure, Refused)  # one too many, for instance
            _log.log(logging.INFO if refused else logging.ERROR, "not subscribed to %s: %s", ascii(channel), failure)
            return False
        return True

    def _send_away(self, session: Session, *, whole: bool) -> bool:
        bundle = session.attachment.bundle if session.attachment is not None else None
        away = bundle.sessions if bundle is not None and whole else [session]
        for each in away:
            self._hub.revoking.expel(each, Close.KICKED, _AWAY)
        if bundle is not None and whole:
            bundle.base.close(Close.KICKED, _AWAY)
        return True
