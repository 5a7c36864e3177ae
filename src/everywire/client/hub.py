"""The client of the native wire: one connection that comes back by itself, and the subscriptions and commands that outlive it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, TypeVar, Unpack, overload

import msgspec

from everywire.client import commands, given, wire
from everywire.client.channels import Channels
from everywire.client.commands import Since, Where
from everywire.client.flows import Flows, Items, Stream
from everywire.client.following import Following, HistoryLost, How, Misfit
from everywire.client.handlers import Handlers
from everywire.client.lifetime import Lifetime
from everywire.client.options import Change, ClientOptions, State
from everywire.client.pages import collect, collect_entries, read
from everywire.client.refreshing import Refreshing
from everywire.client.requests import Conflict, Manner, Requests
from everywire.client.subscription import Subscription
from everywire.client.wire import Entries, Member, Page, Policy, Position, Publication, Roster
from everywire.errors import ClientClosed, CloseCode, ConnectionClosedError, Refused

__all__ = [
    "Change",
    "Client",
    "ClientOptions",
    "Conflict",
    "Entries",
    "HistoryLost",
    "Member",
    "Misfit",
    "Page",
    "Policy",
    "Position",
    "Publication",
    "Roster",
    "State",
    "Stream",
    "Subscription",
]

T = TypeVar("T")
H = TypeVar("H", bound=Callable[..., Any])


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
        given.text("url", url)
        self.url = url
        self.session: str | None = None
        self.user: str | None = None
        given.way("Client", options)
        self._options = chosen = ClientOptions(**options)
        # Nobody else has it: a guessed key would let others swallow a publication.
        self._key = f"{chosen.dice.getrandbits(96):024x}"
        self._requests = Requests(chosen.max_queue, packed=chosen.packed)
        self._life = Lifetime(self, chosen, chosen.way(url), lambda: self._requests.risky or self._handlers.busy)
        self._channels = Channels(self, chosen.dice, chosen.on_subscribed)
        self._flows = Flows(self.say)
        self._handlers = Handlers(self.say)
        self._refreshing = Refreshing(chosen.token, self._refresh)
        self._last_id = 0

    # Connecting.

    async def connect(self, timeout: float | None = None) -> None:
        """Connect, and stay so until `close`; waits for the server's welcome, over as many tries as it takes.

        Between two tries it tries at once. Raises what makes trying again useless: `Refused` (the token), `HandshakeError`, `ConnectionClosedError`; and
        `Unreachable` after `timeout` seconds (`connect_timeout` by default): then it goes on trying until `close`, which `async with` calls.
        """
        given.number("timeout", timeout, positive=False, none=True)
        await self._life.connect(self._options.connect_timeout if timeout is None else timeout)

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
    def transport(self) -> str | None:
        """What carries the connection: "websocket", "stream", "sse", "poll" or "interval"; None where there is none, or nobody knows."""
        return self._life.transport

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

    @property
    def subscriptions(self) -> Mapping[str, Subscription[Any]]:
        """What is followed, by channel; what the server began is among it."""
        return MappingProxyType(self._channels.all)

    # Channels.

    @overload
    def subscribe(self, channel: str, *, type: type[T], **how: Unpack[How]) -> Subscription[T]: ...

    @overload
    def subscribe(self, channel: str, **how: Unpack[How]) -> Subscription[Any]: ...

    def subscribe(self, channel: str, *, type: Any = Any, **how: Unpack[How]) -> Subscription[Any]:
        """Follow `channel`, now and after every reconnection; before `connect` too. The options are those of `How`.

        With `type` the data of its publications is of that type (a dataclass, a `msgspec.Struct`, …), or `Misfit` is raised for it. Raises `ValueError` for a
        channel that is followed already; what only the server began is taken over. After `close` iterating raises `ClientClosed`.
        """
        given.text("channel", channel)
        given.only("subscribe", how, How.__annotations__)
        subscription = self._channels.add(channel, Following(**how, kind=type))
        if self.state is State.CLOSED:
            self._channels.end(self._life.why_not())  # or it would wait for ever
        return subscription

    def unsubscribe(self, channel: str) -> None:
        """Follow `channel` no longer."""
        self._channels.drop(channel)

    def publish(
        self, channel: str, data: Any = None, *, key: str | None = None, ephemeral: bool = False, **where: Unpack[Where]
    ) -> Awaitable[Position | None]:
        """Publish `data`, anything that the wire can say; await the result for its position (None when ephemeral). `Where` has more options.

        It is on its way when this returns. After a lost connection it is said again under the same `key`, by which the server knows it: it arrives once.
        An `ephemeral` publication is neither kept nor said again. Awaiting raises `Refused` (`Conflict` where `expect` was not met), `ConnectionClosedError`,
        and `ClientClosed` before `connect` and after `close`. What makes no sense is a `ValueError` at once: `expect`, `ttl` or `remove` without `entry`,
        both `to_session` and `to_user`, a `ttl` that is not a positive number, data with a nan or an inf in it.
        """
        key = None if ephemeral else key or f"{self._key}-{self._last_id}"
        command = commands.publish(channel, data, key, where, ephemeral=ephemeral)
        if ephemeral and not self.ready:
            lost = ConnectionClosedError(CloseCode.ABNORMAL, "there is no connection")
            return _failed(self._life.why_not() or lost)
        return self._ask(command, _position, Manner(repeatable=not ephemeral, fleeting=ephemeral))

    @overload
    def history(self, channel: str, *, type: type[T], **since: Unpack[Since]) -> Awaitable[Page[T]]: ...

    @overload
    def history(self, channel: str, **since: Unpack[Since]) -> Awaitable[Page[Any]]: ...

    def history(self, channel: str, *, type: Any = Any, **since: Unpack[Since]) -> Awaitable[Page[Any]]:
        """Read what `channel` keeps at this moment, its data as a `type`. Which part of it, `Since` says.

        It is on its way when this returns; await the result for the `Page`. Raises `Misfit` where a publication's data is of another type.
        """
        given.shape(type)
        command = commands.history(channel, since)
        return asyncio.ensure_future(read(collect(self._page, command, self._page(command)), type))

    def entries(self, channel: str) -> Awaitable[Entries]:
        """Read the entries of a keyed channel as they are now."""
        given.text("channel", channel)
        command = {"type": "entries", "channel": channel}
        return asyncio.ensure_future(collect_entries(self._some_entries, command))

    def presence(self, channel: str, *, brief: bool = False) -> Awaitable[Roster]:
        """Ask who is in `channel`, or, `brief`, only how many."""
        given.text("channel", channel)
        command = {"type": "presence", "channel": channel, "brief": brief or None}
        return self._ask(command, _of(Roster), self._patient)

    def adjust(self, channel: str, policy: Policy) -> Awaitable[Policy]:
        """Have another delivery policy in `channel`; see `Subscription.set_policy`."""
        given.instance("policy", policy, Policy, "a Policy")
        given.choice(policy)
        command = {"type": "policy", "channel": channel, "policy": wire.said_policy(policy)}
        return self._ask(command, lambda answer: answer.meant, self._patient)

    def _page(self, command: dict[str, Any]) -> Awaitable[Page[Any]]:
        return self._ask(command, _of(Page), self._patient)

    def _some_entries(self, command: dict[str, Any]) -> Awaitable[Entries]:
        return self._ask(command, _of(Entries), self._patient)

    # Calls.

    @overload
    def call(
        self, name: str, data: Any = None, *, type: type[T], timeout: float | None = None, items: Items | None = None
    ) -> Awaitable[T]: ...

    @overload
    def call(
        self, name: str, data: Any = None, *, timeout: float | None = None, items: Items | None = None
    ) -> Awaitable[Any]: ...

    def call(
        self,
        name: str,
        data: Any = None,
        *,
        type: Any = Any,
        timeout: float | None = None,
        items: Items | None = None,
    ) -> Awaitable[Any]:
        """Call a handler of the server by name, and await what it gives, as a `type`. `items`, an iterator, sync or async, is streamed to it.

        It is never said twice: a connection lost before the answer raises `ConnectionClosedError`. After `timeout` seconds (`answer_timeout` by default)
        it raises TimeoutError; then, or when the awaiting task is cancelled, the handler is cancelled. Raises `Refused` with the application's `data`.
        """
        given.shape(type)
        given.source(items)
        number = self.next_id()
        command = commands.called(name, data, timeout, streaming=items is not None) | {"id": number}
        limit = timeout if timeout is not None else self._options.answer_timeout if items is None else None
        manner = Manner(False, limit, self._cancel, flowing=items is not None)
        return self._flowing(command, lambda answer: msgspec.convert(answer.data, type), manner, items)

    @overload
    def stream(
        self,
        name: str,
        data: Any = None,
        *,
        type: type[T],
        credit: int = 16,
        timeout: float | None = None,
        items: Items | None = None,
    ) -> Stream[T]: ...

    @overload
    def stream(
        self,
        name: str,
        data: Any = None,
        *,
        credit: int = 16,
        timeout: float | None = None,
        items: Items | None = None,
    ) -> Stream[Any]: ...

    def stream(
        self,
        name: str,
        data: Any = None,
        *,
        type: Any = Any,
        credit: int = 16,
        timeout: float | None = None,
        items: Items | None = None,
    ) -> Stream[Any]:
        """Call a handler that answers with a stream: `async for item in client.stream(…)`, each item as a `type`.

        `credit` is how many items may wait for us. The rest is as in `call`, though it takes as long as it takes unless there is a `timeout`.
        """
        given.shape(type)
        given.source(items)
        given.count("credit", credit)
        number = self.next_id()
        command = commands.called(name, data, timeout, max(1, credit), streaming=items is not None) | {"id": number}
        flow = self._flows.inflow(number, max(1, credit))
        call = self._flowing(command, _end, Manner(False, timeout, self._cancel, flowing=True), items)
        self._flows.begin(flow, call)
        return Stream(flow, lambda item: msgspec.convert(item, type))

    def _flowing(
        self, command: dict[str, Any], read: Callable[[Any], Any], manner: Manner, items: Items | None
    ) -> asyncio.Future[Any]:
        number = command["id"]
        if items is not None:
            upload = self._flows.upload(number, items)
            manner = manner.replaced(sent=lambda call: upload.start(call, self._requests.fail))
        call = self._ask(command, read, manner)
        call.add_done_callback(lambda _: self._flows.over(number))
        return call

    def on(self, name: str, *, type: Any = Any) -> Callable[[H], H]:
        """Decorate the handler of the server's calls of that name; sync or async, it is given the data, as a `type`, and gives the answer.

        What it raises is told to the server: `Refused` as it is, anything else as an internal error, with a traceback in our log.
        """
        given.text("name", name)
        given.shape(type)
        return self._handlers.add(name, type)

    # Speaking.

    @property
    def _patient(self) -> Manner:
        return Manner(timeout=self._options.answer_timeout)

    def _ask(
        self, command: dict[str, Any], read: Callable[[Any], Any], manner: Manner | None = None
    ) -> asyncio.Future[Any]:
        if (why := self._life.why_not()) is not None:
            return _failed(why)
        try:
            future = self._requests.add({"id": self.next_id(), **command}, read, manner)
        except Refused as full:
            return _failed(full)
        self._flush()
        return future

    async def _refresh(self, token: str) -> float | None:
        answer = await self._ask({"type": "refresh", "token": token}, _of(wire.Refreshed), self._patient)
        return answer.expires  # type: ignore[no-any-return]

    def _cancel(self, number: int) -> None:
        self.say({"type": "cancel", "id": number})

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

    def say(self, command: dict[str, Any], /) -> None:
        """Say what has its number already, or needs none; nothing where there is no connection."""
        if self.ready:
            self._life.say(command)

    def follow(self, subscription: Subscription[Any]) -> None:
        """Ask for a subscription's channel, from its position."""
        self._channels.follow(subscription)

    def welcomed(self, event: wire.Connected) -> None:
        """Say everything that waits."""
        self.session, self.user = event.session, event.user
        self._channels.welcomed(event)
        self._flush()
        self._refreshing.welcomed(event.expires)

    def lost(self, code: int) -> None:
        """The connection is gone."""
        self._refreshing.lost()
        self._handlers.lost()
        self._channels.lost()
        self._requests.lost(code)

    def ended(self, error: Exception | None) -> None:
        """No other connection follows."""
        self._refreshing.lost()
        self._handlers.lost()
        self._requests.fail_all(error or ClientClosed("the client was closed"))
        self._channels.end(error)

    def heard(self, event: wire.Event) -> None:
        """Take what the server says."""
        match event:
            case wire.Publishing():
                self._channels.published(event)
            case wire.Subscribed():
                self._channels.answered(event)
            case wire.Item() | wire.Credit():
                self._flows.heard(event)
            case wire.Called():
                self._handlers.called(event)
            case wire.Cancelled():
                self._handlers.cancelled(event)
            case wire.Failed():
                if not self._channels.failed(event):
                    self._answer(event)
            case wire.Joined() | wire.Left() | wire.Moved() | wire.Passed() | wire.Unsubscribed():
                self._channels.changed(event)
            case wire.Roster(id=None):
                self._channels.changed(event)
            case wire.Beat() | wire.Connected():
                pass  # the link has answered the one, the life the other
            case _:
                self._answer(event)

    def _answer(self, event: Any) -> None:
        self._requests.answer(event.id, event)
        self._flush()


def _failed(error: Exception) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


def _position(answer: Any) -> Position | None:
    return None if answer.offset is None else Position(answer.epoch, answer.offset)


def _of(kind: type[T]) -> Callable[[Any], T]:
    def read(answer: Any) -> T:
        if not isinstance(answer, kind):
            raise AttributeError(kind.__name__)
        return answer

    return read


def _end(answer: Any) -> Any:
    """The end of a stream, or the one result of a handler that gave none."""
    if not isinstance(answer, wire.End | wire.Result):
        raise AttributeError("items")
    return answer
