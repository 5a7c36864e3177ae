"""The places that this node's sessions hold in channels, by one lease of the node's."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from everywire.brokers.base import Broker, Seat
from everywire.hub.channels.channel import Subscription
from everywire.hub.session import Session
from everywire.hub.world import Timer, World
from everywire.messages import Member

__all__ = ["Places"]

_AT_ONCE = 500  # questions asked of the broker before the first of them is answered

_log = logging.getLogger("everywire.hub")


class Places:
    """Holds places at the broker by one lease, so that those of a dead node end by themselves.

    The broker says with every answer in which term the lease is. Another term than before means that everything was lost meanwhile
    (the link was broken for too long, this process stood still, the broker lost its memory): then all places are entered again.

    Invariants: the timer runs while any place is held or has yet to be given up, or `always`; each place that the broker was told of is in one
    of `_held`, `_left` and `_owed`, until it is given up; `_left` are those that another node takes over, `_owed` those that nobody here
    has any more.
    """

    def __init__(self, world: World, broker: Broker, node: str, lease: float) -> None:
        self.changed: Callable[[Subscription], None] = _ignore  # the broker has taken up a coming or going
        self.renewed: Callable[[], None] = _nothing  # the lease holds for another while
        self.lapsed: Callable[[], None] = _nothing  # it was over: everything was lost
        self.verified: Callable[[], Awaitable[None]] = _at_once  # lets go of sessions that went on elsewhere meanwhile
        self._node = node
        self._world = world
        self._broker = broker
        self._lease = lease
        self._held: dict[Subscription, None] = {}
        self._left: dict[tuple[str, str], Subscription] = {}
        self._owed: dict[tuple[str, str], Subscription] = {}
        self._term: str | None = None
        self._lost = False
        self._always = False
        self._timer: Timer | None = None

    async def enter(self, subscription: Subscription) -> tuple[Member, ...]:
        """Hold the subscription's place, from whichever node held it before, and give who is there, itself included."""
        await self.hold(subscription)
        return await self._broker.members(subscription.channel.name)

    async def hold(self, subscription: Subscription) -> None:
        """Hold the subscription's place, from whichever node held it before."""
        self._owed.pop(_place(subscription), None)
        self._left.pop(_place(subscription), None)
        self._held[subscription] = None
        self._keep_on()
        try:
            await self._enter(subscription)
        except Exception:
            self._lost = True  # or not: with the next renewal whatever is held by then is entered once more
            raise
        self.changed(subscription)

    def of(self, session: Session) -> list[Subscription]:
        """Give the subscriptions of `session` whose places are held."""
        return [each for each in session.subscriptions.values() if each in self._held]

    def exit(self, subscription: Subscription) -> None:
        """Give the place up, if there is one."""
        if self._held.pop(subscription, self) is None:
            self._owed[_place(subscription)] = subscription
            self._world.start(self._exit(subscription))

    def leave(self, subscription: Subscription) -> None:
        """Let go of a place that another node takes over.

        By the next renewal but one it is given up: that changes nothing where the other node entered it. Where that has lost the
        session before it heard that the place is free, nobody else would ever give it up.
        """
        if self._held.pop(subscription, self) is None:
            self._left[_place(subscription)] = subscription

    def always(self) -> None:
        """Renew the lease also while no place is held: something else hangs on it."""
        self._always = True
        if self._timer is None:
            self._timer = self._world.later(0, self._renew)

    def close(self) -> None:
        """Renew nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _enter(self, subscription: Subscription) -> None:
        kind = subscription.channel.place.kind
        users = kind.presence == "users"
        seat = Seat(subscription.session.member, self._node, users, kind.leave_after, kind.told)
        self._note(await self._broker.enter(subscription.channel.name, seat, self._lease))

    def _note(self, term: str) -> None:
        """Take notice of the term that the lease is in."""
        before, self._term = self._term, term
        if before is not None and term != before:
            self._lost = True
            self.lapsed()
            self._world.start(self._enter_again())

    async def _enter_again(self) -> None:
        """Enter all places once more; what fails is tried again with the next renewal."""
        await self.verified()  # or places would be taken from the nodes that have those sessions now
        term, held, failures = self._term, [*self._held], 0
        for at in range(0, len(held), _AT_ONCE):
            asked = [self._world.start(self._entered(each)) for each in held[at : at + _AT_ONCE] if each in self._held]
            failures += [await answer for answer in asked].count(False)
        if failures:
            _log.error("%d places in channels were lost, and are not entered again yet", failures)
        elif term == self._term:
            self._lost = False

    async def _entered(self, subscription: Subscription) -> bool:
        try:
            await self._enter(subscription)
        except Exception:
            return False
        return True

    def _keep_on(self) -> None:
        if self._timer is None:
            self._timer = self._world.later(self._lease / 3, self._renew)

    def _renew(self) -> None:
        self._timer = None
        if self._held or self._left or self._owed or self._always:
            self._keep_on()
            self._world.start(self._renewed())
        else:
            self._term = None  # nothing can be lost any more

    async def _renewed(self) -> None:
        try:
            self._note(await self._broker.renew(self._node, self._lease))
        except Exception:
            _log.exception("places in channels were not renewed")
            return
        self.renewed()
        owed = [*self._owed.items()]
        self._owed |= self._left
        self._left.clear()
        for at in range(0, len(owed), _AT_ONCE):
            now = [
                each for place, each in owed[at : at + _AT_ONCE] if place in self._owed
            ]  # not entered again meanwhile
            for exit_ in [self._world.start(self._exit(each)) for each in now]:
                await exit_
        if self._lost:
            await self._enter_again()

    async def _exit(self, subscription: Subscription) -> None:
        channel, session = place = _place(subscription)
        try:
            await self._broker.exit(channel, session, self._node)
        except Exception:
            _log.exception("a place in a channel was not given up yet")
            return
        self._owed.pop(place, None)
        self.changed(subscription)


def _place(subscription: Subscription) -> tuple[str, str]:
    return subscription.channel.name, subscription.session.id


def _ignore(_: Subscription) -> None:
    """Stand in for who wants to know, until somebody does."""


def _nothing() -> None:
    """The same."""


async def _at_once() -> None:
    """The same."""
