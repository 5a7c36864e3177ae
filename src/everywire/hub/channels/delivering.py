"""What the broker brings goes to who listens: to their channel, and to channels that its name matches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from everywire.brokers.base import Filled, Gap, News, Note
from everywire.hub.channels.channel import Channel
from everywire.hub.channels.taps import Taps
from everywire.messages import Left, Moved, Publication

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["Delivering"]


class Delivering:
    """The way down from the broker to the channels of one hub; synchronous, so that a fan-out cannot interleave with a subscribe.

    Invariants: a publication goes to a channel by way of the hub's `repairs`, which put it in its turn.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub: Final = hub
        self.taps: Final = Taps(hub.broker)
        hub.repairs.guard(hub.channels, self._announce)
        hub.broker.listen(self.take)

    def take(self, news: News) -> None:
        """Tell the listeners of a channel what the broker brings."""
        hub = self._hub
        if isinstance(news, Note):
            hub.notes.take(news.data)
            return
        if isinstance(news, Gap):
            hub.repairs.gap()
            hub.rosters.gap()
            self.taps.gap()
            hub.world.task(hub.continuing.verify())
            return
        if isinstance(news, Filled):
            self.taps.tell(news)
            return
        channel = hub.channels.get(news.channel)
        if channel is None:
            if isinstance(news, Publication):
                self.taps.tell(news)
            self._tell_matching(news)
        elif isinstance(news, Publication):
            hub.repairs.take(channel, news)
        elif isinstance(news, Moved):
            if channel.end is None or channel.end.epoch != news.epoch:  # it was not noticed before
                hub.metrics.deliveries += channel.audience
                channel.move(news)
        else:
            hub.rosters.stirred(news.channel)
            hub.metrics.deliveries += channel.audience
            channel.tell(news)
            if isinstance(news, Left):
                hub.continuing.left(channel, news.member.session)

    def _announce(self, channel: Channel, news: Publication) -> None:
        """Tell a publication to who listens to its channel, and to channels that its name matches."""
        self.taps.tell(news)
        self._hub.metrics.deliveries += channel.audience
        if self._hub.watcher is not None:
            self._hub.watcher.published(channel, news)
        channel.tell(news)
        if len(self._hub.patterns):
            self._tell_matching(news, [channel])

    def _tell_matching(self, news: News, told: list[Channel] | None = None) -> None:
        """Tell who listens by wildcards: publications only, and only of channels that their rule was asked about.

        Whom one of the channels in `told` has told already is not told again: its client hands the one publication on to all its
        subscriptions that match.
        """
        hub, told = self._hub, [] if told is None else told
        names = hub.patterns.matching(news.channel) if isinstance(news, Publication) else ()
        if names and isinstance(news, Publication) and (place := hub.hooks.kinds.find(news.channel)) is not None:
            for name in names:
                channel = hub.channels[name]
                if channel.place.has(place):
                    hub.metrics.deliveries += channel.audience
                    if hub.watcher is not None:
                        hub.watcher.published(channel, news)
                    channel.tell(news, told)
                    told.append(channel)
