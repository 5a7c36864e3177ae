"""What each command does: permission, act, answer.

Each function gives the event that answers its command; None where it has answered already or where
nobody is left to hear. It raises `Refused` for a polite no. After every `await` the transport that asked
may be gone, so that what is done afterwards asks first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from everywire import messages as m
from everywire.brokers.base import Draft, Query, Stretch
from everywire.errors import Refused
from everywire.hub import pages
from everywire.hub.channel import State, Subscription
from everywire.hub.codes import Close, Code
from everywire.hub.hooks import Connecting
from everywire.hub.kinds import Access, Action, Place
from everywire.hub.world import settled

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["handle"]


async def handle(hub: Hub, attachment: Attachment, command: m.Command) -> m.Event | None:
    """Carry out one command of one client."""
    session = attachment.session
    match command:
        case m.Connect():
            return await _connect(hub, attachment, command)
        case m.Malformed(reason=reason):
            raise Refused(reason, Code.BAD_REQUEST)
        case _ if session is None:
            attachment.close(Close.UNAUTHORIZED, "connect first")
            return None
        case m.Pong():
            return None
        case m.Ping(ref):
            return m.Ponged(ref)
        case m.Leave():
            hub.end(session)
            attachment.transport.close(Close.NORMAL, "")
            return None
        case m.Call():
            return await _call(hub, session, command)
        case _:
            return await _channel_command(hub, session, command)


async def _channel_command(hub: Hub, session: Session, command: m.Command) -> m.Event | None:
    match command:
        case m.Subscribe():
            return await _subscribe(hub, session, command)
        case m.Unsubscribe():
            return _unsubscribe(hub, session, command)
        case m.Publish():
            return await _publish(hub, session, command)
        case m.History():
            return await _history(hub, session, command)
        case m.Presence():
            return await _presence(hub, session, command)
        case _:
            raise TypeError(f"no such command: {command!r}")


async def _connect(hub: Hub, attachment: Attachment, command: m.Connect) -> m.Event | None:
    if attachment.session is not None:
        raise Refused("connected already", Code.BAD_REQUEST)
    _check_size("info", command.info, hub.settings.max_info)
    try:
        user = await _user(hub, attachment, command)
    except Refused as no:
        attachment.tell(m.Refusal(command.ref, no.code, no.reason, no.temporary))
        attachment.close(_turned_away(no), no.reason)
        return None
    if not attachment.open:
        return None
    session = hub.resumable(command.resume, user) if command.resume is not None else None
    if session is not None:
        hub.resume(attachment, session)
    resumed = session is not None
    session = session or hub.begin(attachment, user, command.info)
    heartbeat = hub.settings.heartbeat
    return m.Connected(command.ref, session.id, session.user, session.resume, resumed, heartbeat)


async def _user(hub: Hub, attachment: Attachment, command: m.Connect) -> str | None:
    if hub.hooks.connect is None:
        return None
    connecting = Connecting(command.token, attachment.request, command.info)
    user = await settled(hub.world, hub.hooks.connect(connecting))
    if user is not None and not isinstance(user, str):
        raise TypeError(f"the connect hook gives a user's name or None, not {user!r}")
    return user


def _turned_away(no: Refused) -> Close:
    """Say with which code a client goes that may not connect: whether it comes back depends on it."""
    if no.temporary:
        return Close.TRY_AGAIN_LATER
    return Close.UNAUTHORIZED if no.code == Code.UNAUTHORIZED else Close.REFUSED


async def _subscribe(hub: Hub, session: Session, command: m.Subscribe) -> m.Event | None:
    attachment = session.attachment
    place = hub.place(command.channel)
    known = session.subscriptions.get(place.name)
    if known is not None and known.state is State.LIVE and command.since is None:
        raise Refused("already subscribed", Code.ALREADY_SUBSCRIBED)
    await _permit(hub, session, place, "subscribe")
    if attachment is None or attachment is not session.attachment:
        return None
    fresh = place.name not in session.subscriptions
    subscription = hub.subscription(session, place)
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
    if subscription.overflown:
        hub.drop(subscription)
        raise Refused("too much was published meanwhile", Code.LIMIT, temporary=True)
    attachment.tell(answer)
    assert answer.position is not None
    subscription.channel.release(subscription, answer.position)
    return None


async def _page_by_page(
    hub: Hub, subscription: Subscription, attachment: Attachment, command: m.Subscribe
) -> m.Subscribed:
    """Tell the subscriber all pages but the last; that is given, and holds the rest or says that there is more to ask for.

    Each page is read as if the client had asked on, when there is room for it: what is published meanwhile is in it. Whoever
    publishes faster than a page per round trip would otherwise keep the subscriber out for ever.
    """
    left = min(command.pages, hub.settings.max_pages)
    while True:
        # Held before history is read: what is published in between waits, instead of being lost. Anew for each page:
        # the log has what was kept while the page before was on its way, and there is no bound to how much that is.
        subscription.channel.hold(subscription, attachment)
        answer = await _catch_up(hub, subscription, command)
        left -= 1
        if subscription.attachment is not attachment or answer.more is None or left <= 0:
            return answer
        attachment.tell(msgspec.structs.replace(answer, more="follows"))
        await attachment.transport.drain()
        if subscription.attachment is not attachment:
            return answer
        command = msgspec.structs.replace(command, since=answer.position)


async def _catch_up(hub: Hub, subscription: Subscription, command: m.Subscribe) -> m.Subscribed:
    """Read what the channel's history owes the subscriber, and enter it if one page holds all that."""
    place = subscription.channel.place
    await hub.broker.watch(place.name)
    stretch = await _missed(hub, place, command)
    recovered = command.since is not None and stretch.whole
    page = pages.cut(stretch.publications, hub.settings)
    more: Literal["ask"] | None = "ask" if len(page) < len(stretch.publications) else None
    members = None
    if place.kind.presence and not more:
        if not subscription.stands:
            raise Refused("the subscription is over", Code.NOT_SUBSCRIBED)  # entering now would never be undone
        members = await hub.places.enter(place.name, subscription.session.member)
    if command.since is not None:
        hub.metrics.recoveries += recovered and not more
        hub.metrics.recoveries_failed += not recovered
    return m.Subscribed(command.ref, place.name, pages.end(stretch, page), recovered, page, members, more)


