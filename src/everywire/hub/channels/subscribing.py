"""Subscribing to channels: held, told what was missed page by page, then live."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import msgspec

from everywire import messages as m
from everywire.brokers.base import Query, Stretch
from everywire.errors import Refused
from everywire.hub.access.permission import permit
from everywire.hub.channels import entries, pages
from everywire.hub.channels.adjusting import wanted
from everywire.hub.channels.channel import State, Subscription
from everywire.hub.channels.ordering import Begun
from everywire.hub.codes import Code
from everywire.hub.kinds import Place
from everywire.messages import Position

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["subscribe", "subscribe_again", "subscribe_unasked", "unsubscribe"]

_TRIES = 3  # readings, where news are lost meanwhile


async def subscribe(hub: Hub, session: Session, command: m.Subscribe) -> m.Event | None:
    """Answer a `Subscribe`, once or page by page."""
    attachment = session.attachment
    place = hub.places_of(command.channel)
    wanted(place, command.policy, delta=command.delta)  # before a rule is asked; it refuses what makes no sense
    known = session.subscriptions.get(place.name)
    if known is not None and known.state in (State.LIVE, State.AHEAD) and command.since is None:
        raise Refused("already subscribed", Code.ALREADY_SUBSCRIBED)
    hub.limiting.subscribe(session)
    await permit(hub, session, place, "subscribe")
    if attachment is None or attachment is not session.attachment:
        return None
    answer = await _subscribe(hub, session, place, command)
    if answer is None and attachment is session.attachment and place.name not in session.subscriptions:
        raise Refused("the subscription is over", Code.NOT_SUBSCRIBED)  # the server ended it before it had begun
    return answer


async def subscribe_unasked(hub: Hub, session: Session, channel: str) -> None:
    """Subscribe a session in the server's name; nothing where it has no transport, or is subscribed already."""
    known, attachment = session.subscriptions.get(channel), session.attachment
    place = known.channel.place if known is not None else hub.place(channel)
    if attachment is not None and (known is None or known.state is State.RESTING):
        command = m.Subscribe(None, channel, pages=hub.settings.max_pages)
        answer = await _subscribe(hub, session, place, command)
        if answer is not None:
            attachment.tell(answer)  # there is more than that: the client has to ask on


async def subscribe_again(hub: Hub, session: Session, channel: str, since: Position) -> None:
    """Subscribe a session anew, in the server's name, and tell it all after `since`; nothing where it is over, or has no transport.

    Raises `Refused` where all of that is not to be had.
    """
    known = session.subscriptions.get(channel)
    if session.attachment is not None and known is not None and known.state is State.RESTING:
        answer = await _subscribe(hub, session, known.channel.place, m.Subscribe(None, channel, since))
        if answer is not None:
            raise Refused("more was published meanwhile than fits in a page", Code.LIMIT, temporary=True)


def _tell(attachment: Attachment, answer: m.Subscribed, since: Position | None) -> None:
    """Tell a subscriber its last page; who asked for none, and knows no pages, each publication by itself."""
    if answer.ref is not None or since is None:
        attachment.tell(answer)
        return
    if not answer.recovered or answer.entries is not None:
        raise Refused("not everything is kept", Code.NOT_AVAILABLE)
    attachment.tell(msgspec.structs.replace(answer, position=since, publications=()))
    for each in answer.publications:
        attachment.tell(each.unordered())


async def _subscribe(hub: Hub, session: Session, place: Place, command: m.Subscribe) -> m.Event | None:
    attachment, wants = session.attachment, wanted(place, command.policy, delta=command.delta)
    assert attachment is not None
    fresh = place.name not in session.subscriptions
    subscription = hub.subscription(session, place)
    subscription.begun = None
    try:
        answer = await _page_by_page(hub, subscription, attachment, command)
    except BaseException:
        if subscription.attachment is attachment:
            hub.drop(subscription)
        raise
    if subscription.attachment is not attachment:
        return None
    if answer.more:
        # Nothing is kept for a client between two commands: what comes meanwhile is in the log that it asks on from.
        if fresh:
            hub.drop(subscription)
        else:
            hub.wait_for(subscription)
        return answer
    if session.ordered:
        begins = hub.repairs.ordering.begun(answer.order, anew=not fresh) if wants is None else None
        await _write_down(hub, subscription, begins)
        if subscription.attachment is not attachment:
            return None
    if subscription.overflown or _has_a_hole(subscription, attachment, answer):
        hub.drop(subscription)
        raise Refused("too much was published meanwhile", Code.LIMIT, temporary=True)
    _tell(attachment, answer, command.since)
    subscription.wants = wants
    if session.ordered and wants is None:
        subscription.begun = hub.repairs.ordering.begun(answer.order, anew=not fresh)
    subscription.channel.release(subscription, answer.position)
    hub.records.changed(session)
    return None


async def _write_down(hub: Hub, subscription: Subscription, begins: Begun | None) -> None:
    """Have other nodes know of a subscription, and where it `begins`, before its client hears anything: it asks for it nowhere again."""
    if begins is not None:
        begins = msgspec.structs.replace(begins, held=True)
    try:
        await hub.records.written(subscription.session, {subscription.channel.name: begins})
    except Exception as failure:
        hub.drop(subscription)
        raise Refused("cannot be written down at this moment", Code.INTERNAL, temporary=True) from failure


