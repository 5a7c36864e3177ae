"""The client for programs without asyncio: a thin portal to a `Client` that runs on a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Generic, TypeVar, Unpack, overload

from everywire.client.commands import Since, Where
from everywire.client.flows import Items
from everywire.client.following import How
from everywire.client.hub import Client
from everywire.client.options import State
from everywire.client.subscription import Subscription
from everywire.client.wire import Entries, Member, Page, Position, Publication, Roster

__all__ = ["SyncClient", "SyncSubscription"]

T = TypeVar("T")
H = TypeVar("H", bound=Callable[..., Any])


class _Portal:
    """A loop on a daemon thread, where others have their work done.

    Invariants: the thread is begun by the first who needs it, in the process that needs it; nothing of it survives a fork.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def loop(self) -> asyncio.AbstractEventLoop:
        """Give the loop; RuntimeError where waiting for it would be for ever."""
        with self._guard:
            if self._loop is None:
                self._pid = os.getpid()
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name="everywire", daemon=True)
                self._thread.start()
            if self._pid != os.getpid():
                raise RuntimeError("this client was connected before the process forked: make one in each process")
            if self._thread is threading.current_thread():
                raise RuntimeError(
                    "a callback must not wait for its own client: use a thread, or the client with asyncio"
                )
            return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.close()

    def do(self, work: Callable[[], Awaitable[T]], timeout: float | None) -> T:
        """Do `work` there, and wait for it, for `timeout` seconds: TimeoutError after that."""

        async def worked() -> T:
            async with asyncio.timeout(timeout):  # there: what it takes out of a queue just in time is not lost
                return await work()

        future = asyncio.run_coroutine_threadsafe(worked(), self.loop())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def look(self, work: Callable[[], T]) -> T:
        """Do at once what needs no waiting."""

        async def looked() -> T:
            return work()

        return self.do(looked, None)

    def end(self) -> None:
        """Stop the thread; the next who needs one begins another."""
        with self._guard:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None and self._pid == os.getpid():
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5)


class SyncSubscription(Generic[T]):
    """A channel as a `SyncClient` follows it: iterate over it, or take what comes by `next(timeout)`. From one thread at a time."""

    def __init__(self, portal: _Portal, subscription: Subscription[T]) -> None:
        self._portal = portal
        self._below = subscription

    @property
    def channel(self) -> str:
        """Its name."""
        return self._below.channel

    @property
    def position(self) -> Position | None:
        """The place after the last publication that was taken; see `Subscription.position`."""
        return self._portal.look(lambda: self._below.position)

    @property
    def members(self) -> dict[str, Member]:
        """Who is here now, by session."""
        return self._portal.look(lambda: dict(self._below.members))

    @property
    def entries(self) -> dict[str, Publication[T]]:
        """What a keyed channel holds now."""
        return self._portal.look(lambda: dict(self._below.entries))

    def ready(self, timeout: float | None = None) -> None:
        """Wait until the server has agreed; raises `Refused`, TimeoutError."""
        self._portal.do(self._below.ready, timeout)

    def next(self, timeout: float | None = None) -> Publication[T]:
        """Wait for the next publication; TimeoutError after `timeout` seconds, StopIteration at the end. Raises what iterating does."""
        try:
            return self._portal.do(lambda: anext(self._below), timeout)
        except StopAsyncIteration:
            raise StopIteration from None

    def __iter__(self) -> Iterator[Publication[T]]:
        return self

    def __next__(self) -> Publication[T]:
        return self.next()

    def publish(self, data: Any = None, *, timeout: float | None = None, **where: Unpack[Where]) -> Position | None:
        """Publish here; see `Client.publish`."""
        return self._portal.do(lambda: self._below.publish(data, **where), timeout)

    def unsubscribe(self) -> None:
        """Follow the channel no longer: iterating ends."""
        self._portal.look(self._below.unsubscribe)


