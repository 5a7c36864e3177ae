"""The client of the native wire: one connection that comes back by itself, and the subscriptions and commands that outlive it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

from everywire.client import wire
from everywire.client.channels import Channels
from everywire.client.lifetime import Lifetime
from everywire.client.link import dialling
from everywire.client.options import Change, ClientOptions, State
from everywire.client.pages import collect
from everywire.client.requests import Requests
from everywire.client.subscription import Following, HistoryLost, Subscription
from everywire.client.wire import Member, Page, Position, Publication
from everywire.errors import CloseCode, ConnectionClosedError, closed

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


class Client:
    """A client of an everywire server, which stays connected from `connect` to `close`:

        async with Client("ws://localhost:8000/everywire") as client:
            room = client.subscribe("room:lobby", rewind=50)
            await room.publish({"text": "Hello!"})
            async for publication in room: ...

    The options are the fields of `ClientOptions`.

    Promised: a publication that is not ephemeral arrives once, or publishing it raises; publications keep their order; a gap is never silent.

    Invariants: each command has a number of its own, whatever connection it goes over.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self.url = url
        self.session: str | None = None
        self.user: str | None = None
        self._options = given = ClientOptions(**options)
        # Nobody else has it: a guessed key would let others swallow a publication.
        self._key = f"{given.dice.getrandbits(96):024x}"
        self._life = Lifetime(self, given, given.dial or dialling(url, given.connect))
        self._requests = Requests(given.max_queue)
        self._channels = Channels(self, given.dice)
        self._last_id = 0

    # Connecting.

    async def connect(self) -> None:
        """Connect, and stay so until `close`; waits for the server's welcome, over as many tries as it takes.

        Between two tries it tries at once. Raises what makes trying again useless: `Refused` (the token), `HandshakeError`, `ConnectionClosedError`.
        """
        await self._life.connect()

    async def close(self) -> None:
        """Say goodbye; what is unanswered fails with `ConnectionClosed`, iterations end."""
        await self._life.close()

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

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._life.state

    @property
    def resume(self) -> str | None:
        """The secret that continues our session: give it to another client as `resume`."""
        return self._life.resume

    @property
    def queued(self) -> int:
        """How many commands wait for their answer."""
        return len(self._requests)

    @property
    def positions(self) -> dict[str, Position]:
        """The position in each channel that is followed: give them as `since` to go on from there."""
        return self._channels.positions

    # Verbs.

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
        following = Following(rewind, since, on_publication, on_join, on_leave, on_lost, max_queue)
        return self._channels.add(channel, following)

    def unsubscribe(self, channel: str) -> None:
        """Follow `channel` no longer."""
        self._channels.drop(channel)

    def publish(
        self, channel: str, data: Any, *, key: str | None = None, ephemeral: bool = False
    ) -> Awaitable[Position | None]:
        """Publish `data`, anything that JSON can say; await the result for its position (None when ephemeral).

        It is on its way when this returns. After a lost connection it is said again under the same `key`, by which the server knows it: it arrives once.
        An `ephemeral` publication is neither kept nor said again. Raises `Refused`, `ConnectionClosed`.
        """
        if ephemeral and not self.ready:
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
        if not self._life.begun:
            raise closed(CloseCode.NORMAL, "the client is not connected")
        future = self._requests.add(command | {"id": self.next_id()}, read, repeatable=repeatable, timeout=timeout)
        self._flush()
        return future

    def _flush(self) -> None:
        if self.ready:
            self._requests.flush(self._life.send)

    # What the parts ask of their client.

    @property
    def ready(self) -> bool:
        """Whether there is a connection to speak on."""
        return self._life.ready

    def next_id(self) -> int:
        """Number a command."""
        self._last_id += 1
        return self._last_id

    def tell(self, **command: Any) -> int:
        """Say a command now; gives its number."""
        number = self.next_id()
        self._life.say({"id": number, **command})
        return number

    def follow(self, subscription: Subscription) -> None:
        """Ask for a subscription's channel, from its position."""
        self._channels.follow(subscription)

    def welcomed(self, event: wire.Connected) -> None:
        """Say everything that waits."""
        self.session, self.user = event.session, event.user
        self._channels.welcomed(resumed=event.resumed)
        self._flush()

    def lost(self, code: int) -> None:
        """The connection is gone."""
        self._channels.lost()
        self._requests.lost(code)

    def ended(self, error: Exception | None) -> None:
        """No other connection follows."""
        self._requests.fail_all(error or closed(CloseCode.NORMAL, "the client was closed"))
        self._channels.end(error)

    def heard(self, event: wire.Event) -> None:
        """Take what the server says."""
        match event:
            case wire.Publishing():
                self._channels.published(event)
            case wire.Subscribed():
                self._channels.answered(event)
            case wire.Failed():
                if not self._channels.failed(event):
                    self._answer(event)
            case wire.Joined() | wire.Left() | wire.Moved() | wire.Unsubscribed():
                self._channels.changed(event)
            case wire.Beat() | wire.Connected():
                pass  # the link has answered the one, the life the other
            case _:
                self._answer(event)

    def _answer(self, event: Any) -> None:
        self._requests.answer(event.id, event)
        self._flush()


def _position(answer: Any) -> Position | None:
    return None if answer.offset is None else Position(answer.epoch, answer.offset)


def _page(answer: Any) -> Page:
    if not isinstance(answer, Page):
        raise AttributeError("publications")
    return answer
