"""One channel as a client follows it: its position in the channel's log, and who is there."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from everywire.client.wire import Member, Moved, Page, Position, Publication, Subscribed
from everywire.errors import EverywireError

__all__ = ["Following", "HistoryLost", "Host", "State", "Subscription"]

log = logging.getLogger("everywire.client")

_MOST_PAGES = 64  # that we take to one question


class HistoryLost(EverywireError):
    """What was published after `since` is gone for good: forget what was built from it. Iterating again goes on after the gap."""

    def __init__(self, channel: str, since: Position) -> None:
        super().__init__(f"{channel}: publications after offset {since.offset} are lost")
        self.channel = channel
        self.since = since


class State(Enum):
    """Where a subscription stands."""

    SUBSCRIBING = "subscribing"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Following:
    """How a channel is followed; see `Client.subscribe`."""

    rewind: int = 0
    since: Position | None = None
    on_publication: Callable[[Publication], object] | None = None
    on_join: Callable[[Member], object] | None = None
    on_leave: Callable[[Member], object] | None = None
    on_lost: Callable[[HistoryLost], object] | None = None
    max_queue: int = 1000


class Host(Protocol):
    """What a subscription asks of its client."""

    def follow(self, subscription: Subscription) -> None: ...

    def publish(
        self, channel: str, data: Any, *, key: str | None = None, ephemeral: bool = False
    ) -> Awaitable[Position | None]: ...

    def history(
        self, channel: str, *, limit: int | None = None, since: Position | None = None, reverse: bool = False
    ) -> Awaitable[Page]: ...

    def presence(self, channel: str) -> Awaitable[list[Member]]: ...

    def unsubscribe(self, channel: str) -> None: ...


class Subscription:
    """A channel that is followed over every reconnection. Iterate over it, or give `on_publication`:

        async for publication in subscription: ...

    `members` says who is here, by session, where the channel has presence. Iterating ends when the subscription ends; it raises `Refused` when the server
    said no, and `HistoryLost` where publications are gone, unless there is an `on_lost`. An iteration that falls `max_queue` publications behind lets the
    rest wait in the channel's log, and fetches it from there.

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
        self._queue: deque[tuple[Publication | HistoryLost, Position | None]] = deque()
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

    async def ready(self) -> None:
        """Wait until the server has agreed for the first time; raises `Refused`, or why the client was closed.

        Returns, too, when the queue is full of what was missed: the rest comes when somebody iterates.
        """
        await self._answered.wait()
        if self._error is not None:
            raise self._error

    def publish(self, data: Any, *, key: str | None = None, ephemeral: bool = False) -> Awaitable[Position | None]:
        """Publish here; see `Client.publish`."""
        return self._host.publish(self.channel, data, key=key, ephemeral=ephemeral)

    def history(
        self, *, limit: int | None = None, since: Position | None = None, reverse: bool = False
    ) -> Awaitable[Page]:
        """Read what the channel keeps; see `Client.history`."""
        return self._host.history(self.channel, limit=limit, since=since, reverse=reverse)

    def presence(self) -> Awaitable[list[Member]]:
        """Ask the server who is here."""
        return self._host.presence(self.channel)

    def unsubscribe(self) -> None:
        """Follow the channel no longer."""
        if self.state is not State.UNSUBSCRIBED:
            self._host.unsubscribe(self.channel)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Publication:
        while not self._queue:
            if self.state is State.UNSUBSCRIBED:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._catch_up()
            self._news.clear()
            await self._news.wait()
        item, place = self._queue.popleft()
        self._handed = place or self._handed
        if isinstance(item, HistoryLost):
            raise item
        return item

    def _catch_up(self) -> None:
        """Ask for what waited in the log while the queue was full."""
        if self._behind and not self._asking:
            self._ask()

    # What the client tells.

    def command(self) -> dict[str, Any]:
        """Give the subscribe command, without its id."""
        since = None if self._heard is None else {"epoch": self._heard.epoch, "offset": self._heard.offset}
        pages = self._pages if self._pages > 1 else None
        rewind = self._following.rewind or None
        return {"type": "subscribe", "channel": self.channel, "since": since, "rewind": rewind, "pages": pages}

    def answered(self, answer: Subscribed) -> None:
        """The server agreed, for the first time or again."""
        since = self._heard
        self._behind, self._asking = False, answer.more == "follows"
        if answer.more is None:
            self.state, self._pages = State.SUBSCRIBED, 1
            self.members.clear()
            self.members.update((member.session, member) for member in answer.members)
        start = since.offset if answer.recovered and since is not None else 0
        self._heard = Position(answer.epoch, start)
        if since is not None and not answer.recovered:
            self._lost(HistoryLost(self.channel, since))
        for publication in answer.publications:
            self._hand(publication)
        if self.state is State.UNSUBSCRIBED:
            return
        if self._behind:
            self._stop_following()
        else:
            self._heard = Position(answer.epoch, max(self._heard.offset, answer.offset))
        if answer.more == "ask" and not self._behind:
            self._pages = min(2 * self._pages, _MOST_PAGES)
            self._ask()
        if answer.more is None or self._behind:
            self._answered.set()

    def _stop_following(self) -> None:
        """Ignore the pages that still follow: they are in the log, and somebody has to iterate first."""
        if self.state is State.SUBSCRIBING:
            self.asked, self._asking = 0, False
        self._pages = 1

    def published(self, publication: Publication) -> None:
        """A publication comes as it happens."""
        if self.state is not State.SUBSCRIBED or self._behind or self._heard is None:
            return
        if publication.offset is None or publication.offset <= self._heard.offset + 1:
            self._hand(publication)
        else:
            self.moved()  # a gap: something between was lost on its way

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

    def _hand(self, publication: Publication) -> None:
        heard = self._heard
        if self.state is State.UNSUBSCRIBED or heard is None or self._behind:
            return  # a callback may have left meanwhile
        if publication.offset is not None and publication.offset <= heard.offset:
            return
        if self._following.on_publication is None and len(self._queue) >= self._following.max_queue:
            self._behind = True
            return
        if publication.offset is not None:
            self._heard = Position(heard.epoch, publication.offset)
        if self._following.on_publication is None:
            self._enqueue(publication)
        else:
            self._call(self._following.on_publication, publication)

    def _lost(self, lost: HistoryLost) -> None:
        if self._following.on_lost is not None:
            self._call(self._following.on_lost, lost)
        elif self._following.on_publication is None:
            self._enqueue(lost)
        else:
            log.warning("%s", lost)

    def _enqueue(self, item: Publication | HistoryLost) -> None:
        self._queue.append((item, self._heard))
        self._news.set()

    def _call(self, callback: Callable[[Any], object] | None, value: Any) -> None:
        """Call an application's callback; its errors are logged and harm nobody else."""
        if callback is not None:
            try:
                callback(value)
            except Exception:
                log.exception("error in a callback of channel %s", self.channel)
