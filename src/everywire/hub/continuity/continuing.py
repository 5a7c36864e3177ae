"""Going on with an earlier session: one that is here, one of another node, or one that is over."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.hub.channels.channel import Channel, Subscription
from everywire.hub.channels.ordering import Begun
from everywire.hub.codes import Close, Code
from everywire.hub.continuity.acknowledging import Acknowledgement
from everywire.hub.continuity.proofs import Proof, Signer
from everywire.hub.continuity.records import Record, Taken
from everywire.hub.session import Session
from everywire.hub.world import pause
from everywire.messages import Member, Raw

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub

__all__ = ["Continuing", "Earlier"]

_TRIES = 5  # to tell the node that had a session; until then the session is there twice
_LATELY = 10_000  # sessions that a node remembers to have abandoned
_SOON = 0.5  # seconds; whoever is told later may have lost its lease before, and have entered its places again
_AT_ONCE = 250  # records asked for before the first of them is answered

_log = logging.getLogger("everywire.hub")


class _Continued(msgspec.Struct):
    session: str
    since: int = 0
    # Of a client that asks for none again: who goes on says which channels it knows; who lets go, where those that it has began, which of
    # the others the server is yet to subscribe it to, and which are gone.
    known: tuple[str, ...] = ()
    channels: dict[str, Begun] = {}
    more: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    anew: bool = False  # it is another session than the one that had this name


@dataclass(frozen=True, slots=True)
class Earlier:
    """A session that a secret, which says `proof`, would continue; without a `record` it is on this node."""

    proof: Proof
    identity: Identity
    record: Record | None = None
    space: str = ""


class Continuing:
    """Gives out secrets, and goes on with the sessions of those that are shown.

    A session that is not here is rebuilt from its record; its places in channels are taken over, so that others see it neither leave
    nor join, and the node that had it is told by a note and lets it go. Two nodes may be asked for the same session at once: both
    tell, all nodes hear that in the same order, and who told last has it. Who lets a session go tells that, too: what it asked of the
    broker came before, so the places that the other enters then are its own at last.

    Invariants: `_told` holds the sessions that this node took from another, by when it did so last, while its note of that has not come back
    to it; `_abandoned` are the latest that it ended since they could not be gone on with: another node may have read its record just before.
    """

    def __init__(self, hub: Hub, signer: Signer) -> None:
        self._hub: Final = hub
        self._signer: Final = signer
        self._told: dict[str, int] = {}
        self._abandoned: OrderedDict[str, None] = OrderedDict()
        hub.notes.add("continued", _Continued, self._continued)
        hub.notes.add("surrendered", _Continued, self._surrendered)
        hub.notes.add("abandoned", _Continued, self._given_up)
        hub.places.verified = self.verify

    def secret(self, session: Session) -> str:
        """Give what continues `session`, to be shown by its client alone."""
        return self._signer.sign(Proof(session.id, session.user, self._hub.world.wall()))

    def guessed(self, resume: str | None) -> bool:
        """Say whether `resume` is what somebody made up."""
        return resume is not None and self._signer.open(resume) is None and self._signer.guessed(resume)

    async def find(self, resume: str | None) -> Earlier | None:
        """Give the session that `resume` would continue; None where it is no secret of ours, or its session is forgotten."""
        proof = self._signer.open(resume) if resume is not None else None
        if proof is None:
            return None
        session = self._hub.sessions.get(proof.session)
        if session is not None:
            return Earlier(proof, session.identity, None, session.space) if session.user == proof.user else None
        found = await self._recorded(proof.session, proof)
        return found if found is not None and found.identity.user == proof.user else None

    async def named(self, name: str) -> Earlier | None:
        """Give the session called `name`, whoever's it is, which its client's key would continue; None where it is forgotten, or was kicked out."""
        session = self._hub.sessions.get(name)
        if session is not None:
            return Earlier(Proof(name, session.user, session.since), session.identity, None, session.space)
        return await self._recorded(name)

    async def _recorded(self, name: str, proof: Proof | None = None) -> Earlier | None:
        """Give a session by its record; one that nothing else proves was last shown to be its client's when that was written."""
        try:
            record = await self._hub.records.find(name)
            if record is None:
                return None
            proof = proof or Proof(name, record.identity.user, record.since)
            banned = await self._hub.revoking.banned(proof)
        except Exception as failure:
            _log.error("no session can be continued: %s", failure)
            raise Refused("sessions cannot be looked for at this moment", Code.INTERNAL, temporary=True) from failure
        return Earlier(proof, record.identity, record, record.space) if not banned else None

    def take(self, earlier: Earlier, attachment: Attachment, identity: Identity | None = None) -> Session | None:
        """Go on with an earlier session over `attachment`; None where it has ended meanwhile.

        `identity` is what a newer token of the same user says.
        """
        name = earlier.proof.session
        session = self._hub.sessions.get(name)
        taken: list[Subscription] = []
        if session is None:
            if earlier.record is None or name in self._abandoned or self._hub.revoking.banned_lately(earlier.proof):
                return None
            session, taken = self._rebuilt(name, earlier.record, attachment.codec.dialect)
        if identity is not None:
            session.become(identity)
        self._hub.resume(attachment, session)
        if not self._hub.broker.alone:  # another node may just have taken it from this one, or this one from another
            session.continued = True
            self._claim(session)
        if taken:
            self._hub.world.start(self._hold(taken))
        return session

    def begun(self, session: Session) -> None:
        """Have other nodes know of a session that its client's key names: one of that name that they have, or begin, is not it."""
        session.known = False
        self._abandoned.pop(session.id, None)
        if not self._hub.broker.alone:
            session.continued = True
            self._claim(session, anew=True)

    def abandon(self, session: Session) -> None:
        """End a session that cannot be gone on with: its client begins another one."""
        attachment = session.attachment
        self._abandoned[session.id] = None
        if len(self._abandoned) > _LATELY:
            self._abandoned.popitem(last=False)
        self._hub.end(session)
        if attachment is not None:
            attachment.goodbye(Close.TRY_AGAIN_LATER, "the session cannot be gone on with")

    def _rebuilt(self, name: str, record: Record, dialect: str) -> tuple[Session, list[Subscription]]:
        """Make the session anew, its subscriptions resting; gives those whose places it still has."""
        hub = self._hub
        info = Raw(record.info) if record.info is not None else None
        member = Member(name, record.identity.user, info, dialect=dialect)
        session = Session(member, record.identity, record.space)
        session.since = record.since
        session.enrolled = record.enrolled
        session.told = True
        session.aside = record.aside
        session.known = record.known
        session.acknowledged = Acknowledgement(record.acknowledged) if record.acknowledged is not None else None
        hub.adopt(session)
        found = [*self._subscribed(session, record.channels)]
        if record.begun is not None:
            session.again = hub.enrolling.again
            begun = dict(zip(record.channels, record.begun, strict=False))
            for each in found:
                each.begun = begun.get(each.channel.name)
        return session, [] if record.over else [each for each in found if each.channel.place.kind.presence]

    def _subscribed(self, session: Session, channels: Iterable[str]) -> Iterable[Subscription]:
        for name in channels:
            try:
                yield self._hub.subscription(session, self._hub.places_of(name))
            except Refused:
                _log.info("a session goes on without %s, which is not there any more", ascii(name))

    def left(self, channel: Channel, name: str) -> None:
        """Enter a place once more that is lost, though its session is here: a node that had it before took it, and is gone with it."""
        session = self._hub.sessions.get(name)
        if session is not None and session.attachment is not None:
            lost = [each for each in self._hub.places.of(session) if each.channel is channel]
            if lost:
                self._hub.world.start(self._hold(lost))

    async def _hold(self, subscriptions: Iterable[Subscription]) -> None:
        """Take over places; where that fails they are lost with the lease, and entered when the client subscribes again."""
        for subscription in subscriptions:
            try:
                if subscription.stands:
                    await self._hub.places.hold(subscription)
            except Exception:
                _log.exception("a place in a channel was not taken over")

    def _claim(self, session: Session, *, anew: bool = False) -> None:
        self._told[session.id] = session.since
        self._hub.world.start(self._tell(session, anew=anew))

    async def _tell(self, session: Session, *, anew: bool) -> None:
        begun, since = self._hub.world.now(), session.since
        if anew:
            since = await self._after(session)
        elif await self._overtaken(session):
            self._heard_back(session.id, since)
            if self._hub.sessions.get(session.id) is session:
                self._let_go(session)
            return
        if await self._say("continued", _Continued(session.id, since, _known(session), anew=anew), session):
            if self._hub.world.now() - begun > _SOON:
                await self._hold(
                    self._hub.places.of(session)
                )  # who had it may have entered them meanwhile, and ended it
            return
        self._heard_back(session.id, since)
        if (
            session.id not in self._hub.sessions
        ):  # it ended, and what was asked for it may have cost another node its places
            await self._say("surrendered", _Continued(session.id))

    def _heard_back(self, name: str, since: int) -> None:
        """Take notice that the note of when a session was taken has come back, or was not told; a later one may be under way."""
        if self._told.get(name, since + 1) <= since:
            del self._told[name]

    async def _overtaken(self, session: Session) -> bool:
        """Write down that the session is here, unless another node went on with it later: this one did not hear that, then."""
        try:
            return await self._hub.records.take(session.id, Taken(session.since, self._hub.node)) is not None
        except Exception as failure:
            _log.error("it is not written down that a session was continued: %s", failure)
            return False

    async def _after(self, session: Session) -> int:
        """Write down that a session is here that begins anew: later than whatever had its name, also where that node's clock is ahead."""
        since = session.since
        try:
            while (later := await self._hub.records.take(session.id, Taken(since, self._hub.node))) is not None:
                since = later.since + 1
                session.since = max(session.since, since)
                self._told[session.id] = session.since
                self._hub.records.changed(session)
        except Exception as failure:
            _log.error("it is not written down that a session was begun: %s", failure)
        return since

    async def _say(self, kind: str, note: _Continued, session: Session | None = None) -> bool:
        """Tell the other nodes, as long as `session` is here; say whether they were told."""
        for attempt in range(_TRIES):
            if session is not None and self._hub.sessions.get(session.id) is not session:
                return False  # it ended before they could be told: whoever has it by now keeps it
            try:
                await self._hub.notes.tell(kind, note)
            except Exception as failure:
                _log.error("a session was %s, and other nodes do not know yet: %s", kind, failure)
                await pause(self._hub.world, 2.0**attempt)
            else:
                return True
        return False

    def _continued(self, note: _Continued, node: str) -> None:
        if node == self._hub.node:
            self._heard_back(note.session, note.since)
            return
        if note.anew:
            self._abandoned.pop(note.session, None)  # that was another one
        if note.session in self._abandoned:
            self._hub.world.start(self._say("abandoned", _Continued(note.session)))
        elif (session := self._hub.sessions.get(note.session)) is not None:
            if note.session in self._told:  # ours was told later
                session.since = max(session.since, note.since + 1)
            elif note.anew:
                self._hub.replace(session)
            else:
                self._let_go(session, note.known)

    def _given_up(self, note: _Continued, node: str) -> None:
        session = self._hub.sessions.get(note.session)
        if session is not None and node != self._hub.node:
            self.abandon(session)

    def _let_go(self, session: Session, known: Sequence[str] = ()) -> None:
        if not session.known:  # it began anew here, as the earlier one went on there: it says nothing of where that is
            self._hub.replace(session)
            self._hub.world.start(self._say("surrendered", _Continued(session.id)))
            return
        there = _known(session)
        note = _Continued(
            session.id,
            channels={name: each.begun for name, each in session.subscriptions.items() if each.begun is not None},
            more=tuple(name for name in session.enrolled if session.ordered and name not in known),
            gone=tuple(name for name in known if name not in there),
        )
        self._hub.surrender(session)
        self._hub.world.start(self._say("surrendered", note))

    def _surrendered(self, note: _Continued, node: str) -> None:
        session = self._hub.sessions.get(note.session)
        if session is None or node == self._hub.node:
            return
        if session.ordered and not self._goes_on(session, note):
            # It was subscribed there after its record was read here, and what came meanwhile is missing: another session tells the truth.
            self.abandon(session)
            return
        self._hub.world.start(self._hold(self._hub.places.of(session)))

    def _goes_on(self, session: Session, note: _Continued) -> bool:
        """Have a session be where it was in the end on the node that let it go; false where it has begun later here, or not at all."""
        for name in note.gone:
            session.dismiss(name)
            if name in session.subscriptions:
                self._hub.remove(session.subscriptions[name], "it is over")
        self._hub.records.changed(session)  # what was written there last may have come after what was written here
        if not all(_has(session, name, begun) for name, begun in note.channels.items()):
            return False
        for name in note.more:
            self._hub.enrolling.add(session, name)
        return True

    async def verify(self) -> None:
        """Let go of sessions that went on elsewhere, which this node may not have heard: news were lost."""
        if self._hub.broker.alone:
            return
        names = [*self._hub.sessions]
        for at in range(0, len(names), _AT_ONCE):
            asked = [self._hub.world.start(self._verified(name)) for name in names[at : at + _AT_ONCE]]
            if not all([await answer for answer in asked]):
                _log.error("it is not known which sessions went on elsewhere: the broker does not answer")
                return

    async def _verified(self, name: str) -> bool:
        """Compare a session with who has taken it; false where that cannot be read."""
        try:
            taken = await self._hub.records.taken(name)
        except Exception:
            return False
        session = self._hub.sessions.get(name)
        if session is None or name in self._told:
            return True
        if taken is None and session.continued and session.attachment is not None:
            self._claim(session)  # the broker forgot who has it, and perhaps before the node that had it was told
        elif taken is not None and taken > Taken(session.since, self._hub.node):
            self._let_go(session)
        return True


def _known(session: Session) -> tuple[str, ...]:
    """Give the channels where a session is, or is to be, whose client asks for none of them again."""
    return (*session.subscriptions, *session.enrolled) if session.ordered else ()


def _has(session: Session, channel: str, begun: Begun) -> bool:
    """Say whether the session has not begun later in a channel than it had elsewhere."""
    here = session.subscriptions.get(channel)
    if here is None or here.begun is None:
        return False
    return here.begun.era == begun.era and here.begun.since <= begun.since
