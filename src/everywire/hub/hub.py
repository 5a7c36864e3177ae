"""The hub: sessions, channels, and the way of a message between them and the broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from everywire.brokers.base import Broker, Draft, Receipt
from everywire.errors import Refused
from everywire.http.request import Request
from everywire.hub.access.admitting import forgo
from everywire.hub.access.expiries import Expiries
from everywire.hub.access.identity import Identity
from everywire.hub.access.limiting import Limiting
from everywire.hub.access.lives import ended
from everywire.hub.access.permission import check_draft
from everywire.hub.access.revoking import Revoking
from everywire.hub.attachment import Attachment
from everywire.hub.bundle import Bundle
from everywire.hub.calling.arriving import at_once
from everywire.hub.calling.reaching import Reaching
from everywire.hub.calling.running import Running
from everywire.hub.channels.changes import Changes
from everywire.hub.channels.channel import Channel, Subscription
from everywire.hub.channels.delivering import Delivering
from everywire.hub.channels.enrolling import Enrolling
from everywire.hub.channels.presence import Places
from everywire.hub.channels.repairs import Repairs
from everywire.hub.channels.rosters import Rosters
from everywire.hub.codes import Close, Code
from everywire.hub.commands import handle
from everywire.hub.continuity.continuing import Continuing
from everywire.hub.continuity.proofs import Signer
from everywire.hub.continuity.records import Records
from everywire.hub.crowds.crowds import Crowds
from everywire.hub.deadlines import Deadlines
from everywire.hub.heartbeat import Heartbeats
from everywire.hub.hooks import Hooks, Tracer, Watcher
from everywire.hub.kinds import Place
from everywire.hub.notes import Notes
from everywire.hub.quoting import quoted
from everywire.hub.refusing import refusal
from everywire.hub.session import Session
from everywire.hub.settings import Settings
from everywire.hub.world import World
from everywire.messages import Call, Command, Connect, Heartbeat, Member, Refusal, Unsubscribed
from everywire.metrics import Metrics
from everywire.payloads import Codec, Transport
from everywire.wildcards import Patterns, wild

__all__ = ["Hub"]

_log = logging.getLogger("everywire.hub")


class Hub:
    """The authority on one node: the only place where sessions and channels change.

    Everything happens on one event loop.

    Invariants: a session is in `sessions` from its connect to its end; it either has an attachment or is
    lingering; `_users` holds the same sessions by user, but the anonymous; a channel is in `channels` while it has subscriptions,
    and is watched at the broker then.
    """

    watcher: Watcher | None = None  # while somebody looks
    tracer: Tracer | None = None  # where commands are traced

    def __init__(
        self,
        world: World,
        broker: Broker,
        hooks: Hooks,
        settings: Settings | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.world: Final = world
        self.broker: Final = broker
        self.hooks: Final = hooks
        self.settings: Final = settings or Settings()
        self.metrics: Final = metrics or Metrics()
        self.sessions: Final[dict[str, Session]] = {}
        self.channels: Final[dict[str, Channel]] = {}
        self.attachments: Final[dict[Attachment, None]] = {}
        self.heartbeats: Final = Heartbeats(world, self.settings.heartbeat)
        self.node: Final = world.new_id()
        self.places: Final = Places(world, broker, self.node, self.settings.lease)
        self.notes: Final = Notes(world, broker, self.node, self.metrics)
        self.revoking: Final = Revoking(self)
        self.limiting: Final = Limiting(self)
        self.expiries: Final = Expiries(world, self.settings.expiry_grace, _expired)
        self.patterns: Final = Patterns()
        self.repairs: Final = Repairs(world, broker, self.settings, self.metrics)
        self.rosters: Final = Rosters(world, broker, self.channels)
        self._users: dict[str, dict[Session, None]] = {}
        self.records: Final = Records(world, broker, self.node, self.settings.resume_ttl, self.sessions)
        self.continuing: Final = Continuing(self, Signer(hooks.secrets or (world.new_id(),)))
        self.enrolling: Final = Enrolling(self)
        self._lingering = Deadlines(world, self.settings.linger, self._linger_over)
        self.unconnected: Final = Deadlines(world, self.settings.connect_deadline, _too_late)
        self._unclaimed = Deadlines(world, self.settings.linger, self._drop_resting)
        self.call_deadlines: Final = Deadlines(world, self.settings.call_deadline or 0.0, Running.expire)
        self.reaching: Final = Reaching(self)
        self.crowds: Final = Crowds(self)
        self.unfinished: Final[set[asyncio.Future[None]]] = set()  # handlers at work that go on without their clients
        self.changes: Final = Changes(self)
        self.delivering: Final = Delivering(self)
        self.moved: Final[dict[Attachment, Callable[[], None]]] = {}  # who waits for room in an inbox

    @property
    def time(self) -> float:
        """Seconds, as exactly as the heartbeat needs them."""
        return self.heartbeats.now

    # Transports come and go.

    def attach(
        self,
        transport: Transport,
        codec: Codec,
        request: Any = None,
        bundle: Bundle | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> Attachment:
        """Take up a new transport, or a share of one; its client has to connect within the deadline.

        `request` is the HTTP request that opened it, for the connect hook to look at; `heartbeat` is another than that of the settings.
        """
        attachment = Attachment(self, transport, codec, request, self.settings.max_waiting)
        attachment.bundle = bundle
        attachment.heartbeat = heartbeat or self.settings.heartbeat
        attachment.address = self.limiting.address(request)
        if bundle is None:
            self.limiting.gate.entered(attachment.address)
        self.limiting.begin(attachment)
        self.attachments[attachment] = None
        self.unconnected.add(attachment)
        return attachment

    def crowded(self, request: Any) -> str | None:
        """Say why who sent `request` gets no further transport for now; None where he does."""
        reason = self.limiting.gate.refuses(self.limiting.address(request))
        self.metrics.limited += reason is not None
        return reason

    def lost(self, attachment: Attachment, code: int) -> None:
        """Part an attachment from its session, which lingers unless its client closed it with 1000, or cannot continue it."""
        session = self.detach(attachment, code)
        self.metrics.disconnects[code] = self.metrics.disconnects.get(code, 0) + 1
        if session is None:
            return
        session.lost = code
        if code == Close.NORMAL or not session.lasts:
            self.end(session)
        else:
            self._lingering.add(session)

    def detach(self, attachment: Attachment, code: int = Close.ABNORMAL) -> Session | None:
        """Forget a transport, which was lost with `code`; its session, if it has one, is given back without it."""
        attachment.open = False
        attachment.inbox.clear()
        self._moved(attachment)
        if attachment.calls is not None:
            attachment.calls.end()
        if attachment.admission is not None:
            forgo(self, attachment.admission)
            attachment.admission = None
        known = self.attachments.pop(attachment, self) is None
        if attachment.bundle is not None:
            attachment.bundle.parted(attachment, code)
        elif known:
            self.limiting.gate.left(attachment.address, connected=attachment.session is not None)
        self.unconnected.discard(attachment)
        self.heartbeats.discard(attachment)
        session, attachment.session = attachment.session, None
        if session is not None:
            session.attachment = None
            for subscription in session.subscriptions.values():
                subscription.channel.rest(subscription)
        return session

    def afford(self, attachment: Attachment, command: Command) -> bool:
        """Say whether an attachment that has used up its commands may have another one handled."""
        return self.limiting.afford(attachment, command)

    def afford_bytes(self, attachment: Attachment) -> bool:
        """Say whether one that has used up its bytes may go on."""
        return self.limiting.afford_bytes(attachment)

    def overrun(self, attachment: Attachment) -> None:
        """Close an attachment that has too many commands waiting."""
        attachment.close(Close.POLICY, "too many unanswered commands")

    # Sessions.

    def begin(self, attachment: Attachment, identity: Identity, command: Connect, name: str) -> Session:
        """Make a new session called `name` and attach it, as its client asked for."""
        info, dialect = identity.shown(command.info), attachment.codec.dialect
        session = Session(Member(name, identity.user, info, dialect=dialect), identity, command.space)
        session.unseen = attachment.unseen
        self.adopt(session)
        self.metrics.sessions_opened += 1
        self._join(attachment, session)
        return session

    def adopt(self, session: Session) -> None:
        """Take up a session, which is to be attached at once."""
        self.sessions[session.id] = session
        if session.user is not None:
            self._users.setdefault(session.user, {})[session] = None

    def of_user(self, user: str) -> list[Session]:
        """Give the sessions of `user` that live here."""
        return [*self._users.get(user, ())]

    def addressed(self, user: str | None, session: str | None) -> list[Session]:
        """Give the sessions of `user` that live here, or else the one called `session` if it does."""
        if user is not None:
            return self.of_user(user)
        one = self.sessions.get(session or "")
        return [one] if one is not None else []

    def resume(self, attachment: Attachment, session: Session) -> None:
        """Continue a session over a new attachment; an older one is closed with 4409."""
        if (old := session.attachment) is not None:
            self.detach(old)
            old.goodbye(Close.CONTINUED, "the session was continued elsewhere")
        self._lingering.discard(session)
        self.metrics.sessions_resumed += 1
        self._join(attachment, session)
        self._unclaimed.add(session)

    def _join(self, attachment: Attachment, session: Session) -> None:
        self.unconnected.discard(attachment)
        attachment.session = session
        session.attachment = attachment
        if attachment.bundle is None:
            self.limiting.gate.connected(attachment.address)  # `detach` goes by the same
            self.heartbeats.add(attachment)
        else:
            attachment.bundle.connected()
        session.since = max(self.world.wall(), session.since + 1)
        if isinstance(attachment.request, Request):
            attachment.request.fold()  # it lives as long as the connection, and was most of what a session takes
        if session.identity.limits is not None:
            self.limiting.begin(attachment)
        self.expiries.add(session)
        self.records.changed(session)

    def end(self, session: Session) -> None:
        """End a session for good: its places in channels, its subscriptions, its secret."""
        if self.watcher is not None:
            self.watcher.over(session)
        self._part(session)
        self.records.drop(session)
        ended(self, session)

    def _linger_over(self, session: Session) -> None:
        """End a session that others see leave; its secret still brings it back."""
        if self.watcher is not None:
            self.watcher.over(session)
        self.records.over(session)
        self._part(session)
        ended(self, session)

    def surrender(self, session: Session) -> None:
        """Let go of a session that another node goes on with: it takes over its places, and has its record."""
        attachment = session.attachment
        for subscription in session.subscriptions.values():
            self.places.leave(subscription)
        self._part(session)
        self.records.forget(session)
        if attachment is not None:
            attachment.goodbye(Close.CONTINUED, "the session was continued elsewhere")

    def replace(self, session: Session) -> None:
        """End a session in whose place another one of that name begins, here or elsewhere; what is written under the name is the other's."""
        attachment = session.attachment
        if self.watcher is not None:
            self.watcher.over(session)
        self._part(session)
        self.records.forget(session)
        if attachment is not None:
            attachment.goodbye(Close.CONTINUED, "another session was begun in place of this one")
        ended(self, session)

    def _part(self, session: Session) -> None:
        if (attachment := session.attachment) is not None:
            self.detach(attachment)
        self._lingering.discard(session)
        self._unclaimed.discard(session)
        self.expiries.discard(session)
        self.sessions.pop(session.id, None)
        if session.user is not None and (others := self._users.get(session.user)) is not None:
            others.pop(session, None)
            if not others:
                del self._users[session.user]
        for subscription in [*session.subscriptions.values()]:
            self.drop(subscription)

    def _drop_resting(self, session: Session) -> None:
        """Drop what a resumed session did not ask for again; it is no longer there to others either."""
        for subscription in [*session.subscriptions.values()]:
            if subscription.attachment is None and session.attachment is not None:
                self.drop(subscription)

    # Channels.

    def place(self, name: str) -> Place:
        """Give the place called `name`; raises `Refused` for a name that no kind of channel has, and one with wildcards."""
        if wild(name):
            raise Refused("a name with wildcards is no channel's", Code.BAD_REQUEST)
        if (channel := self.channels.get(name)) is not None:
            return channel.place
        if not name or len(name) > self.settings.max_name:
            raise Refused(f"a channel's name has 1 to {self.settings.max_name} characters", Code.LIMIT)
        if not name.isprintable():
            raise Refused("a channel's name has no control characters", Code.BAD_REQUEST)
        if (place := self.hooks.kinds.find(name)) is None:
            raise Refused(f"unknown channel {quoted(name)}", Code.UNKNOWN_CHANNEL)
        return place

    def places_of(self, name: str) -> Place:
        """Give what a subscriber means by `name`: a channel, or all that it matches; raises `Refused` as `place` does."""
        if not wild(name):
            return self.place(name)
        if len(name) > self.settings.max_name or not name.isprintable():
            raise Refused(f"a channel's name has 1 to {self.settings.max_name} printable characters", Code.LIMIT)
        if (place := self.hooks.kinds.cover(name)) is None:
            raise Refused("no channels here that may be subscribed to by wildcards", Code.NOT_AVAILABLE)
        return place

    def subscription(self, session: Session, place: Place) -> Subscription:
        """Give the session's place in a channel, a new one if it has none; raises `Refused` at the limit."""
        if (known := session.subscriptions.get(place.name)) is not None:
            return known
        if len(session.subscriptions) >= (most := self.limiting.channels(session)):
            raise Refused(f"no more than {most} channels", Code.LIMIT)
        channel = self.channels.get(place.name)
        if channel is None:
            channel = self.channels[place.name] = Channel(
                place, self.settings.max_held, self.sessions, self.world, self.metrics
            )
            self.repairs.watch()
            if place.wild:
                self.patterns.add(place.name)
        subscription = channel.subscribe(session)
        session.subscriptions[place.name] = subscription
        if self.watcher is not None:
            self.watcher.entered(session, place.name)
        return subscription

    def wait_for(self, subscription: Subscription) -> None:
        """Let a subscription rest until its client asks on; one that is not asked for within `linger` is dropped."""
        subscription.channel.rest(subscription)
        self._unclaimed.add(subscription.session)

    def drop(self, subscription: Subscription) -> None:
        """Take a subscription away, and the session's place in the channel with it."""
        channel, session = subscription.channel, subscription.session
        if session.subscriptions.pop(channel.name, None) is None:
            return
        channel.unsubscribe(session)
        self.places.exit(subscription)
        if session.id in self.sessions:
            self.records.changed(session)
            if self.watcher is not None:
                self.watcher.left(session, channel.name)
        if not channel.subscriptions:
            del self.channels[channel.name]
            self.patterns.discard(channel.name)
            self.world.start(self._unwatch(channel.name))

    def remove(self, subscription: Subscription, reason: str) -> None:
        """Take a subscription away that its client did not give up, and tell it why."""
        attachment = subscription.session.attachment
        subscription.session.dismiss(subscription.channel.name)
        self.drop(subscription)
        if attachment is not None:
            attachment.tell(Unsubscribed(subscription.channel.name, None, reason))

    async def _unwatch(self, name: str) -> None:
        try:
            if name not in self.delivering.taps:
                await self.broker.unwatch(name)
        except Exception:
            _log.exception("a channel nobody listens to is still watched")

    # Publications.

    async def publish(self, place: Place, draft: Draft, *, ephemeral: bool = False) -> Receipt:
        """Append a publication to a channel; every node delivers it. Raises `Refused` for one that the channel does not take."""
        check_draft(place, draft, ephemeral=ephemeral)
        retention = None if ephemeral else place.kind.retention
        begun = self.world.now()
        receipt = await self.broker.publish(place.name, draft, retention)
        self.metrics.publish_seconds.observe(self.world.now() - begun)
        if receipt.repeated:
            self.metrics.repeats += 1
        elif not receipt.conflict:
            self.metrics.publications += 1
        return receipt

    # Commands.

    def work(self, attachment: Attachment) -> Awaitable[None]:
        """Handle what waits in the attachment's inbox."""
        if self.tracer is None:
            return self.world.start(self._work(attachment))
        attachment.busy = True  # from now on, not from when the task begins
        return self.world.task(
            self._work(attachment)
        )  # a span needs a context of its own from its beginning to its end

    at_once = at_once

    async def _work(self, attachment: Attachment) -> None:
        attachment.busy = True
        try:
            while attachment.inbox:
                # The answers of all that it asked at once would be more than a slow line may have queued.
                self._moved(attachment)
                await attachment.transport.drain()
                if attachment.inbox:  # not of one that was lost meanwhile
                    command = attachment.inbox.pop(0)
                    self._moved(attachment)
                    await self.answer(attachment, command)
        finally:
            attachment.busy = False

    def _moved(self, attachment: Attachment) -> None:
        """Tell who waits for room in an inbox that there may be some, or that none will come before its client reads."""
        if self.moved and (learn := self.moved.get(attachment)) is not None:
            learn()

    async def answer(self, attachment: Attachment, command: Command) -> None:
        """Carry out one command, and tell its client what came of it."""
        self.metrics.commands += 1
        ref = getattr(command, "ref", 0)
        try:
            if self.tracer is None or self._goes_on(attachment, command):
                event = await handle(self, attachment, command)
            else:
                with self.tracer.span(command):
                    event = await handle(self, attachment, command)
        except Exception as error:
            called = command.name if isinstance(command, Call) else ""  # a name that has a handler
            what = f"{type(command).__name__} {called}".rstrip()
            event = refusal(self, what, ref, error)
        if event is not None:
            attachment.tell(event)
        if isinstance(command, Connect) and isinstance(event, Refusal) and event.code == Code.INTERNAL:
            attachment.close(Close.INTERNAL, "internal error")  # its client knows of no session: it would time out

    def _goes_on(self, attachment: Attachment, command: Command) -> bool:
        """Say whether a command is a call that goes on by itself: it has a span of its own."""
        if not isinstance(command, Call) or attachment.session is None:
            return False
        handler = self.hooks.of(attachment.session.space).handler(command)
        return handler is not None and handler.detached

    async def finished(self) -> None:
        """Wait, after `close`, for handlers that go on without their clients; those that take too long are cancelled."""
        if self.unfinished:
            await asyncio.wait([*self.unfinished], timeout=self.settings.finish_grace)
        for work in [*self.unfinished]:
            work.cancel()

    def close(self, code: int = Close.GOING_AWAY, reason: str = "the server is going away") -> None:
        """Close every transport, and all timers; `settled` waits for what is under way then."""
        for attachment in [*self.attachments]:
            self.detach(attachment)
            attachment.goodbye(code, reason)
        for deadlines in (self._lingering, self.unconnected, self._unclaimed, self.call_deadlines, self.expiries):
            deadlines.close()
        for part in (self.heartbeats, self.places, self.changes, self.records, self.repairs, self.rosters):
            part.close()

    async def settled(self) -> None:
        """Wait until what other nodes need of this one is written down."""
        await self.records.flush()
        self.world.start(self.notes.part())  # nobody waits for that: the broker carries it as it is closed, if it does


def _expired(session: Session) -> None:
    if session.attachment is not None:
        session.attachment.close(Close.EXPIRED, "the token expired")


def _too_late(attachment: Attachment) -> None:
    attachment.close(Close.UNAUTHORIZED, "no connect in time")