async def _page_by_page(
    hub: Hub, subscription: Subscription, attachment: Attachment, command: m.Subscribe
) -> m.Subscribed:
    """Tell the subscriber all pages but the last; that is given, and holds the rest or says that there is more to ask for.

    Each page is read as if the client had asked on, when there is room for it: what is published meanwhile is in it. Whoever
    publishes faster than a page per round trip would otherwise keep the subscriber out for ever.
    """
    left, tries = min(command.pages, hub.settings.max_pages), _TRIES
    while True:
        # Held before history is read: what is published in between waits, instead of being lost. Anew for each page:
        # the log has what was kept while the page before was on its way, and there is no bound to how much that is.
        subscription.channel.hold(subscription, attachment)
        answer = await _catch_up(hub, subscription, command)
        if _has_a_hole(subscription, attachment, answer) and tries > 0:
            tries -= 1
            continue  # news were lost between what was read and what is heard: the log has them
        left -= 1
        if subscription.attachment is not attachment or answer.more is None or left <= 0:
            return answer
        attachment.tell(msgspec.structs.replace(answer, more="follows"))
        await attachment.transport.drain()
        if subscription.attachment is not attachment:
            return answer
        command = msgspec.structs.replace(command, since=answer.position, after=answer.after)


def _has_a_hole(subscription: Subscription, attachment: Attachment, answer: m.Subscribed) -> bool:
    """Say whether what was kept meanwhile does not go on from where the answer ends."""
    if subscription.attachment is not attachment or answer.more or answer.position is None or subscription.overflown:
        return False
    return not subscription.channel.continues(subscription, answer.position)


async def _catch_up(hub: Hub, subscription: Subscription, command: m.Subscribe) -> m.Subscribed:
    """Read what the channel's history owes the subscriber, and enter it if one page holds all that."""
    place = subscription.channel.place
    await hub.broker.watch(place.name)
    if place.wild:
        return m.Subscribed(command.ref, place.name, None, recovered=False)
    answer = await (_changed if place.kind.retention.keyed else _published)(hub, subscription, command)
    members = None
    if place.kind.presence and not answer.more:
        if not subscription.stands:
            raise Refused("the subscription is over", Code.NOT_SUBSCRIBED)  # entering now would never be undone
        unseen = subscription.session.unseen
        members = await (hub.broker.members(place.name) if unseen else hub.places.enter(subscription))
    if command.since is not None:
        hub.metrics.recoveries += answer.recovered and not answer.more
        hub.metrics.recoveries_failed += not answer.recovered
    return msgspec.structs.replace(answer, members=members)


async def _published(hub: Hub, subscription: Subscription, command: m.Subscribe) -> m.Subscribed:
    """Give a page of what was published."""
    stretch = await _missed(hub, subscription.channel.place, command)
    page = hub.limiting.pages.cut(stretch.publications)
    more: Literal["ask"] | None = "ask" if len(page) < len(stretch.publications) else None
    recovered = command.since is not None and stretch.whole
    meant = hub.limiting.pages.meant(page, subscription.session)
    told = (command.ref, command.channel, pages.end(stretch, page), recovered)
    return m.Subscribed(*told, meant, more=more, order=stretch.order)


async def _changed(hub: Hub, subscription: Subscription, command: m.Subscribe) -> m.Subscribed:
    """Give a page of what became of entries: each publication, if the log has them all, or the last of each."""
    place = subscription.channel.place
    if command.since is not None and command.after is None:
        answer = await _published(hub, subscription, command)
        if answer.recovered:
            return answer
    found = await entries.read(hub, place, command.since, command.after)
    told = (command.ref, place.name, found.position, found.recovered)
    more: Literal["ask"] | None = None if found.after is None else "ask"
    return m.Subscribed(*told, more=more, entries=found.page, after=found.after, order=found.order)


async def _missed(hub: Hub, place: Place, command: m.Subscribe) -> Stretch:
    """Read what came after `since`, or, where that is not whole or not asked, the latest `rewind`: a page, and one more."""
    retention, rewind = place.kind.retention, command.rewind
    if command.since is not None:
        query = Query(command.since, pages.limit(None, hub.settings))
        stretch = await hub.broker.read(place.name, query, retention)
        if stretch.whole:
            return stretch
    if command.rewind_from is not None:
        query = Query(limit=pages.limit(None, hub.settings), from_time=command.rewind_from)
        found = await hub.broker.read(place.name, query, retention)
        return replace(found, whole=False)
    if rewind <= hub.settings.max_page:
        latest = await hub.broker.read(place.name, Query(limit=rewind, reverse=True), retention)
        return replace(latest, publications=latest.publications[::-1], whole=False)
    now = await hub.broker.read(place.name, Query(limit=0), retention)
    first = await hub.broker.read(place.name, pages.oldest(rewind, now, hub.settings), retention)
    return replace(first, whole=False)


def unsubscribe(hub: Hub, session: Session, command: m.Unsubscribe) -> m.Event:
    """Answer an `Unsubscribe`."""
    subscription = session.subscriptions.get(command.channel)
    if subscription is None:
        raise Refused("not subscribed", Code.NOT_SUBSCRIBED)
    session.dismiss(command.channel)
    hub.drop(subscription)
    return m.Unsubscribed(command.channel, command.ref)
