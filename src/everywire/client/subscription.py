"""One channel as a client follows it: its position in the channel's log, and who is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from enum import Enum
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar, Unpack, cast

from msgspec.structs import replace as replaced

from everywire.client.backlog import Backlog
from everywire.client.callbacks import shielded
from everywire.client.commands import Since, Where
from everywire.client.deltas import Bases
from everywire.client.following import Following, HistoryLost, Misfit
from everywire.client.keyed import KeyedMap
from everywire.client.wire import (
    Entries,
    Member,
    Moved,
    Page,
    Passed,
    Policy,
    Position,
    Publication,
    Publishing,
    Roster,
    Subscribed,
    said_policy,
)

__all__ = ["Following", "HistoryLost", "Host", "Misfit", "State", "Subscription"]

log = logging.getLogger("everywire.client")

T = TypeVar("T")
_MOST_PAGES = 64  # that we take to one question
_RECENT = 4096  # publications heard by wildcards that are known again


class State(Enum):
    """Where a subscription stands."""

    SUBSCRIBING = "subscribing"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"


class Host(Protocol):
    """What a subscription asks of its client."""

    def follow(self, subscription: Subscription[Any]) -> None: ...

    def publish(
        self, channel: str, data: Any = None, *, key: str | None = None, ephemeral: bool = False, **where: Unpack[Where]
    ) -> Awaitable[Position | None]: ...

    def history(self, channel: str, *, type: Any, **since: Unpack[Since]) -> Awaitable[Page[Any]]: ...

    def entries(self, channel: str) -> Awaitable[Entries]: ...

    def presence(self, channel: str, *, brief: bool = False) -> Awaitable[Roster]: ...

    def adjust(self, channel: str, policy: Policy) -> Awaitable[Policy]: ...

    def unsubscribe(self, channel: str) -> None: ...


class Subscription(Generic[T]):
    """A channel that is followed over every reconnection. Iterate over it, or give `on_publication`:

        async for publication in subscription: ...

    `members` says who is here, by session, where the channel has presence; `entries` what a keyed channel holds, by entry, as far as it was told.
    Iterating ends when the subscription ends; it raises `Refused` when the server said no, `HistoryLost` where publications are gone, unless there is
    an `on_lost`, and `Misfit` for data of another type than was asked for. An iteration that falls `max_queue` publications behind lets the
    rest wait in the channel's log, and fetches it from there; in a keyed channel it is told only the last change of each entry then, and with
    wildcards what waits is lost. Over a keyed channel it tells the whole map first, then each change; whatever was missed, it is told the difference.

    What was missed may come in several answers, twice as many to each question as to the one before. The server sends nothing else of the channel before
    the last of them; with it the state is SUBSCRIBED.

    Invariants: every publication with an offset is handed on once, in the order of the log; live publications count only while SUBSCRIBED, because the
    answer to a subscribe holds whatever came before it. `_heard` is the place after what was handed on or queued, `position` after what was handed on.
    `_behind`: what comes after `_heard` waits in the log until the queue is empty; then it is asked for, once.
    """

    def __init__(self, host: Host, channel: str, following: Following) -> None:
        self.channel = channel
        self.members: dict[str, Member] = {}
        self.state = State.SUBSCRIBING
        self.asked = 0  # the id of the latest subscribe command; 0: what still comes of its answers counts no more
        self._host = host
        self._following = following
        self._heard = self._handed = following.since
        self._queue = Backlog(following.max_queue)
        self._map = KeyedMap()
        self._bases = Bases()
        self._recent: dict[
            tuple[str, int, int], None
        ] = {}  # with wildcards: channel, offset and time of what was heard lately
        self._behind = False
        self._asking = True
        self._pages = 1
        self._news = asyncio.Event()
        self._answered = asyncio.Event()
        self._error: Exception | None = None

    # What applications use.

    @property
    def position(self) -> Position | None:
        """The place after the last publication that was handed on; None before the first answer. Give it as `since` to go on from there."""
        return self._handed if self._queue else self._heard

    @property
    def entries(self) -> Mapping[str, Publication[T]]:
        """What a keyed channel holds, by entry: a view that follows it, of what was heard, even where an iteration is behind."""
        return MappingProxyType(self._map.entries)

    @property
    def policy(self) -> Policy | None:
        """The delivery policy that was asked for."""
        return self._following.policy

    async def ready(self) -> None:
        """Wait until the server has agreed for the first time; raises `Refused`, or why the client was closed.

        Returns, too, when the queue is full of what was missed: the rest comes when somebody iterates.
        """
        await self._answered.wait()
        if self._error is not None:
            raise self._error

    def publish(
        self, data: Any = None, *, key: str | None = None, ephemeral: bool = False, **where: Unpack[Where]
    ) -> Awaitable[Position | None]:
        """Publish here; see `Client.publish`."""
        return self._host.publish(self.channel, data, key=key, ephemeral=ephemeral, **where)

    def history(self, **since: Unpack[Since]) -> Awaitable[Page[T]]:
        """Read what the channel keeps, its data of the type that the subscription was asked for with; see `Client.history`."""
        return self._host.history(self.channel, type=self._following.kind, **since)

    def presence(self, *, brief: bool = False) -> Awaitable[Roster]:
        """Ask the server who is here; see `Client.presence`."""
        return self._host.presence(self.channel, brief=brief)

    def set_policy(self, policy: Policy) -> Awaitable[Policy]:
        """Have another delivery policy from now on; gives the one that holds, within the server's bounds. Raises `Refused`."""
        self._following = replace(self._following, policy=policy)
        return self._host.adjust(self.channel, policy)

    def unsubscribe(self) -> None:
        """Follow the channel no longer."""
        if self.state is not State.UNSUBSCRIBED:
            self._host.unsubscribe(self.channel)

    def __aiter__(self) -> Subscription[T]:
        return self

    async def __anext__(self) -> Publication[T]:
        while not self._queue:
            if self.state is State.UNSUBSCRIBED:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._catch_up()
            self._news.clear()
            await self._news.wait()
        item, place = self._queue.take()
        self._handed = place or self._handed
        if isinstance(item, Exception):
            raise item
        return cast(Publication[T], item)

    def _catch_up(self) -> None:
        """Ask for what waited in the log while the queue was full."""
        if self._behind and not self._asking:
            self._ask()

    # What the client tells.

    def adopt(self, following: Following) -> None:
        """Be followed so from now on: until now the server alone wanted it. What waits goes to the new callback."""
        self._following = following
        while self._queue and following.on_publication is not None:
            item, place = self._queue.take()
            self._handed = place or self._handed
            if isinstance(item, HistoryLost):
                self._lost(item)
            elif isinstance(item, Publication):
                self._call(following.on_publication, item)

    def command(self) -> dict[str, Any]:
        """Give the subscribe command, without its id."""
        given, (since, after) = self._following, self._map.asked_on or (self._heard, None)
        return {
            "type": "subscribe",
            "channel": self.channel,
            "since": since,
            "after": after,
            "rewind": given.rewind or None,
            "rewind_from": given.rewind_from,
            "pages": self._pages if self._pages > 1 else None,
            "policy": said_policy(given.policy),
            "delta": given.delta or None,
        }

    def answered(self, answer: Subscribed) -> None:
        """The server agreed, for the first time or again."""
        self._behind, self._asking = False, answer.more == "follows"
        if answer.more is None:
            self.state, self._pages = State.SUBSCRIBED, 1
            self.members.clear()
            self.members.update((member.session, member) for member in answer.members)
        if answer.epoch is None:
            self._answered_wild()
        elif answer.entries is not None:
            self._take_entries(answer)
        else:
            self._take_publications(answer, answer.epoch)
        if self.state is State.UNSUBSCRIBED:
            return  # a callback has left
        if self._behind:
            self._stop_following()
        if answer.more == "ask" and not self._behind:
            self._pages = min(2 * self._pages, _MOST_PAGES)
            self._ask()
        if answer.more is None or self._behind:
            self._answered.set()

    def _take_publications(self, answer: Subscribed, epoch: str) -> None:
        since = self._heard
        self._map.epoch = epoch
        if since is not None and epoch != since.epoch:
            self._bases.clear()
        start = since.offset if answer.recovered and since is not None else 0
        self._heard = Position(epoch, start)
        if since is not None and not answer.recovered:
            self._lost(HistoryLost(self.channel, since))
        for publication in answer.publications:
            self._hand(replaced(publication, channel=self.channel))  # the answer says it once for all
        if not self._behind:
            self._heard = Position(epoch, max(self._heard.offset, answer.offset))

    def _take_entries(self, answer: Subscribed) -> None:
        """A keyed channel is told anew, or what changed in it."""
        changes = [replaced(each, channel=self.channel) for each in self._map.told(answer)]
        end = Position(answer.epoch or "", answer.offset) if answer.more is None else None
        if end is not None:
            self._heard = end
        for publication in changes:
            if self.state is State.UNSUBSCRIBED:
                return
            if self._queue.full:
                self._queue.compact()
            self._pass_on(publication, end if publication is changes[-1] else None)

    def _answered_wild(self) -> None:
        """There are no positions: after a reconnection nobody knows what was missed."""
        if self._answered.is_set():
            self._lost(HistoryLost(self.channel, None))

    def _stop_following(self) -> None:
        """Ignore the pages that still follow: they are in the log, and somebody has to iterate first."""
        if self.state is State.SUBSCRIBING:
            self.asked, self._asking = 0, False
        self._pages = 1

    def published(self, publication: Publishing) -> None:
        """A publication comes as it happens."""
        if self.state is not State.SUBSCRIBED or self._behind:
            return
        if self._heard is None:
            self._hand_wild(publication)
            return
        if publication.offset is not None and publication.offset > self._heard.offset + 1:
            self.moved()  # a gap: something between was lost on its way
            return
        if publication.offset is not None and publication.offset <= self._heard.offset:
            return
        if not self._queue:
            self._handed = self._heard
        whole = self._bases.whole(publication) if self._following.delta else publication
        if whole is None:
            self.moved()  # we do not have what it builds on
        else:
            self._hand(whole)

    def passed(self, event: Passed) -> None:
        """The log goes on without us."""
        heard = self._heard
        if self.state is not State.SUBSCRIBED or self._behind or heard is None or event.offset <= heard.offset:
            return
        if event.epoch != heard.epoch or event.offset - event.count > heard.offset:
            self.moved()
            return
        self._heard = Position(heard.epoch, event.offset)
        self._queue.advance(self._heard)

    def moved(self, _: Moved | None = None) -> None:
        """What we have is not continued by what comes: ask again, from where we are."""
        if self.state is State.SUBSCRIBED:
            self._ask()

    def _ask(self) -> None:
        self.state, self._asking = State.SUBSCRIBING, True
        self._host.follow(self)

    def joined(self, member: Member) -> None:
        """A member came."""
        self.members[member.session] = member
        self._call(self._following.on_join, member)

    def left(self, member: Member) -> None:
        """A member went."""
        self.members.pop(member.session, None)
        self._call(self._following.on_leave, member)

    def told(self, members: Iterable[Member]) -> None:
        """These are the members: some of what happened to them was lost on its way to the server."""
        now = {member.session: member for member in members}
        for member in [each for session, each in self.members.items() if session not in now]:
            self.left(member)
        for session, member in now.items():
            if self.members.get(session) != member:
                self.joined(member)

    def link_lost(self) -> None:
        """The connection is gone; the next one asks again."""
        if self.state is not State.UNSUBSCRIBED:
            self.state, self._asking, self._pages = State.SUBSCRIBING, True, 1

    def end(self, error: Exception | None = None) -> None:
        """It is over: by our wish, or because of `error`."""
        if self.state is not State.UNSUBSCRIBED:
            self.state, self._error = State.UNSUBSCRIBED, error
            self.members.clear()
            self._answered.set()
            self._news.set()

    # Handing on.

    def _hand(self, publication: Publication[Any]) -> None:
        heard = self._heard
        if self.state is State.UNSUBSCRIBED or heard is None or self._behind:
            return  # a callback may have left meanwhile
        if publication.offset is not None and publication.offset <= heard.offset:
            return
        if self._following.on_publication is None and self._queue.full:
            if publication.entry is None:
                self._behind = True
                return
            self._queue.compact()
        if publication.offset is not None:
            self._heard = Position(heard.epoch, publication.offset)
        self._pass_on(publication, self._heard)

    def _hand_wild(self, publication: Publication[Any]) -> None:
        """Without positions: once, where we hear the channel under its own name, too.

        That may be told much later, as a policy or the answer to its subscribe has it, so the offset last heard says nothing; and a lost log counts anew.
        """
        if publication.offset is not None:
            mark = publication.channel, publication.offset, publication.time
            if mark in self._recent:
                return
            self._recent[mark] = None
            if len(self._recent) > _RECENT:
                del self._recent[next(iter(self._recent))]
        if self._following.on_publication is None and self._queue.full:
            self._queue.clear()
            self._lost(HistoryLost(self.channel, None))
        self._pass_on(publication, None)

    def _pass_on(self, publication: Publication[Any], place: Position | None) -> None:
        if self._following.delta and type(publication) is Publication:
            self._bases.keep(publication)  # of an answer: these are always whole
        item = self._following.typed(self.channel, publication)
        self._map.change(item if isinstance(item, Publication) else replaced(publication, removed=True))
        if self._following.on_publication is None:
            self._queue.put(item, place)
            self._news.set()
        elif isinstance(item, Publication):
            self._call(self._following.on_publication, item)
        else:
            log.warning("%s", item)

    def _lost(self, lost: HistoryLost) -> None:
        if self._following.on_lost is not None:
            self._call(self._following.on_lost, lost)
        elif self._following.on_publication is not None:
            log.warning("%s", lost)
        elif not self._queue.ends_with(HistoryLost):  # who does not iterate needs no more than one
            self._queue.put(lost, self._heard)
            self._news.set()
        elif self._heard is not None:
            self._queue.advance(self._heard)

    def _call(self, callback: Callable[[Any], object] | None, value: Any) -> None:
        shielded(f"a callback of channel {self.channel}", callback, value)
