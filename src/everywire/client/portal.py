"""The client for programs without asyncio: a thin portal to a `Client` that runs on a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any, Generic, TypeVar, Unpack, overload

from everywire.client import given
from everywire.client.commands import Since, Where
from everywire.client.flows import Items, Stream
from everywire.client.following import How
from everywire.client.hub import Client
from everywire.client.options import ClientOptions, State
from everywire.client.subscription import Subscription
from everywire.client.tokens import words
from everywire.client.waiting import within
from everywire.client.wire import Entries, Member, Page, Position, Publication, Roster
from everywire.errors import ClientClosed

__all__ = ["SyncClient", "SyncSubscription"]

T = TypeVar("T")
H = TypeVar("H", bound=Callable[..., Any])
_OWN_THREAD = "a callback must not wait for its own client: use a thread, or the client with asyncio"
_GOODBYE = 10.0  # seconds that closing may take


class _Portal:
    """A loop on a daemon thread, where others have their work done.

    Invariants: the thread is begun by the first who needs it, in the process that needs it; nothing of it survives a fork. After `end` there is no thread
    until `begin`; whoever had work under way then is answered.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self.closed: str | None = None  # why there is no thread, and will be none before `begin`

    def begin(self) -> None:
        """Have work again, after `end`."""
        with self._guard:
            self.closed = None

    def _begun(self) -> asyncio.AbstractEventLoop:
        """Give the loop; RuntimeError where waiting for it would be for ever, `ClientClosed` after the end. The guard is held."""
        if self.closed is not None:
            raise ClientClosed(self.closed)
        if self._loop is None:
            self._pid = os.getpid()
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._run, args=(self._loop,), name="everywire", daemon=True)
            self._thread.start()
        if self._pid != os.getpid():
            raise RuntimeError("this client was connected before the process forked: make one in each process")
        if self._thread is threading.current_thread():
            raise RuntimeError(_OWN_THREAD)
        return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            loop.run_until_complete(_emptied())
        finally:
            loop.close()

    def do(self, work: Callable[[], Awaitable[T]], timeout: float | None, missed: str = "no answer") -> T:
        """Do `work` there, and wait for it, for `timeout` seconds: TimeoutError after that, which says what was `missed`."""
        given.number("timeout", timeout, positive=False, none=True)

        async def worked() -> T:
            async with within(timeout, missed):  # there: what it takes out of a queue just in time is not lost
                return await work()

        with self._guard:  # what is handed over before the end takes the guard is still answered
            loop = self._begun()
            future = asyncio.run_coroutine_threadsafe(worked(), loop)
        try:
            return future.result()
        except CancelledError:
            if self.closed is None:
                raise
            raise ClientClosed(self.closed) from None
        except BaseException:
            future.cancel()
            raise

    def look(self, work: Callable[[], T]) -> T:
        """Do at once what needs no waiting."""

        async def looked() -> T:
            return work()

        return self.do(looked, None)

    def peek(self, work: Callable[[], T]) -> T:
        """Look at what stays to be seen after the end, when nothing changes it any more."""
        return work() if self.closed is not None else self.look(work)

    def end(self, why: str, last: Callable[[], Awaitable[object]] | None = None) -> None:
        """Do what is the `last`, stop the thread, and wait for that; until `begin` everybody is told `why` there is none."""
        with self._guard:
            if self._thread is threading.current_thread():
                raise RuntimeError(_OWN_THREAD)
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
            self.closed = why
        if loop is None or thread is None or self._pid != os.getpid():
            return
        try:
            asyncio.run_coroutine_threadsafe(_bye(last), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5)


async def _bye(last: Callable[[], Awaitable[object]] | None) -> None:
    if last is not None:
        async with within(_GOODBYE, "the client was not closed in good order"):
            await last()


async def _emptied() -> None:
    """Let what was handed over last come to its end, and cancel what does not: somebody waits for it on another thread."""
    for _ in range(3):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