class SyncClient:
    """A client of an everywire server for programs without asyncio: Django, Celery, a shell.

        with SyncClient("ws://localhost:8000/everywire") as client:
            client.publish("news", {"text": "Hello!"})

    It takes the options of `Client`, and does what that does, on a thread of its own; callbacks run on that thread and must not wait for the client. Every
    method may be called from any thread, and waits, at most `timeout` seconds where there is one: TimeoutError after that. Connect after a fork, not
    before it.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self._portal = _Portal()
        self._url, self._options = url, options
        self._made: Client | None = None
        self._handlers: list[tuple[str, Any, Callable[..., Any]]] = []
        self._guard = threading.Lock()

    @property
    def _client(self) -> Client:
        self._portal.loop()
        with self._guard:
            if self._made is None:
                self._made = self._portal.look(self._make)
            return self._made

    def _make(self) -> Client:
        client = Client(self._url, **self._options)
        for name, kind, handler in self._handlers:
            client.on(name, type=kind)(handler)
        return client

    def connect(self, timeout: float | None = None) -> None:
        """Connect, and stay so until `close`; see `Client.connect`: `Unreachable`, a TimeoutError, after `timeout` seconds."""
        client = self._client
        self._portal.do(lambda: client.connect(timeout), None)

    def close(self) -> None:
        """Say goodbye, and end the thread. The next `connect` begins anew."""
        with self._guard:
            client, self._made = self._made, None
        if client is not None:
            self._portal.do(client.close, 10)
        self._portal.end()

    def __enter__(self) -> SyncClient:
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def state(self) -> State:
        """Where it stands."""
        return State.NEW if self._made is None else self._made.state

    @property
    def session(self) -> str | None:
        """Our public id."""
        return None if self._made is None else self._made.session

    @property
    def user(self) -> str | None:
        """Whom the server takes us for."""
        return None if self._made is None else self._made.user

    @overload
    def subscribe(self, channel: str, *, type: type[T], **how: Unpack[How]) -> SyncSubscription[T]: ...

    @overload
    def subscribe(self, channel: str, **how: Unpack[How]) -> SyncSubscription[Any]: ...

    def subscribe(self, channel: str, *, type: Any = Any, **how: Unpack[How]) -> SyncSubscription[Any]:
        """Follow `channel`; see `Client.subscribe`."""
        client = self._client
        return SyncSubscription(self._portal, self._portal.look(lambda: client.subscribe(channel, type=type, **how)))

    def publish(
        self,
        channel: str,
        data: Any = None,
        *,
        key: str | None = None,
        ephemeral: bool = False,
        timeout: float | None = None,
        **where: Unpack[Where],
    ) -> Position | None:
        """Publish, and wait for the position; see `Client.publish`."""
        client = self._client
        return self._portal.do(lambda: client.publish(channel, data, key=key, ephemeral=ephemeral, **where), timeout)

    @overload
    def call(
        self, name: str, data: Any = None, *, type: type[T], timeout: float | None = None, items: Items | None = None
    ) -> T: ...

    @overload
    def call(self, name: str, data: Any = None, *, timeout: float | None = None, items: Items | None = None) -> Any: ...

    def call(
        self,
        name: str,
        data: Any = None,
        *,
        type: Any = Any,
        timeout: float | None = None,
        items: Items | None = None,
    ) -> Any:
        """Call a handler of the server, and wait for what it gives; see `Client.call`."""
        client = self._client
        return self._portal.do(lambda: client.call(name, data, type=type, timeout=timeout, items=items), None)

    def stream(self, name: str, data: Any = None, *, timeout: float | None = None) -> Iterator[Any]:
        """Call a handler that answers with a stream, and give its items as they come, each within `timeout` seconds; see `Client.stream`."""
        client = self._client
        stream = self._portal.look(lambda: client.stream(name, data))
        try:
            while True:
                try:
                    yield self._portal.do(lambda: anext(stream), timeout)
                except StopAsyncIteration:
                    return
        finally:
            self._portal.do(stream.aclose, None)

    @overload
    def history(
        self, channel: str, *, type: type[T], timeout: float | None = None, **since: Unpack[Since]
    ) -> Page[T]: ...

    @overload
    def history(self, channel: str, *, timeout: float | None = None, **since: Unpack[Since]) -> Page[Any]: ...

    def history(
        self, channel: str, *, type: Any = Any, timeout: float | None = None, **since: Unpack[Since]
    ) -> Page[Any]:
        """Read what `channel` keeps, its data as a `type`; see `Client.history`."""
        client = self._client
        return self._portal.do(lambda: client.history(channel, type=type, **since), timeout)

    def entries(self, channel: str, *, timeout: float | None = None) -> Entries:
        """Read the entries of a keyed channel."""
        client = self._client
        return self._portal.do(lambda: client.entries(channel), timeout)

    def presence(self, channel: str, *, brief: bool = False, timeout: float | None = None) -> Roster:
        """Ask who is in `channel`."""
        client = self._client
        return self._portal.do(lambda: client.presence(channel, brief=brief), timeout)

    def on(self, name: str, *, type: Any = Any) -> Callable[[H], H]:
        """Decorate the handler of the server's calls of that name, before connecting; see `Client.on`."""

        def register(handler: H) -> H:
            self._handlers.append((name, type, handler))
            return handler

        return register