async def _missed(hub: Hub, place: Place, command: m.Subscribe) -> Stretch:
    """Read what came after `since`, or, where that is not whole or not asked, the latest `rewind`: a page, and one more."""
    retention, rewind = place.kind.retention, command.rewind
    if command.since is not None:
        query = Query(command.since, pages.limit(None, hub.settings))
        stretch = await hub.broker.read(place.name, query, retention)
        if stretch.whole:
            return stretch
    if rewind <= hub.settings.max_page:
        latest = await hub.broker.read(place.name, Query(limit=rewind, reverse=True), retention)
        return Stretch(latest.position, latest.publications[::-1], whole=False)
    now = await hub.broker.read(place.name, Query(limit=0), retention)
    first = await hub.broker.read(place.name, pages.oldest(rewind, now, hub.settings), retention)
    return Stretch(first.position, first.publications, whole=False)


def _unsubscribe(hub: Hub, session: Session, command: m.Unsubscribe) -> m.Event:
    subscription = session.subscriptions.get(command.channel)
    if subscription is None:
        raise Refused("not subscribed", Code.NOT_SUBSCRIBED)
    hub.drop(subscription)
    return m.Unsubscribed(command.channel, command.ref)


async def _publish(hub: Hub, session: Session, command: m.Publish) -> m.Event:
    place = hub.place(command.channel)
    _check_size("data", command.data, hub.settings.max_data)
    await _permit(hub, session, place, "publish")
    key = _scoped(session, command.key) if command.key is not None else None
    draft = Draft(command.data, hub.world.wall(), session.member, key)
    receipt = await hub.publish(place, draft, ephemeral=command.ephemeral)
    return m.Published(command.ref, place.name, receipt.position)


def _scoped(session: Session, key: str) -> str:
    """Give a key that another user's same key does not stand for."""
    return f"{'u' if session.user is not None else 'a'}{session.user or ''}\n{key}"


async def _history(hub: Hub, session: Session, command: m.History) -> m.Event:
    place = hub.place(command.channel)
    if place.kind.retention.size == 0:
        raise Refused("no history is kept here", Code.NOT_AVAILABLE)
    await _permit(hub, session, place, "history")
    query = Query(command.since, pages.limit(command.limit, hub.settings), command.reverse, command.before)
    stretch = await hub.broker.read(place.name, query, place.kind.retention)
    page = pages.cut(stretch.publications, hub.settings)
    more = len(page) < len(stretch.publications)
    return m.Page(command.ref, place.name, stretch.position, page, more)


async def _presence(hub: Hub, session: Session, command: m.Presence) -> m.Event:
    place = hub.place(command.channel)
    if not place.kind.presence:
        raise Refused("nobody is listed here", Code.NOT_AVAILABLE)
    await _permit(hub, session, place, "presence")
    members = await hub.broker.members(place.name)
    users = len({member.user for member in members if member.user is not None})
    listed = () if command.brief else members
    return m.Roster(command.ref, place.name, listed, sum(member.tabs for member in members), users)


async def _call(hub: Hub, session: Session, command: m.Call) -> m.Event:
    handler = hub.hooks.handlers.get(command.name)
    if handler is None:
        raise Refused("unknown name", Code.UNKNOWN_NAME)
    _check_size("data", command.data, hub.settings.max_data)
    data = _decoded(command.data)
    result = await settled(hub.world, handler(session.member, data))
    return m.Result(command.ref, m.Raw(msgspec.json.encode(result)))


def _decoded(data: m.Data | None) -> Any:
    if isinstance(data, m.Packed):
        return msgspec.msgpack.decode(data)
    return msgspec.json.decode(data) if data is not None else None


async def _permit(hub: Hub, session: Session, place: Place, action: Action) -> None:
    rule = place.kind.rules.get(action, True)
    if not isinstance(rule, bool):
        access = Access(session.member, place.name, place.params, action)
        rule = await settled(hub.world, rule(access))
    if rule is not True:
        raise Refused("permission denied", Code.DENIED)


def _check_size(what: str, data: m.Data | None, limit: int) -> None:
    if data is not None and memoryview(data).nbytes > limit:
        raise Refused(f"{what} has more than {limit} bytes", Code.LIMIT)
