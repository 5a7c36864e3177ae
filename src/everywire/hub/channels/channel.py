"""One channel on this node: who listens here, and how one event reaches them all.

A subscription is in one of four states:

- live: it stands among the listeners, and every event reaches it at once, or as its policy says;
- held: what it missed is being read; events are kept for it meanwhile;
- ahead: it was told more than this node has heard yet, and goes live with what comes after that;
- resting: its session has no transport, or has not asked again since it got a new one. It hears
  nothing; what it misses is in the log.

A subscriber is held *before* history is read. The other way round, what is published between the read
and the hold would be lost for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from everywire.hub.channels.differing import Differing
from everywire.hub.channels.ordering import Begun
from everywire.hub.channels.pacing import Pace
from everywire.hub.kinds import Place
from everywire.hub.world import World
from everywire.messages import (
    Event,
    Joined,
    Left,
    Member,
    Moved,
    Passed,
    Policy,
    Position,
    Publication,
    Roster,
)
from everywire.metrics import Metrics
from everywire.payloads import Carrier, Codec

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.session import Session

__all__ = ["Channel", "News", "State", "Subscription", "Wants"]

News: TypeAlias = Publication | Joined | Left | Moved | Roster


class State(Enum):
    """Where a subscription stands."""

    RESTING = "resting"
    HELD = "held"
    AHEAD = "ahead"
    LIVE = "live"


class Wants(NamedTuple):
    """How a subscriber wants to be told: by which policy, and whether by what changed (then only where that is reliable)."""

    policy: Policy = Policy()
    delta: bool = False

    @property
    def paced(self) -> bool:
        """Whether it is not told everything."""
        return self.policy.kind != "reliable"


class Subscription:
    """A session's place in a channel.

    Invariants: `attachment` is who it is held, ahead or live for, None while resting; `pending` is empty unless held; `told` is how far it
    was ahead when it last was; a live subscription stands exactly once in the channel's `listeners`, under the codec `listed`, or in the pace
    `listed`. `wants` is None for the plain case, which most are. `begun` is None unless its client remembers one order for all its channels,
    and nothing came between that it could not be told.
    """

    __slots__ = (
        "attachment",
        "begun",
        "channel",
        "listed",
        "overflown",
        "pending",
        "session",
        "state",
        "told",
        "wants",
    )

    def __init__(self, channel: Channel, session: Session) -> None:
        self.channel: Final = channel
        self.session: Final = session
        self.state = State.RESTING
        self.attachment: Attachment | None = None
        self.listed: Codec | Pace | None = None
        self.pending: list[News] = []
        self.overflown = False
        self.told: Position | None = None
        self.wants: Wants | None = None
        self.begun: Begun | None = None

    @property
    def stands(self) -> bool:
        """Say whether the session still has this place in the channel."""
        return self.channel.subscriptions.get(self.session) is self


class Channel:
    """A named stream of publications, as this node hears it; or, where its name has wildcards, many of them.

    Invariants: `listeners` holds exactly the live subscriptions that are told everything, by codec and carrier, with no empty group; `paces`
    those that are not, by policy and codec, without an empty one; `held` and `ahead` exactly those that are so; `fresh` are the live who want
    to be told what changed and have nothing yet that it could have changed from. `end` is where the channel is as far as this node has
    heard, None before it has heard anything that it could go on from; `waiting` is what came after a hole, None where there is none.
    Each that listens is one of `sessions`, which are all of the node's by id.
    """

    __slots__ = (
        "_max_held",
        "ahead",
        "end",
        "fresh",
        "held",
        "listeners",
        "metrics",
        "paces",
        "place",
        "sessions",
        "subscriptions",
        "waiting",
        "world",
    )

    def __init__(
        self,
        place: Place,
        max_held: int,
        sessions: Mapping[str, Session],
        world: World | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.place: Final = place
        self._max_held = max_held
        self.sessions: Final = sessions
        self.world: Final = world
        self.metrics: Final = metrics or Metrics()
        self.end: Position | None = None
        self.waiting: list[Publication] | None = None
        self.subscriptions: dict[Session, Subscription] = {}
        self.listeners: dict[Codec, dict[Carrier, dict[Session, Any]]] = {}
        self.paces: dict[tuple[Policy, Codec], Pace] = {}
        self.held: dict[Subscription, None] = {}
        self.ahead: dict[Subscription, None] = {}
        self.fresh: dict[Subscription, None] = {}

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.place.name

    @property
    def wild(self) -> bool:
        """Whether it is all channels that its name matches."""
        return self.place.wild

    @property
    def audience(self) -> int:
        """How many hear the channel at this moment."""
        plain = sum(len(live) for carriers in self.listeners.values() for live in carriers.values())
        return plain + sum(len(pace) for pace in self.paces.values())

    def tell(self, news: News, told: Sequence[Channel] = ()) -> None:
        """Tell every listener: each codec's words once, and each carrier in one call; but those whom channels in `told` have told the same.

        The groups are copied, for 4 ns a listener: a transport that is found dead while it is written
        to may be parted from its session, and so unlisted, before its turn is over.
        """
        told = [each for each in told if not each.subscriptions.keys().isdisjoint(self.subscriptions.keys())]
        if isinstance(news, Publication) and (news.audience is not None or told):
            self._tell_some(news, told)
        else:
            for codec, carriers in [*self.listeners.items()]:
                for payload in codec.encode(news):
                    for carrier, live in [*carriers.items()]:
                        carrier.send_many([*live.values()], payload)
        for subscription in self.held:
            self._keep(subscription, news)
        if self.paces or self.ahead or self.fresh:
            self._tell_others(news)

    def has_told(self, session: Session, news: Publication) -> bool:
        """Say whether `session` was just told `news`, whole and by itself; not as a part of what it had missed."""
        found = self.subscriptions.get(session)
        if found is None or found.state is not State.LIVE or found.wants is not None:
            return False
        return news.position is None or news.position != found.told

    def _tell_some(self, news: Publication, told: Sequence[Channel]) -> None:
        """Tell those whom `news` is for and who were not `told`; to the others, that it is not for them."""
        passed = Passed(self.name, news.position) if news.position is not None and not self.wild else None
        for codec, carriers in [*self.listeners.items()]:
            if isinstance(codec, Differing):
                codec.forget()
                codec = codec.inner
            payloads = codec.encode(news)
            instead = codec.encode(passed) if passed is not None else ()
            for carrier, live in [*carriers.items()]:
                others = self._left_out(live, news)
                if told:
                    others += [each for each in live if any(one.has_told(each, news) for one in told)]
                meant = live.copy()
                for session in others:
                    meant.pop(session, None)
                for payload in payloads:
                    carrier.send_many([*meant.values()], payload)
                for payload in instead:
                    carrier.send_many([wire for session, wire in live.items() if session not in meant], payload)

    def _left_out(self, live: Mapping[Session, Any], news: Publication) -> list[Session]:
        """Give those of `live` whom `news` is not for; where it is for all but some, as in a room for all but who says it, no other is looked at."""
        audience = news.audience
        if audience is None:
            return []
        if audience.outside or audience.session is not None or audience.user is not None:
            return [each for each in live if not each.hears(news)]
        excluded = [self.sessions.get(name) for name in audience.exclude]
        return [each for each in excluded if each is not None and each in live]

    def _tell_others(self, news: News) -> None:
        """Tell those for whom there is more to do than to write."""
        for pace in [*self.paces.values()]:
            if isinstance(news, Publication):
                pace.take(news)
            else:
                pace.say(news)
        if self.fresh and isinstance(news, Publication) and news.position is not None and news.audience is None:
            self._ripen(news)
        for subscription in [*self.ahead]:
            at, told = news.position if isinstance(news, Publication) else None, subscription.told
            if at is None and not isinstance(news, Moved):
                self._say(subscription, news)
            elif at is not None and at == told:
                del self.ahead[subscription]
                self._list(subscription)

    def _keep(self, subscription: Subscription, news: News) -> None:
        if isinstance(news, Roster):
            return  # it will be told its own, which is newer
        if len(subscription.pending) >= self._max_held:
            subscription.overflown = True
        else:
            subscription.pending.append(news)

    def _say(self, subscription: Subscription, news: News) -> None:
        """Tell one subscriber: what is for it, or that it is not."""
        attachment, session, event = subscription.attachment, subscription.session, news
        assert attachment is not None
        told: Event | None = event
        if isinstance(news, Publication) and not session.hears(news):
            told = Passed(self.name, news.position) if news.position is not None and not self.wild else None
        if told is not None:
            attachment.tell(told)

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

    def continues(self, subscription: Subscription, told: Position) -> bool:
        """Say whether what was kept for a held subscription leaves no hole between `told` and now."""
        at = told.offset
        for news in subscription.pending:
            if isinstance(news, Moved) and news.epoch != told.epoch:
                return True  # it will rest, and ask again
            place = news.position if isinstance(news, Publication) else None
            if place is not None and place.epoch == told.epoch and place.offset > at:
                if place.offset != at + 1:
                    return False
                at += 1
        return self.end is None or self.end.epoch != told.epoch or self.end.offset <= at

    def release(self, subscription: Subscription, told: Position | None) -> None:
        """Tell a held subscription what came since `told`, then let it hear everything."""
        attachment, pending = subscription.attachment, subscription.pending
        assert attachment is not None
        self.rest(subscription)
        subscription.attachment = attachment
        for news in pending:
            if told is None or _is_news(news, told, subscription):
                self._say_late(subscription, news)
                if isinstance(news, Moved):
                    self._leave(subscription, Position(news.epoch, 0))
                    return  # what comes now is another stream: it has to ask again
                if isinstance(news, Publication) and news.position is not None and told is not None:
                    told = news.position
        if told is not None and self.end is None:
            self.end = told
        if told is not None and self.end is not None and _further(told, self.end):
            subscription.state = State.AHEAD
            subscription.told = told
            self.ahead[subscription] = None
        else:
            self._list(subscription)

    def _say_late(self, subscription: Subscription, news: News) -> None:
        """Tell what was kept, of which others were told before: no number says that its client has this one, and not the next."""
        if isinstance(news, Publication) and subscription.begun is not None:
            news = news.unordered()
        self._say(subscription, news)

    def _leave(self, subscription: Subscription, since: Position | None = None) -> None:
        """Let it rest, and not go on: there is another stream now, of which it knows everything up to `since`, if it is known what it knows."""
        self.rest(subscription)
        subscription.begun = None
        if subscription.session.again is not None:
            subscription.session.again(subscription.session, self.name, since)

    def rest(self, subscription: Subscription) -> None:
        """Let the subscription hear nothing more."""
        match subscription.state:
            case State.LIVE:
                self._unlist(subscription)
            case State.HELD:
                del self.held[subscription]
            case State.AHEAD:
                del self.ahead[subscription]
        subscription.state = State.RESTING
        subscription.attachment = None
        subscription.pending = []
        subscription.overflown = False

    # How the live are listed.

    def relist(self, subscription: Subscription, wants: Wants | None) -> None:
        """Tell a live subscription in another way from now on; nothing of the earlier way is left to be told."""
        attachment = subscription.attachment
        if isinstance(subscription.listed, Pace):
            subscription.listed.bring(subscription.session)
        if subscription.state is State.LIVE:  # it may have been too far behind to be told
            self._unlist(subscription)
            subscription.wants, subscription.attachment = wants, attachment
            self._list(subscription)

    def mute(self, subscription: Subscription) -> bool:
        """List a live subscription no longer, until `unmute` in the same turn of the loop; false for any other."""
        if subscription.state is not State.LIVE:
            return False
        self._unlist(subscription)
        return True

    def unmute(self, subscription: Subscription) -> None:
        """List it again: its transport may be another one now."""
        self._list(subscription)

    def _list(self, subscription: Subscription) -> None:
        attachment, wants = subscription.attachment, subscription.wants
        assert attachment is not None
        subscription.state = State.LIVE
        codec = attachment.codec
        if wants is not None and wants.paced and self.end is not None:
            pace = subscription.listed = self._pace(wants.policy, codec)
            pace.join(subscription.session, self.end)
            return
        if wants is not None and wants.delta:
            if self.place.kind.retention.keyed:
                codec = self._differing(codec)
            elif not self.wild:
                self.fresh[subscription] = None
        self._enlist(subscription, codec)

    def _enlist(self, subscription: Subscription, codec: Codec) -> None:
        attachment = subscription.attachment
        assert attachment is not None
        subscription.listed = codec
        carriers = self.listeners.setdefault(codec, {})
        carriers.setdefault(attachment.transport.carrier, {})[subscription.session] = attachment.transport.wire

    def _ripen(self, news: Publication) -> None:
        """Have those who were just told `news` whole told what changes from there on."""
        fresh, self.fresh = self.fresh, {}
        for subscription in fresh:
            assert subscription.attachment is not None
            self._unlist(subscription)
            differing = self._differing(subscription.attachment.codec)
            differing.note(news)
            self._enlist(subscription, differing)

    def _differing(self, codec: Codec) -> Differing:
        for listed in self.listeners:
            if isinstance(listed, Differing) and listed.inner is codec:
                return listed
        return Differing(codec, self.place.kind.retention.entries)

    def _pace(self, policy: Policy, codec: Codec) -> Pace:
        if (policy, codec) not in self.paces:
            self.paces[policy, codec] = Pace(self, policy, codec)
        return self.paces[policy, codec]

    def _unlist(self, subscription: Subscription) -> None:
        attachment, listed = subscription.attachment, subscription.listed
        assert attachment is not None
        assert listed is not None
        subscription.listed = None
        self.fresh.pop(subscription, None)
        if isinstance(listed, Pace):
            listed.leave(subscription.session)
            if not len(listed):
                self.paces.pop((listed.policy, listed.codec), None)
            return
        carrier = attachment.transport.carrier
        carriers = self.listeners[listed]
        del carriers[carrier][subscription.session]
        if not carriers[carrier]:
            del carriers[carrier]
        if not carriers:
            del self.listeners[listed]

    def lose(self, session: Session) -> None:
        """Have a live subscriber ask again: what it is to be told is not known any more."""
        subscription = self.subscriptions[session]
        if subscription.attachment is not None and self.end is not None:
            subscription.attachment.tell(Moved(self.name, self.end.epoch))
            self._leave(subscription)

    def unsubscribe(self, session: Session) -> None:
        """Take the session's place away."""
        self.rest(self.subscriptions[session])
        del self.subscriptions[session]

    def move(self, news: Moved, *, lost: bool = False) -> None:
        """Tell everyone that the stream begins anew, and let them rest until they ask again; those who have begun anew already go on.

        `lost`: it goes on at a place that is not known, and so nobody can.
        """
        self.tell(news)
        since = None if lost else Position(news.epoch, 0)
        self.end, self.waiting = since, None
        for subscription in [*self.ahead]:
            if lost or subscription.told is None or subscription.told.epoch != news.epoch:
                self._say(subscription, news)
                self._leave(subscription, since)
        for subscription in self.subscriptions.values():
            if subscription.state is State.LIVE:
                self._leave(subscription, since)
        for subscription in [*self.ahead]:
            if subscription.told == self.end:
                del self.ahead[subscription]
                self._list(subscription)


def _further(told: Position, end: Position) -> bool:
    """Say whether a subscriber knows more than the channel: of the same life of the log, or of another, which must be the later."""
    return told.epoch != end.epoch or told.offset > end.offset


def _is_news(news: News, told: Position, subscription: Subscription) -> bool:
    """Say whether `news`, kept while history was read up to `told`, is still to be told."""
    match news:
        case Publication(position=position):
            return position is None or (position.epoch == told.epoch and position.offset > told.offset)
        case Moved(epoch=epoch):
            return epoch != told.epoch
        case Roster():
            return False
        case _:
            return not _is_own(news.member, subscription)


def _is_own(member: Member, subscription: Subscription) -> bool:
    """Say whether that is who subscribes, and so is there: of a user, an earlier session's leaving may come after the members were read."""
    session, users = subscription.session, subscription.channel.place.kind.presence == "users"
    return member.session == session.id or (users and session.user is not None and member.user == session.user)
