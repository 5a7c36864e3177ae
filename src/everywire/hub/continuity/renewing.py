"""Going on with all subscriptions of a session at once: its client remembers one order for all of them, and asks for none.

What it missed is told by rising order over all channels, so that wherever the line breaks the last order that it was told says what
it has. It is read page by page, the channels held before each: in the end what was kept meanwhile follows, and all hear on. Where
any channel cannot give everything, there is no going on.

Nor is there for who loses its line while a subscription begins: where that is is not known yet. Of whose node dies then it is written
down where it was to begin, which tells what it missed only if it was told nothing else since (`Begun.held`). Another session tells the
truth otherwise.

Not promised: what a client gave up, or was taken from it, in the last moment before its node died, it may be told again. And where a line
is dead, and its client comes to another node at the moment of its being subscribed by the first, which then dies before it could say so,
that subscription is lost: its client was never told of it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from everywire.brokers.base import Query, Stretch
from everywire.errors import Refused
from everywire.hub.access.permission import permit
from everywire.hub.channels import pages
from everywire.hub.channels.channel import Subscription
from everywire.hub.channels.ordering import Begun
from everywire.hub.codes import Close
from everywire.hub.continuity.records import Taken
from everywire.messages import Moved, Position, Publication

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.continuity.continuing import Earlier
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Renewal", "claimed", "possible"]

_DIGITS = 18  # of an order that a client may show

_log = logging.getLogger("everywire.hub")


def claimed(text: str) -> Position | None:
    """Read what a client has everything up to, "era:number"; empty: it was told nothing yet. None where it cannot have been told this.

    Behind the number there may be a point, and how many times it was told something beside its channels.
    """
    if not text:
        return Position("", 0)
    era, _, said = text.rpartition(":")
    number, point, _ = said.partition(".")
    if _count(number) is None or not (era or (point and not _count(number))) or (point and not _aside(text)):
        return None
    return Position(era, int(number))


def _aside(text: str) -> int:
    """Give how many times a client was told something beside its channels, where that was its latest news."""
    return _count(text.rpartition(":")[2].partition(".")[2]) or 0


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


async def possible(hub: Hub, earlier: Earlier, caught_up: str) -> bool:
    """Say whether every channel of a session gives all that came since its client was told everything up to `caught_up`."""
    told = claimed(caught_up)
    if told is None or not hub.repairs.ordering.sure:
        return False
    session = hub.sessions.get(earlier.proof.session)
    aside = session.aside if session is not None else earlier.record.aside if earlier.record is not None else None
    if aside is not None and aside.missed(told, _aside(caught_up)):
        return False
    asked = [hub.world.start(_gives(hub, name, begun, told)) for name, begun in _channels(hub, earlier)]
    asked.append(hub.world.start(_latest(hub, earlier)))
    return all([await answer for answer in asked])


async def _latest(hub: Hub, earlier: Earlier) -> bool:
    """Say whether what is known of the session is the latest: another node may have gone on with it since, and not be there to say so.

    Where there is no record of a session that is here, the broker lost it, and with it what might say that.
    """
    name, record = earlier.proof.session, earlier.record
    session = hub.sessions.get(name)
    if hub.broker.alone:
        return True
    try:
        record = record or await hub.records.find(name)
        taken = await hub.records.taken(name)
    except Exception:
        return False
    if record is None:
        return False
    written = Taken(record.since, record.node)
    here = Taken(session.since, hub.node) if session is not None else written
    return here >= max(written, taken or written)


def _channels(hub: Hub, earlier: Earlier) -> list[tuple[str, Begun | None]]:
    """Give where the session is subscribed, and where each of these subscriptions began."""
    session, record = hub.sessions.get(earlier.proof.session), earlier.record
    if session is not None:
        return [(name, each.begun) for name, each in session.subscriptions.items()]
    if record is None or record.begun is None:
        return [(name, None) for name in record.channels] if record is not None else []
    return [*zip(record.channels, record.begun, strict=True)]


async def _gives(hub: Hub, name: str, begun: Begun | None, told: Position) -> bool:
    if begun is None or told.epoch not in ("", begun.era):
        return False
    try:
        retention = hub.place(name).kind.retention
    except Refused:
        return False
    missed = begun.missed(told.offset)
    if missed is None:
        return False
    since = Position(begun.era, missed)
    try:
        return (await hub.broker.read(name, Query(since_order=since, limit=0), retention)).whole
    except Exception:
        return False


class _Page(NamedTuple):
    """What was read of one channel; `rest` is the first of what is left, where there is more."""

    subscription: Subscription
    stretch: Stretch
    rest: Publication | None

    @property
    def reach(self) -> Position:
        """Up to which order it has everything."""
        order = self.stretch.order or Position("", 0)
        return order if self.rest is None else Position(order.epoch, self.rest.order - 1)

    def kept(self) -> list[Publication]:
        """Give what came after it was read."""
        at = self.stretch.position
        news = [each for each in self.subscription.pending if isinstance(each, Publication)]
        return [each for each in news if each.position is None or _after(each.position, at)]

    def sound(self, reach: Position) -> bool:
        """Say whether what was kept goes on from what was read, and is part of all that there is up to `reach`."""
        subscription, at = self.subscription, self.stretch.position
        if subscription.overflown or not subscription.channel.continues(subscription, at):
            return False
        if any(isinstance(each, Moved) and each.epoch != at.epoch for each in subscription.pending):
            return False
        return all(each.era == reach.epoch and each.order <= reach.offset for each in self.kept())

    def told(self, reach: int) -> Position:
        """Give where the channel is when everything of this page up to the order `reach` was told."""
        at = self.stretch.position
        return Position(at.epoch, at.offset - sum(each.order > reach for each in self.stretch.publications))


class Renewal:
    """The subscriptions of one session as they are begun again over `attachment`, of a client that was told everything up to `told`.

    Invariants: all that `_since` holds, by the order from which on it is missed, are held from the first page to the release; `_pages` is
    the latest page of each.
    """

    def __init__(self, hub: Hub, session: Session, attachment: Attachment, told: Position) -> None:
        self._hub = hub
        self._session = session
        self._attachment = attachment
        self._told = told
        self._since: dict[Subscription, int] = {}
        self._gone: list[tuple[Subscription, str]] = []
        self._pages: list[_Page] = []

    async def begin(self) -> bool:
        """Hold all, and read their first page; false where the client is gone, or was closed to come again."""
        for subscription in [*self._session.subscriptions.values()]:
            begun = subscription.begun
            missed = begun.missed(self._told.offset) if begun is not None else None
            if begun is None or missed is None:
                return self._come_again()
            subscription.begun = begun.again(self._told.offset)
            try:
                await permit(self._hub, self._session, subscription.channel.place, "subscribe")
            except Refused as no:
                self._gone.append((subscription, no.reason))
            else:
                self._since[subscription] = missed
        written = self._hub.world.start(self._written())
        held = await self._enter() and await self._read() and await written
        return (held and self._goes_on()) or self._come_again()

    async def _written(self) -> bool:
        """Have other nodes know what is about to be told: whoever goes on from it later is not told it again."""
        try:
            await self._hub.records.written(self._session)
        except Exception as failure:
            _log.error("the record of a session was not written: %s", failure)
            return False
        return True

    async def _enter(self) -> bool:
        """Be there again to others, where its linger was over."""
        for subscription in self._since:
            if subscription.channel.place.kind.presence and not self._session.unseen and subscription.stands:
                try:
                    await self._hub.places.hold(subscription)
                except Exception as failure:
                    _log.error("a place in a channel was not entered: %s", failure)
                    return False
        return self._goes_on()

    async def _read(self) -> bool:
        """Hold all anew, and read a page of each; false where that is not to be had."""
        self._since = {each: since for each, since in self._since.items() if each.stands}
        if not self._goes_on():
            return False
        for subscription in self._since:
            # Held before it is read, as anybody who subscribes; anew for each page, so that no more is kept than came since.
            subscription.channel.hold(subscription, self._attachment)
        sharing = sum(page.rest is not None for page in self._pages) or len(self._since)
        room = max(1, self._hub.settings.max_page // max(1, sharing))
        asked = [self._hub.world.start(self._page(each, since, room)) for each, since in self._since.items()]
        found = [await answer for answer in asked]
        self._pages = [page for page in found if page is not None]
        return self._goes_on() and all(page is not None and page.stretch.whole for page in found)

    async def _page(self, subscription: Subscription, since: int, room: int) -> _Page | None:
        name, begun = subscription.channel.name, subscription.begun
        assert begun is not None
        query = Query(since_order=Position(begun.era, since), limit=room + 1)
        try:
            await self._hub.broker.watch(name)
            stretch = await self._hub.broker.read(name, query, subscription.channel.place.kind.retention)
        except Exception as failure:
            _log.error("what a session missed cannot be read: %s", failure)
            return None
        found = stretch.publications
        rest = found[room] if len(found) > room else None
        return _Page(subscription, replace(stretch, publications=found[:room]), rest)

    async def tell(self) -> None:
        """Tell what was missed, then let all hear on."""
        for subscription, reason in self._gone:
            self._hub.remove(subscription, reason)
        # One that would come back with no more than before is told all of it, as fast as its line takes it.
        endless = self._session.acknowledged is not None
        for _ in count() if endless else range(max(1, self._hub.settings.max_pages)):
            if self._tell_page():
                return
            await self._attachment.transport.drain()
            if not await self._read():
                break
        self._come_again()  # it was told a part of it, and goes on from there

    def _tell_page(self) -> bool:
        """Tell what the pages have in order and without a hole; say whether that was the last of it."""
        self._pages = [page for page in self._pages if page.subscription.stands]
        if not self._pages:
            return True
        reach = min((page.reach for page in self._pages), key=_offset)
        there = self._read_up_to(reach.offset)
        page = pages.cut(there, self._hub.settings)
        if len(page) == len(there) and all(each.rest is None for each in self._pages):
            return self._finish(reach)
        if len(page) < len(there):
            reach = Position(reach.epoch, page[-1].order)
        self._say(page, reach.epoch)
        self._since = {each: max(since, reach.offset) for each, since in self._since.items()}
        return False

    def _read_up_to(self, reach: int) -> list[Publication]:
        found = [each for page in self._pages for each in page.stretch.publications if each.order <= reach]
        return sorted(found, key=_in_order)

    def _finish(self, read: Position) -> bool:
        """Tell what is left, with what was kept meanwhile, and let all hear on; false where something is missing."""
        reach = Position(read.epoch, self._hub.repairs.ordering.reaches(read))
        if not all(page.sound(reach) for page in self._pages):
            return False
        left = [*self._read_up_to(reach.offset), *(each for page in self._pages for each in page.kept())]
        self._say(sorted(left, key=_in_order), reach.epoch, reach.offset)
        for page in self._pages:
            self._release(page, page.told(reach.offset))
        self._hub.metrics.recoveries += len(self._pages)
        return True

    def _release(self, page: _Page, told: Position) -> None:
        subscription = page.subscription
        subscription.pending = [each for each in subscription.pending if not isinstance(each, Publication)]
        subscription.channel.release(subscription, told)

    def _say(self, publications: Sequence[Publication], era: str, reach: int = 0) -> None:
        """Tell what is for the session, each with its order; the last with `reach`, where everything up to there is told then.

        An order that is not greater than what the client had before would take it back to there, or say nothing of what it is told now: it
        is left out.
        """
        meant = pages.meant(publications, self._session)
        last = len(meant) - 1
        for place, each in enumerate(meant):
            order = max(reach, each.order) if place == last else each.order
            told = structs.replace(each, order=order, era=era) if order > self._told.offset else each.unordered()
            self._attachment.tell(told)

    def _goes_on(self) -> bool:
        return self._attachment.open and self._session.attachment is self._attachment

    def _come_again(self) -> bool:
        """Close the line, for the client to come back with what it has then."""
        self._attachment.close(Close.TRY_AGAIN_LATER, "what was missed cannot be told at this moment")
        return False


def _after(position: Position, at: Position) -> bool:
    return position.epoch == at.epoch and position.offset > at.offset


def _offset(position: Position) -> int:
    return position.offset


def _in_order(publication: Publication) -> tuple[int, bool]:
    return publication.order, publication.position is None
