"""The client of the native wire: one connection that comes back by itself, and the subscriptions and commands that outlive it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from types import TracebackType
from typing import Any

from everywire.client import wire
from everywire.client.backoff import STABLE, Backoff
from everywire.client.link import Dial, Link, dialling
from everywire.client.pages import collect
from everywire.client.requests import Requests, refusal
from everywire.client.returning import passing
from everywire.client.subscription import Following, HistoryLost, Subscription
from everywire.client.subscription import State as SubscriptionState
from everywire.client.tokens import NoToken, Token, ask, words
from everywire.client.wire import Member, Page, Position, Publication
from everywire.errors import CloseCode, ConnectionClosed, ConnectionClosedError, Refused, closed, reconnectable

__all__ = [
    "Change",
    "Client",
    "ClientOptions",
    "HistoryLost",
    "Member",
    "Page",
    "Position",
    "Publication",
    "State",
    "Subscription",
]

log = logging.getLogger("everywire.client")

_NOT_SUBSCRIBED = 106


class State(Enum):
    """Where a client stands. WAITING is between two tries; CLOSED is the end, by `close()` or because the server said no for good."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Change:
    """A client's new state: `delay` seconds until the next try when WAITING; `code` and `reason` of the end of the last connection.

    `error` is what the token's function raised, where that is why. `resumed`, when CONNECTED: the server still had our session, and nobody saw us leave.
    """

    state: State
    delay: float = 0.0
    code: int = 0
    reason: str = ""
    resumed: bool = False
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """How a client behaves; times in seconds.

    token: who we are: text, or a function (async too) that is asked at each try; where it raises, that try has failed and another follows, unless it raises a
    `Refused` that is not `temporary`: that ends the client. info: what others see in presence, JSON of at most 1 kB. resume: continues an
    earlier client's session. on_state: called with each `Change`. open_timeout: of one try. answer_timeout: of `call`, `presence` and each page of
    `history`, reconnecting included. backoff: the first and the longest bound of the random wait between tries. max_queue: commands that may wait.
    connect: options of `everywire.connect` (ssl, headers, proxy, …). dice, dial: randomness, and another way to connect; for tests.
    """

    token: Token | None = None
    info: Any = None
    resume: str | None = None
    on_state: Callable[[Change], object] | None = None
    open_timeout: float = 10.0
    answer_timeout: float = 10.0
    backoff: tuple[float, float] = (0.25, 20.0)
    max_queue: int = 1000
    connect: dict[str, Any] = field(default_factory=dict)
    dice: random.Random = field(default_factory=random.SystemRandom)
    dial: Dial | None = None


