"""Subscriptions that the server begins: what a session is told of without asking."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from everywire.errors import Refused
from everywire.hub.channels.channel import State
from everywire.hub.channels.subscribing import subscribe_again, subscribe_unasked
from everywire.messages import Position, Unsubscribed

if TYPE_CHECKING:
    import asyncio

    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Enrolling", "personal"]

_RENEWED: Final = (State.RESTING, State.HELD)

_log = logging.getLogger("everywire.hub")


class _Enrolment(msgspec.Struct):
    channel: str
    user: str | None = None
    session: str | None = None


class Enrolling:
    """Subscribes sessions in the server's name, on whichever node they are.

    No rule is asked: it is the application that wants it. Such a subscription belongs to the session: it is begun again when that is
    continued, until the application or the client ends it.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub: Final = hub
        hub.notes.add("enrol", _Enrolment, self._enrolled)

    async def enrol(self, channel: str, user: str | None, session: str | None) -> None:
        """Subscribe all sessions that `user` has now, or `session`, and wait for those of this node.

        Raises `Refused` for a name that no kind of channel has.
        """
        if (user is None) == (session is None):
            raise TypeError("subscribe a user or a session")
        self._hub.place(channel)
        begun = [self.add(each, channel) for each in self._hub.addressed(user, session)]  # who asks is mostly here
        await self._hub.notes.tell("enrol", _Enrolment(channel, user, session))
        for each in begun:
            if each is not None:
                await self._over(each)

    async def _over(self, work: asyncio.Future[None]) -> None:
        """Wait for work that goes on though nobody waits any more: the session keeps the channel."""
        over = self._hub.world.promise()

        def end(_: object) -> None:
            if not over.done():
                over.set_result(None)

        work.add_done_callback(end)
        await over

    async def enter(self, session: Session, channel: str) -> None:
        """Subscribe a session of this node, and have it keep that; one that keeps it, and could not be subscribed before, is now.

        Raises `Refused` where it is in too many channels, and for a name that no kind of channel has: it keeps nothing then.
        """
        if channel in session.enrolled and channel in session.subscriptions:
            return
        self._hub.place(channel)
        session.enrolled = tuple(dict.fromkeys((*session.enrolled, channel)))
        try:
            if not _waits(session):
                await subscribe_unasked(self._hub, session, channel)
        except BaseException:
            session.dismiss(channel)
            raise
        finally:
            self._hub.records.changed(session)

    def leave(self, session: Session, channel: str, reason: str = "") -> bool:
        """End a session's subscription, whoever began it, and tell its client why; false where there was none."""
        if channel in session.enrolled:
            session.dismiss(channel)
            self._hub.records.changed(session)
        subscription = session.subscriptions.get(channel)
        if subscription is None:
            return False
        self._hub.remove(subscription, reason)
        return True

    def channels(self, session: Session) -> tuple[str, ...]:
        """Give the channels that `session` is to be subscribed to as it connects, and have it keep them."""
        wanted = dict.fromkeys((*session.enrolled, *session.identity.channels))
        pattern = self._hub.hooks.personal
        if pattern is not None and session.user is not None:
            wanted[personal(pattern, session.user)] = None
        session.enrolled = tuple(name for name in wanted if self._is_there(name))
        return session.enrolled

    async def begin(self, session: Session, channels: Iterable[str]) -> None:
        """Subscribe `session`; its client is told of each that it is subscribed to, or that it is not."""
        for name in channels:
            attachment = session.attachment
            try:
                await subscribe_unasked(self._hub, session, name)
            except Exception as failure:
                refused = isinstance(failure, Refused)
                _log.log(logging.INFO if refused else logging.ERROR, "not subscribed to %s: %s", ascii(name), failure)
                if attachment is not None:
                    attachment.tell(Unsubscribed(name, None, str(failure) if refused else "internal error"))

    def again(self, session: Session, channel: str, since: Position | None) -> None:
        """Begin a subscription again whose channel began anew, from `since` and from the next turn of the loop on: its client asks for none.

        Where anything may be missing, its session ends: its client could not be told in any other way.
        """
        self._hub.world.task(self._again(session, channel, since if self._hub.repairs.ordering.sure else None))

    async def _again(self, session: Session, channel: str, since: Position | None) -> None:
        try:
            if since is not None:
                await subscribe_again(self._hub, session, channel, since)
                return
        except Exception as failure:
            _log.error("a session cannot go on in %s: %s", ascii(channel), failure)
        if session.attachment is not None and self._hub.sessions.get(session.id) is session:
            self._hub.continuing.abandon(session)

    def _is_there(self, name: str) -> bool:
        try:
            self._hub.place(name)
        except Refused as no:
            _log.warning("nobody can be subscribed to %s: %s", ascii(name), no)
            return False
        return True

    def _enrolled(self, enrolment: _Enrolment, node: str) -> None:
        for session in self._hub.addressed(enrolment.user, enrolment.session):
            if node != self._hub.node or enrolment.channel not in session.enrolled:  # else that is done: see `enrol`
                self.add(session, enrolment.channel)

    def add(self, session: Session, channel: str) -> asyncio.Future[None] | None:
        """Subscribe one session of this node from now on, and whenever it is continued; gives what to wait for until it is."""
        if channel not in session.enrolled:
            session.enrolled = (*session.enrolled, channel)
            self._hub.records.changed(session)
        if session.attachment is None or _waits(session):
            return None
        return self._hub.world.start(self.begin(session, (channel,)))


def _waits(session: Session) -> bool:
    """Say whether subscriptions are yet to be renewed: its client would be told orders ahead of them. It begins with the others then."""
    return any(each.begun is not None and each.state in _RENEWED for each in session.subscriptions.values())


def personal(pattern: str, user: str) -> str:
    """Give the name of a user's personal channel: what would not fit into a pattern is written as %3A."""
    return pattern.replace("{user}", quote(user, safe="@ !$&'()+,;=/?#[]|~"))
