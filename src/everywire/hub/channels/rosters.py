"""Listeners know who is there, although news of comings and goings may be lost: after a `Gap` they are told anew.

Publications that were lost show by their offsets; who came and went does not. So the list itself is told, once per channel, in place of
what was missed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from everywire.brokers.base import Broker
from everywire.hub.channels.channel import Channel
from everywire.hub.world import World, pause
from everywire.messages import Roster

__all__ = ["Rosters"]

_TRIES = 5  # lists that are old before they are there; the next round asks again
_PAUSE = 0.2  # seconds before another try

_log = logging.getLogger("everywire.hub")


class Rosters:
    """Tells the channels of one hub anew who is there.

    Invariants: at most one round is under way; `_again` says that another has to follow it; `_stirred` are the channels where somebody came
    or went since the list that is being read was asked for.
    """

    def __init__(self, world: World, broker: Broker, channels: Mapping[str, Channel]) -> None:
        self._world = world
        self._broker = broker
        self._channels = channels
        self._busy = False
        self._again = False
        self._closed = False
        self._stirred: set[str] = set()

    def stirred(self, channel: str) -> None:
        """Take notice that somebody came or went: a list that is on its way may not know."""
        if self._busy:
            self._stirred.add(channel)

    def gap(self) -> None:
        """Take notice that comings and goings may have been lost."""
        self._again = True
        if not self._busy:
            self._busy = True
            self._world.start(self._rounds())

    def close(self) -> None:
        """Tell nobody any more."""
        self._closed = True

    async def _rounds(self) -> None:
        while self._again and not self._closed:
            self._again = False
            for name in [name for name, channel in self._channels.items() if channel.place.kind.presence]:
                try:
                    await self._tell(name)
                except Exception as fault:
                    _log.warning("it cannot be seen who is in a channel: %r", fault)
                    self._again = True
                    await pause(self._world, _PAUSE)
                    break
        self._busy = False

    async def _tell(self, name: str) -> None:
        for _ in range(_TRIES):
            self._stirred.clear()
            members = await self._broker.members(name)
            if name not in self._stirred:
                break  # otherwise listeners would be told again what was before, and nothing would put that right
        else:
            self._again = True
            return
        channel = self._channels.get(name)
        if channel is not None:
            users = len({member.user for member in members if member.user is not None})
            channel.tell(Roster(None, name, members, sum(member.tabs for member in members), users))