class Client:
    """A client of an everywire server, which stays connected from `connect` to `close`:

        async with Client("ws://localhost:8000/everywire") as client:
            room = client.subscribe("room:lobby", rewind=50)
            await room.publish({"text": "Hello!"})
            async for publication in room: ...

    The options are the fields of `ClientOptions`.

    Promised: a publication that is not ephemeral arrives once, or publishing it raises; publications keep their order; a gap is never silent.

    Invariants: at most one link; `_welcome` is true from the server's welcome until `_life` learns of the link's end; only the task `_life` opens links.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self.url = url
        self.state = State.NEW
        self.session: str | None = None
        self.user: str | None = None
        self._options = given = ClientOptions(**options)
        self.resume = given.resume
        self._dial = given.dial or dialling(url, given.connect)
        self._dice = given.dice
        self._backoff = Backoff(self._dice.random, *given.backoff)
        self._key = f"{self._dice.getrandbits(96):024x}"  # nobody else has it: a guessed key would let others swallow a publication
        self._requests = Requests(given.max_queue)
        self._subscriptions: dict[str, Subscription] = {}
        self._subscribing: dict[int, Subscription] = {}
        self._retries: dict[Subscription, Backoff] = {}
        self._left: set[str] = (
            set()
        )  # channels left while no link was there to say so: a resumed session still holds them
        self._link: Link | None = None
        self._welcome = False
        self._last_id = 0
        self._hello = 0
        self._life: asyncio.Task[None] | None = None
        self._stable: asyncio.TimerHandle | None = None
        self._hurry = asyncio.Event()
        self._settled = asyncio.Event()
        self._error: Exception | None = None

    # Connecting.

    async def connect(self) -> None:
        """Connect, and stay so until `close`; waits for the server's welcome, over as many tries as it takes.

        Between two tries it tries at once. Raises what makes trying again useless: `Refused` (the token), `HandshakeError`, `ConnectionClosedError`.
        """
        if self._life is None:
            self._life = asyncio.create_task(self._live())
        if not self._ready and not self._over:
            self._settled.clear()
            self._hurry.set()
        await self._settled.wait()
        if self.state is State.CLOSED:
            raise self._error or closed(CloseCode.NORMAL, "the client was closed")

    async def close(self) -> None:
        """Say goodbye; what is unanswered fails with `ConnectionClosed`, iterations end."""
        link, life = self._link, self._life
        self._finish(None)
        if link is not None:
            await link.close()
        if life is not None and life is not asyncio.current_task():
            life.cancel()
            await asyncio.wait([life])

    async def __aenter__(self) -> Client:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Verbs.

    @property
    def queued(self) -> int:
        """How many commands wait for their answer."""
        return len(self._requests)

    @property
    def positions(self) -> dict[str, Position]:
        """The position in each channel that is followed: give them as `since` to go on from there."""
        found = {name: each.position for name, each in self._subscriptions.items()}
        return {name: position for name, position in found.items() if position is not None}

    def subscribe(
        self,
        channel: str,
        *,
        rewind: int = 0,
        since: Position | None = None,
        on_publication: Callable[[Publication], object] | None = None,
        on_join: Callable[[Member], object] | None = None,
        on_leave: Callable[[Member], object] | None = None,
        on_lost: Callable[[HistoryLost], object] | None = None,
        max_queue: int = 1000,
    ) -> Subscription:
        """Follow `channel`, now and after every reconnection; before `connect` too.

        `rewind` is how many of the latest publications are wanted where there is no position to go on from; `since` is such a position. The callbacks are
        plain functions. Raises `ValueError` for a channel that is followed already.
        """
        if channel in self._subscriptions:
            raise ValueError(f"{channel} is followed already")
        following = Following(rewind, since, on_publication, on_join, on_leave, on_lost, max_queue)
        subscription = self._subscriptions[channel] = Subscription(self, channel, following)
        self.follow(subscription)
        return subscription

    def unsubscribe(self, channel: str) -> None:
        """Follow `channel` no longer."""
        subscription = self._subscriptions.pop(channel, None)
        if subscription is None:
            return
        self._retries.pop(subscription, None)
        subscription.end()
        if self._ready:
            self._say(type="unsubscribe", channel=channel)
        else:
            self._left.add(channel)

    def publish(
        self, channel: str, data: Any, *, key: str | None = None, ephemeral: bool = False
    ) -> Awaitable[Position | None]:
        """Publish `data`, anything that JSON can say; await the result for its position (None when ephemeral).

        It is on its way when this returns. After a lost connection it is said again under the same `key`, by which the server knows it: it arrives once.
        An `ephemeral` publication is neither kept nor said again. Raises `Refused`, `ConnectionClosed`.
        """
        if ephemeral and not self._ready:
            raise ConnectionClosedError(CloseCode.ABNORMAL, "there is no connection")
        key = None if ephemeral else key or f"{self._key}-{self._last_id}"
        command = {"type": "publish", "channel": channel, "data": data, "key": key, "ephemeral": ephemeral or None}
        return self._ask(command, _position, repeatable=not ephemeral)

    def history(
        self, channel: str, *, limit: int | None = None, since: Position | None = None, reverse: bool = False
    ) -> Awaitable[Page]:
        """Read what `channel` keeps at this moment: after `since`, at most `limit`, the latest first if `reverse`.

        It is on its way when this returns; await the result for the `Page`.
        """

        def ask(asked: dict[str, Any]) -> Awaitable[Page]:
            return self._ask(asked, _page, timeout=self._options.answer_timeout)

        command = {"type": "history", "channel": channel, "limit": limit, "since": since, "reverse": reverse or None}
        return asyncio.ensure_future(collect(ask, command, ask(command)))

    def presence(self, channel: str) -> Awaitable[list[Member]]:
        """Ask who is in `channel`."""
        command = {"type": "presence", "channel": channel}
        return self._ask(command, lambda answer: answer.members, timeout=self._options.answer_timeout)

    def call(self, name: str, data: Any = None) -> Awaitable[Any]:
        """Call a handler of the server by name. It is never said twice: a connection lost before the answer raises `ConnectionClosedError`."""
        command = {"type": "call", "name": name, "data": data}
        return self._ask(command, lambda answer: answer.data, repeatable=False, timeout=self._options.answer_timeout)

    def _ask(
        self,
        command: dict[str, Any],
        read: Callable[[Any], Any],
        *,
        repeatable: bool = True,
        timeout: float | None = None,
    ) -> asyncio.Future[Any]:
        if self._life is None or self.state is State.CLOSED:
            raise closed(CloseCode.NORMAL, "the client is not connected")
        future = self._requests.add(command | {"id": self._next_id()}, read, repeatable=repeatable, timeout=timeout)
        self._flush()
        return future

    # One try after another.

    @property
    def _over(self) -> bool:
        return self.state is State.CLOSED

    @property
    def _ready(self) -> bool:
        """Whether there is a link to speak on; false from the moment of its end, which `_life` learns a little later."""
        return self._welcome and self._link is not None and not self._link.down.done()

    async def _live(self) -> None:
        try:
            while True:
                change = await self._attempt()
                self._lost(change.code)
                if self._over:
                    return
                if not reconnectable(change.code):
                    raise closed(change.code, change.reason)
                await self._pause(change)
        except Exception as error:
            self._finish(error)

    async def _attempt(self) -> Change:
        """Connect, and stay until the end; gives why it ended."""
        self._hurry.clear()
        self._become(Change(State.CONNECTING))
        link = self._link = Link(self._heard)
        try:
            async with asyncio.timeout(self._options.open_timeout):
                token = await ask(self._options.token)
                await link.open(self._dial)
        except NoToken as none:
            link.abort()
            return Change(State.WAITING, code=CloseCode.ABNORMAL, reason=str(none), error=none.error)
        except Exception as error:
            link.abort()
            if not passing(error):
                raise
            return Change(State.WAITING, code=CloseCode.ABNORMAL, reason=words(error))
        self._hello = self._next_id()
        link.say(type="connect", id=self._hello, token=token, info=self._options.info, resume=self.resume)
        link.expect(self._options.open_timeout)
        try:
            code, reason = await link.down
            return Change(State.WAITING, code=code, reason=reason)
        except asyncio.CancelledError:
            link.abort()
            raise

    async def _pause(self, change: Change) -> None:
        delay = self._backoff.next()
        level = logging.INFO if change.error is None else logging.WARNING  # the latter is the application's own
        said = "no connection to %s (%d %s); next attempt in %.1f s"
        log.log(level, said, self.url, change.code, change.reason, delay)
        self._become(replace(change, delay=delay))
        try:
            async with asyncio.timeout(delay):
                await self._hurry.wait()
        except TimeoutError:
            pass

    def _lost(self, code: int) -> None:
        self._link, self._welcome = None, False
        if self._stable is not None:
            self._stable.cancel()
        self._subscribing.clear()
        for subscription in self._subscriptions.values():
            subscription.link_lost()
        self._requests.lost(code)
        if self.state is not State.CLOSED:
            self._settled.clear()

    def _finish(self, error: Exception | None) -> None:
        """End for good: by our wish, or because of `error`."""
        if self.state is State.CLOSED:
            return
        self._error, self._welcome = error, False
        self._requests.fail_all(error or closed(CloseCode.NORMAL, "the client was closed"))
        for subscription in self._subscriptions.values():
            subscription.end(error)
        self._subscriptions.clear()
        link, self._link = self._link, None
        if link is not None and error is not None:
            link.fail(str(error))
        ended = error if isinstance(error, ConnectionClosed) else None
        self._become(Change(State.CLOSED, code=ended.code if ended else 0, reason=str(error or "")))
        self._settled.set()

    def _become(self, change: Change) -> None:
        self.state = change.state
        if self._options.on_state is not None:
            try:
                self._options.on_state(change)
            except Exception:
                log.exception("error in on_state")

    # What the server says.

    def _heard(self, event: wire.Event) -> None:
        match event:
            case wire.Publishing(channel=channel):
                if (subscription := self._subscriptions.get(channel)) is not None:
                    subscription.published(event)
            case wire.Connected():
                self._welcomed(event)
            case wire.Subscribed():
                if (subscription := self._asker(event.id, more=event.more == "follows")) is not None:
                    self._retries.pop(subscription, None)
                    subscription.answered(event)
            case wire.Failed():
                self._failed(event)
            case wire.Joined() | wire.Left() | wire.Moved() | wire.Unsubscribed():
                self._channel_event(event)
            case wire.Beat():
                pass  # the link has answered it
            case _:
                self._requests.answer(event.id, event)
                self._flush()

    def _channel_event(self, event: wire.Joined | wire.Left | wire.Moved | wire.Unsubscribed) -> None:
        subscription = self._subscriptions.get(event.channel)
        if subscription is None:
            return
        match event:
            case wire.Joined(member=member):
                subscription.joined(member)
            case wire.Left(member=member):
                subscription.left(member)
            case wire.Moved():
                subscription.moved()
            case wire.Unsubscribed(id=None, reason=reason):
                del self._subscriptions[event.channel]
                subscription.end(Refused(reason, _NOT_SUBSCRIBED))

    def _welcomed(self, event: wire.Connected) -> None:
        """Everything that waits is said before callbacks run, so that what they say comes after it."""
        self.session, self.user, self.resume = event.session, event.user, event.resume
        self._welcome = True
        assert self._link is not None
        self._link.watch(event.heartbeat)
        # Only a connection that lasts makes the next wait short again; a server that dies at each welcome is left in peace.
        self._stable = asyncio.get_running_loop().call_later(STABLE, self._backoff.reset)
        if event.resumed:
            for channel in self._left - self._subscriptions.keys():
                self._say(type="unsubscribe", channel=channel)
        self._left.clear()
        for subscription in self._subscriptions.values():
            self.follow(subscription)
        self._flush()
        self._settled.set()
        self._become(Change(State.CONNECTED, resumed=event.resumed))

    def _failed(self, error: wire.Failed) -> None:
        if error.id == self._hello:
            if not error.temporary:
                self._finish(refusal(error))
            elif self._link is not None:
                self._link.fail(error.reason)
            return
        subscription = self._asker(error.id)
        if subscription is None:
            self._requests.answer(error.id, error)
            self._flush()
        elif error.temporary:
            backoff = self._retries.setdefault(subscription, Backoff(self._dice.random))
            asyncio.get_running_loop().call_later(backoff.next(), self._again, subscription, error.id)
        else:
            self._subscriptions.pop(subscription.channel, None)
            subscription.end(refusal(error))

    def _asker(self, number: int, *, more: bool = False) -> Subscription | None:
        """Give who asked: an older question's answer would confuse a position. With `more` another answer follows."""
        subscription = self._subscribing.get(number) if more else self._subscribing.pop(number, None)
        if subscription is None or subscription.asked != number or subscription.state is SubscriptionState.UNSUBSCRIBED:
            return None
        return subscription

    def _again(self, subscription: Subscription, asked: int) -> None:
        if subscription.asked == asked and subscription.state is SubscriptionState.SUBSCRIBING:
            self.follow(subscription)

    # What we say.

    def follow(self, subscription: Subscription) -> None:
        """Ask for a subscription's channel, from its position; at the next welcome where there is no connection."""
        if self._ready:
            subscription.asked = self._say(**subscription.command())
            self._subscribing[subscription.asked] = subscription

    def _say(self, **command: Any) -> int:
        number = self._next_id()
        if self._link is not None:
            self._link.say(id=number, **command)
        return number

    def _flush(self) -> None:
        if self._ready and self._link is not None:
            self._requests.flush(self._link.send)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _position(answer: Any) -> Position | None:
    return None if answer.offset is None else Position(answer.epoch, answer.offset)


def _page(answer: Any) -> Page:
    if not isinstance(answer, Page):
        raise AttributeError("publications")
    return answer
