"""Listeners miss nothing that the broker has, and hear nothing twice: or they are told.

Each publication is compared with the one before it on its channel. What comes twice is dropped; what comes after a hole waits until
the hole was read from the log. What is lost without anything coming after it is noticed by looking, every so often and after a `Gap`,
where the broker's logs end. Where the log does not have what is missing any more, listeners are told `Moved`, and ask again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Final

from everywire.brokers.base import Broker, Query
from everywire.hub.channels.channel import Channel
from everywire.hub.channels.ordering import Ordering
from everywire.hub.settings import Settings
from everywire.hub.world import Timer, World, pause
from everywire.messages import Moved, Position, Publication
from everywire.metrics import Metrics

__all__ = ["Repairs"]

_AT_ONCE = 500  # channels asked for in one question
_TRIES = 5  # readings that find nothing of what is missing
_PAUSE = 0.2  # seconds before another try

_log = logging.getLogger("everywire.hub")


class Repairs:
    """Keeps the channels of one hub in order; `tell` tells all listeners of a publication.

    Invariants: a repair is under way exactly for the channels that have something `waiting`, be it nothing but room for it; the timer runs
    while there is any channel, from `watch` on, unless the broker is the hub's alone; `_suspects` are the channels that were behind at the last look,
    with where they were; `ordering` is in doubt while anything may be missing.
    """

    def __init__(self, world: World, broker: Broker, settings: Settings, metrics: Metrics) -> None:
        self.ordering: Final = Ordering()
        self._world = world
        self._broker = broker
        self._settings = settings
        self._metrics = metrics
        self._channels: Mapping[str, Channel] = {}
        self._tell: Callable[[Channel, Publication], None] = _nobody
        self._suspects: dict[str, Position] = {}
        self._timer: Timer | None = None

    def guard(self, channels: Mapping[str, Channel], tell: Callable[[Channel, Publication], None]) -> None:
        """Take care of `channels` from now on."""
        self._channels, self._tell = channels, tell

    def watch(self) -> None:
        """Begin to look, now that there is a channel; nothing is lost between this hub and a broker that is its own."""
        if self._timer is None and not self._broker.alone:
            self._timer = self._world.later(self._settings.check_every, self._look)

    def close(self) -> None:
        """Look no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def take(self, channel: Channel, news: Publication) -> None:
        """Tell a publication in its turn: now, after those before it, or, if it was told already, never."""
        news = self.ordering.take(news)
        at, end = news.position, channel.end
        if at is None:
            self._tell(channel, news)
        elif channel.waiting is not None:
            if len(channel.waiting) < self._settings.max_held:  # the log has the others
                channel.waiting.append(news)
        elif end is None or (at.offset == end.offset + 1 and at.epoch == end.epoch):
            channel.end = at
            self._tell(channel, news)
        elif at.epoch != end.epoch:
            channel.move(Moved(channel.name, at.epoch))
            self.take(channel, news)
        elif at.offset > end.offset:
            self._begin(channel, [news])

    def gap(self) -> None:
        """Take notice that anything may have been lost."""
        self.ordering.gap()
        self._world.start(self._check(at_once=True))

    # Looking where logs end.

    def _look(self) -> None:
        self._timer = None
        if self._channels:
            self.watch()
            self._world.start(self._check(at_once=self.ordering.gaping))

    async def _check(self, *, at_once: bool = False) -> None:
        """Compare where channels are with where their logs end; `at_once` a single look is enough.

        Otherwise the questions are spread over the time until the next look: very many channels would hold up everything else.
        """
        gaps = self.ordering.gaps
        wanted = [name for name, channel in self._channels.items() if channel.end is not None and not channel.wild]
        asked, suspects, self._suspects = iter(wanted), self._suspects, {}
        between = 0.0 if at_once else self._settings.check_every / (len(wanted) // _AT_ONCE + 2)
        first = True
        while names := [*islice(asked, _AT_ONCE)]:
            if not first and not at_once:
                await pause(self._world, between)
                if self._timer is None:
                    return  # nobody looks any more
            first = False
            try:
                ends = await self._broker.ends(names)
            except Exception as fault:
                _log.warning("it cannot be seen whether news were lost: %r", fault)
                return
            for name, end in zip(names, ends, strict=True):
                self._compare(name, end, None if at_once else suspects)
        if at_once:
            self.ordering.mended(gaps)

    def _compare(self, name: str, end: Position | None, suspects: Mapping[str, Position] | None) -> None:
        channel = self._channels.get(name)
        if channel is None or channel.end is None or channel.waiting is not None:
            return
        # A log without publications that was lost is missed when the first one comes, which nobody would be told then.
        born = end is None and suspects is None
        if not born and not _behind(channel.end, end):
            return
        if suspects is None or suspects.get(name) == channel.end:
            self._begin(channel, [])
        else:
            self._suspects[name] = channel.end  # what is missing may be on its way

    # Repairing.

    def _begin(self, channel: Channel, waiting: list[Publication]) -> None:
        channel.waiting = waiting
        self._metrics.repairs += 1
        self._world.start(self._mend(channel))

    async def _mend(self, channel: Channel) -> None:
        """Repair it; until then nobody is told that he has everything up to anywhere."""
        self.ordering.broken()
        try:
            await self._repair(channel)
        finally:
            self.ordering.repaired()

    async def _repair(self, channel: Channel) -> None:
        fruitless = 0
        while self._broken(channel):
            before = channel.end
            try:
                done = await self._read(channel)
            except Exception as fault:
                _log.warning("what channel %s missed cannot be read: %r", ascii(channel.name), fault)
                done, before = False, None  # its broker is away; that says nothing of its log
            if done or not self._broken(channel):
                return
            fruitless = fruitless + 1 if before == channel.end else 0
            if fruitless >= _TRIES and before is not None:
                self._lose(channel, before.epoch)
                return
            if fruitless or before is None:
                await pause(self._world, _PAUSE)

    def _broken(self, channel: Channel) -> bool:
        return self._channels.get(channel.name) is channel and channel.waiting is not None

    async def _read(self, channel: Channel) -> bool:
        """Read on from where the channel is; say whether nothing is missing any more."""
        since, retention = channel.end, channel.place.kind.retention
        assert since is not None
        page = max(1, self._settings.max_page)
        found = await self._broker.read(channel.name, Query(since, page), retention)
        if not self._broken(channel) or channel.end != since:
            return False
        if not found.whole:
            self._lose(channel, found.position.epoch)
            return True
        self._tell_all(channel, found.publications)
        waiting = channel.waiting
        if waiting is None or len(found.publications) == page:
            return waiting is None
        self._tell_all(channel, waiting)
        if channel.waiting is not waiting or channel.end is None:
            return True
        if len(waiting) >= self._settings.max_held:
            channel.waiting = []  # some of them did not wait
            return False
        if waiting and waiting[-1].position is not None and waiting[-1].position.offset > channel.end.offset:
            return False
        channel.waiting = None
        return True

    def _tell_all(self, channel: Channel, publications: Iterable[Publication]) -> None:
        """Tell those that come next, as long as they follow each other."""
        for publication in [*publications]:
            at, end = publication.position, channel.end
            if at is None or end is None or at.epoch != end.epoch:
                continue
            if at.offset == end.offset + 1:
                channel.end = at
                self._tell(channel, publication.unordered())

    def _lose(self, channel: Channel, epoch: str) -> None:
        """Tell listeners that they cannot be told what is missing."""
        _log.warning("channel %s lost publications", ascii(channel.name))
        self._metrics.losses += 1
        channel.move(Moved(channel.name, epoch), lost=True)


def _behind(here: Position, end: Position | None) -> bool:
    if end is None:
        return here.offset > 0
    return end.epoch != here.epoch or end.offset > here.offset


def _nobody(channel: Channel, news: Publication) -> None:
    """Stand in until there are channels."""
