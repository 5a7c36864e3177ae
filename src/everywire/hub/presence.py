"""The places that this node's sessions hold in channels, renewed while they live."""

from __future__ import annotations

import logging

from everywire.brokers.base import Broker, Seat
from everywire.hub.session import Session
from everywire.hub.world import Timer, World
from everywire.messages import Member

__all__ = ["Places"]

_log = logging.getLogger("everywire.hub")


class Places:
    """Holds places at the broker, by lease, so that those of a dead node end by themselves.

    Invariants: the timer runs while any place is held.
    """

    def __init__(self, world: World, broker: Broker, node: str, lease: float) -> None:
        self._node = node
        self._world = world
        self._broker = broker
        self._lease = lease
        self._held: dict[tuple[str, str], None] = {}
        self._timer: Timer | None = None

    async def enter(self, channel: str, member: Member) -> tuple[Member, ...]:
        """Hold a place for `member`, and give who is there, itself included."""
        self._held[channel, member.session] = None
        if self._timer is None:
            self._timer = self._world.later(self._lease / 3, self._renew)
        await self._broker.enter(channel, Seat(member, self._node), self._lease)
        return await self._broker.members(channel)

    def exit(self, channel: str, session: Session) -> None:
        """Give the place up, if there is one."""
        if self._held.pop((channel, session.id), self) is None:
            self._world.start(self._exited(channel, session.id))

    def close(self) -> None:
        """Renew nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _renew(self) -> None:
        if not self._held:
            self._timer = None
            return
        self._timer = self._world.later(self._lease / 3, self._renew)
        self._world.start(self._renewed())

    async def _renewed(self) -> None:
        try:
            await self._broker.renew(self._node, tuple(self._held), self._lease)
        except Exception:
            _log.exception("places in channels were not renewed")

    async def _exited(self, channel: str, session: str) -> None:
        try:
            await self._broker.exit(channel, session, self._node)
        except Exception:
            _log.exception("a place in a channel was not given up; its lease will end it")
