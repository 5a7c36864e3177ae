"""One channel on this node: who listens here, and how one event reaches them all.

A subscription is in one of three states:

- live: it stands in `listeners`, and every event reaches it at once;
- held: what it missed is being read; events are kept for it meanwhile;
- resting: its session has no transport, or has not asked again since it got a new one. It hears
  nothing; what it misses is in the log.

A subscriber is held *before* history is read. The other way round, what is published between the read
and the hold would be lost for good.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from everywire.hub.kinds import Place
from everywire.messages import Joined, Left, Moved, Position, Publication
from everywire.payloads import Carrier, Codec

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.session import Session

__all__ = ["Channel", "News", "State", "Subscription"]

News: TypeAlias = Publication | Joined | Left | Moved


class State(Enum):
    """Where a subscription stands."""

    RESTING = "resting"
    HELD = "held"
    LIVE = "live"


class Subscription:
    """A session's place in a channel.

    Invariants: `attachment` is who it is held or live for, None while resting; `pending` is empty unless
    held; a live subscription stands in the channel's `listeners` exactly once.
    """

    __slots__ = ("attachment", "channel", "overflown", "pending", "session", "state")

    def __init__(self, channel: Channel, session: Session) -> None:
        self.channel: Final = channel
        self.session: Final = session
        self.state = State.RESTING
        self.attachment: Attachment | None = None
        self.pending: list[News] = []
        self.overflown = False

    @property
    def stands(self) -> bool:
        """Say whether the session still has this place in the channel."""
        return self.channel.subscriptions.get(self.session) is self


class Channel:
    """A named stream of publications, as this node hears it.

    Invariants: `listeners` holds exactly the live subscriptions, by codec and carrier, with no empty
    group; `held` exactly the held ones.
    """

    __slots__ = ("_max_held", "held", "listeners", "place", "subscriptions")

    def __init__(self, place: Place, max_held: int) -> None:
        self.place: Final = place
        self._max_held = max_held
        self.subscriptions: dict[Session, Subscription] = {}
        self.listeners: dict[Codec, dict[Carrier, dict[Session, Any]]] = {}
        self.held: dict[Subscription, None] = {}

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.place.name

    @property
    def audience(self) -> int:
        """How many hear the channel at this moment."""
        return sum(len(live) for carriers in self.listeners.values() for live in carriers.values())

    def tell(self, news: News) -> None:
        """Tell every listener: each codec's words once, and each carrier in one call.

        The groups are copied, for 4 ns a listener: a transport that is found dead while it is written
        to may be parted from its session, and so unlisted, before its turn is over.
        """
        for codec, carriers in [*self.listeners.items()]:
            for payload in codec.encode(news):
                for carrier, live in [*carriers.items()]:
                    carrier.send_many([*live.values()], payload)
        for subscription in self.held:
            self._keep(subscription, news)

    def _keep(self, subscription: Subscription, news: News) -> None:
        if len(subscription.pending) >= self._max_held:
            subscription.overflown = True
        else:
            subscription.pending.append(news)

    def subscribe(self, session: Session) -> Subscription:
        """Give the session its place, resting."""
        subscription = self.subscriptions[session] = Subscription(self, session)
        return subscription

    def hold(self, subscription: Subscription, attachment: Attachment) -> None:
        """Keep events for the subscription from now on, until it is released."""
        self.rest(subscription)
        subscription.attachment = attachment
        subscription.state = State.HELD
        self.held[subscription] = None

    def release(self, subscription: Subscription, told: Position) -> None:
        """Tell a held subscription what came since `told`, then let it hear everything."""
        attachment, pending = subscription.attachment, subscription.pending
        assert attachment is not None
        self.rest(subscription)
        for news in pending:
            if _is_news(news, told, subscription.session):
                attachment.tell(news)
                if isinstance(news, Moved):
                    return  # what comes now is another stream: it has to ask again
        subscription.attachment = attachment
        subscription.state = State.LIVE
        carriers = self.listeners.setdefault(attachment.codec, {})
        carriers.setdefault(attachment.transport.carrier, {})[subscription.session] = attachment.transport.wire

    def rest(self, subscription: Subscription) -> None:
        """Let the subscription hear nothing more."""
        match subscription.state:
            case State.LIVE:
                self._unlist(subscription)
            case State.HELD:
                del self.held[subscription]
        subscription.state = State.RESTING
        subscription.attachment = None
        subscription.pending = []
        subscription.overflown = False

    def _unlist(self, subscription: Subscription) -> None:
        attachment = subscription.attachment
        assert attachment is not None
        codec, carrier = attachment.codec, attachment.transport.carrier
        carriers = self.listeners[codec]
        del carriers[carrier][subscription.session]
        if not carriers[carrier]:
            del carriers[carrier]
        if not carriers:
            del self.listeners[codec]

    def unsubscribe(self, session: Session) -> None:
        """Take the session's place away."""
        self.rest(self.subscriptions[session])
        del self.subscriptions[session]

    def move(self, news: Moved) -> None:
        """Tell everyone that the stream begins anew, and let them rest until they ask again."""
        self.tell(news)
        for subscription in self.subscriptions.values():
            if subscription.state is State.LIVE:
                self.rest(subscription)


def _is_news(news: News, told: Position, session: Session) -> bool:
    """Say whether `news`, kept while history was read up to `told`, is still to be told."""
    match news:
        case Publication(position=position):
            return position is None or (position.epoch == told.epoch and position.offset > told.offset)
        case Moved(epoch=epoch):
            return epoch != told.epoch
        case _:
            return news.member.session != session.id