class SyncSubscription(Generic[T]):
    """A channel as a `SyncClient` follows it: iterate over it, or take what comes by `next(timeout)`. From one thread at a time.

    When the client is closed iterating ends, and what it knew last stays to be seen; whatever asks for more raises `ClientClosed`.
    """

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
        return self._portal.peek(lambda: self._below.position)

    @property
    def members(self) -> dict[str, Member]:
        """Who is here now, by session."""
        return self._portal.peek(lambda: dict(self._below.members))

    @property
    def entries(self) -> dict[str, Publication[T]]:
        """What a keyed channel holds now."""
        return self._portal.peek(lambda: dict(self._below.entries))

    def ready(self, timeout: float | None = None) -> None:
        """Wait until the server has agreed; raises `Refused`, TimeoutError."""
        self._portal.do(self._below.ready, timeout, f"no answer to subscribe {self.channel}")

    def next(self, timeout: float | None = None) -> Publication[T]:
        """Wait for the next publication; TimeoutError after `timeout` seconds, StopIteration at the end. Raises what iterating does."""
        try:
            return self._portal.do(lambda: anext(self._below), timeout, f"no publication in {self.channel}")
        except StopAsyncIteration:
            raise StopIteration from None

    def __iter__(self) -> Iterator[Publication[T]]:
        return self

    def __next__(self) -> Publication[T]:
        try:
            return self.next()
        except ClientClosed:
            if self._portal.closed is None:
                raise
            raise StopIteration from None

    def publish(self, data: Any = None, *, timeout: float | None = None, **where: Unpack[Where]) -> Position | None:
        """Publish here; see `Client.publish`."""
        return self._portal.do(
            lambda: self._below.publish(data, **where), timeout, f"no answer to publish {self.channel}"
        )

    def unsubscribe(self) -> None:
        """Follow the channel no longer: iterating ends."""
        self._portal.peek(self._below.unsubscribe)


class SyncClient:
    """A client of an everywire server for programs without asyncio: Django, Celery, a shell.

        with SyncClient("ws://localhost:8000/everywire") as client:
            client.publish("news", {"text": "Hello!"})

    It takes the options of `Client`, and does what that does, on a thread of its own; callbacks run on that thread and must not wait for the client. Every
    method may be called from any thread, and waits, at most `timeout` seconds where there is one: TimeoutError after that. Connect after a fork, not
    before it.

    After `close`, or where `connect` fails for good, every call raises `ClientClosed`, which says why, and there is no thread; the next `connect` begins anew.
    """

    def __init__(self, url: str, **options: Any) -> None:
        given.text("url", url)
        ClientOptions(**options).way(url)  # what is wrong with them is said here
        self._portal = _Portal()
        self._url, self._options = url, options
        self._made: Client | None = None
        self._handlers: list[tuple[str, Any, Callable[..., Any]]] = []
        self._guard = threading.Lock()

    @property
    def _client(self) -> Client:
        with self._guard:
            made = self._made
            if made is None:
                made = self._made = self._portal.look(self._make)
        return made

    def _make(self) -> Client:
        client = Client(self._url, **self._options)
        for name, kind, handler in self._handlers:
            client.on(name, type=kind)(handler)
        return client

    def connect(self, timeout: float | None = None) -> None:
        """Connect, and stay so until `close`; see `Client.connect`: `Unreachable`, a TimeoutError, after `timeout` seconds."""
        given.number("timeout", timeout, positive=False, none=True)
        self._portal.begin()
        client = self._client
        try:
            self._portal.do(lambda: client.connect(timeout), None)
        except Exception as error:
            if client.state is State.CLOSED:  # it tries no more
                self._end(f"the client is closed: {words(error)}")
            raise

    def close(self) -> None:
        """Say goodbye, and end the thread. The next `connect` begins anew."""
        if self._portal.closed is None:
            self._end("the client was closed: connect() begins anew")

    def _end(self, why: str) -> None:
        with self._guard:
            client = self._made
        try:
            self._portal.end(why, client.close if client is not None else None)
        finally:
            if self._portal.closed is not None:
                self._made = None

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
        made = self._made
        return made.state if made is not None else State.NEW if self._portal.closed is None else State.CLOSED

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
        return self._portal.do(
            lambda: client.publish(channel, data, key=key, ephemeral=ephemeral, **where),
            timeout,
            f"no answer to publish {channel}",
        )

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
        return self._items(self._portal.look(lambda: client.stream(name, data)), timeout, f"no item of {name}")

    def _items(self, stream: Stream[Any], timeout: float | None, missed: str) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._portal.do(lambda: anext(stream), timeout, missed)
                except StopAsyncIteration:
                    return
        finally:
            if self._portal.closed is None:
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
        return self._portal.do(
            lambda: client.history(channel, type=type, **since), timeout, f"no answer to history {channel}"
        )

    def entries(self, channel: str, *, timeout: float | None = None) -> Entries:
        """Read the entries of a keyed channel."""
        client = self._client
        return self._portal.do(lambda: client.entries(channel), timeout, f"no answer to entries {channel}")

    def presence(self, channel: str, *, brief: bool = False, timeout: float | None = None) -> Roster:
        """Ask who is in `channel`."""
        client = self._client
        return self._portal.do(
            lambda: client.presence(channel, brief=brief), timeout, f"no answer to presence {channel}"
        )

    def on(self, name: str, *, type: Any = Any) -> Callable[[H], H]:
        """Decorate the handler of the server's calls of that name, before connecting; see `Client.on`."""
        given.text("name", name)
        given.shape(type)

        def register(handler: H) -> H:
            if not callable(handler):
                raise TypeError(f"the handler of {name} is a function, not {handler!r:.80}")
            self._handlers.append((name, type, handler))
            return handler

        return register
