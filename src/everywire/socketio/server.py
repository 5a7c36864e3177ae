"""`AsyncServer` as python-socketio has it, on the hub of an application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, Unpack

from everywire.app.checking import check_known
from everywire.app.instrumented import InstrumentOptions
from everywire.errors import Declined, EverywireError, SessionGone
from everywire.hub.calling.asking import Question
from everywire.ops.instrument import Instrument
from everywire.socketio import exceptions
from everywire.socketio.clients import Clients, carried, environ
from everywire.socketio.crowds import Crowds, SomeOptions, given, response
from everywire.socketio.handlers import ANY, RESERVED, Handlers
from everywire.socketio.instrumenting import instrument
from everywire.socketio.namespaces import AsyncNamespace
from everywire.socketio.options import read
from everywire.socketio.reception import Reason, Reception
from everywire.socketio.rooms import Rooms, Said

if TYPE_CHECKING:
    from everywire.app import Everywire

__all__ = ["AsyncServer", "CallOptions", "EmitOptions"]

F = TypeVar("F", bound=Callable[..., Any])

_MAX_NAME: Final = 255
_UNSAYABLE: Final = RESERVED | {"connect_error", "disconnecting", "newListener", "removeListener"}
_PATIENCE: Final = 60.0  # seconds for an acknowledgement, unless something else is said


class EmitOptions(SomeOptions, total=False):
    """To whom an event is emitted, besides `to`: `room` is another word for that. It is not for the clients `skip_sid`, nor for who is in a `skip_room`.

    `callback` is called with what the one client acknowledges it by. `ignore_queue` means nothing here.
    """

    callback: Callable[..., Any] | None
    ignore_queue: bool


class CallOptions(TypedDict, total=False):
    """Which client is called, besides `to`: `sid` is another word for that. It has to answer within `timeout` seconds (60)."""

    sid: str | None
    namespace: str | None
    timeout: float
    ignore_queue: bool


class AsyncServer(Crowds):
    """Declares handlers, emits events, keeps rooms: what python-socketio's class of this name does.

    `options` are those of python-socketio, as docs/dialects/socketio.md says, and `settings`, the hub's. `ASGIApp(sio)` is the application to be run;
    what is said to clients needs it running.

    Invariants: from `join` on the application has a handler for each event that was declared here.
    """

    reason: Final = Reason

    def __init__(self, **options: Any) -> None:
        self.options: Final = read(options)
        self._handlers: Final = Handlers()
        self._clients: Final = Clients()
        self._app: Everywire | None = None
        self._rooms: Rooms | None = None
        self._reception: Reception | None = None
        self._instrument: Instrument | None = None
        self._heard: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    # Declaring.

    def on(self, event: str, handler: F | None = None, namespace: str | None = None) -> Any:
        """Have `event` handled by `handler`, or by the decorated function: sync or async, of the client's id and the event's arguments.

        What it returns is the acknowledgement, a tuple several. "*" stands for any event, whose name is the first argument then, and for any
        namespace, whose name goes before the id, too. `connect` is given the id, the environment and what the client shows, and may return False
        or raise `ConnectionRefusedError`; `disconnect` the id and the reason.
        """

        def declare(function: F) -> F:
            self._handlers.add(namespace or "/", event, function)
            self._hear()
            return function

        return declare if handler is None else declare(handler)

    def event(self, *args: Any, **options: Any) -> Any:
        """Have the event that is called as the decorated function handled by it: `@sio.event`, `@sio.event(namespace="/chat")`."""
        if len(args) == 1 and not options and callable(args[0]):
            return self.on(args[0].__name__, args[0])
        return lambda function: self.on(function.__name__, function, *args, **options)

    def register_namespace(self, namespace: AsyncNamespace) -> None:
        """Have the events of a namespace handled by the methods of an object; raises `TypeError` for what is no `AsyncNamespace`."""
        if not isinstance(namespace, AsyncNamespace):
            raise TypeError(
                f"register_namespace takes an object of a class derived from AsyncNamespace, not {namespace!r}"
            )
        namespace.join(self)
        self._handlers.respond(namespace.namespace, namespace)
        self._hear()

    def instrument(self, auth: Any = None, **options: Unpack[InstrumentOptions]) -> None:
        """Have npm's Admin UI served, in the namespace "/admin": `auth` is the login to show there, several, or a function of what is shown.

        `options` are those of `Everywire.instrument`. Raises `ValueError` without `auth`, and where the application runs already.
        """
        check_known("instrument", options, InstrumentOptions.__annotations__)
        self._instrument = instrument(auth, options)
        if self._app is not None:
            self._app.instrument_by(self._instrument)

    @property
    def namespaces(self) -> list[str]:
        """The namespaces that there are: those that were named, and those that something was declared for."""
        return sorted(self.options.namespaces | self._handlers.namespaces)

    def has(self, namespace: str) -> bool:
        """Say whether there is a namespace: it was named, or something was declared for it."""
        return bool({namespace, ANY} & (self.options.namespaces | self._handlers.namespaces))

    def join(self, app: Everywire) -> None:
        """Be the face of an application from now on; `ASGIApp` calls it. Raises `ValueError` where there is one already."""
        if self._app is not None:
            raise ValueError("this AsyncServer has its ASGIApp already")
        self._app = app
        self._rooms = rooms = Rooms(app, self._clients)
        rooms.declare()
        self._reception = Reception(app, self._handlers, self._clients, rooms)
        self._reception.open()
        if self._instrument is not None:
            app.instrument_by(self._instrument)
        self._hear()

    def start(self) -> None:
        """Take notice that the application runs now; `ASGIApp` calls it."""
        self._running().start()

    def _hear(self) -> None:
        if self._app is None or self._reception is None:
            return
        for event in self._handlers.events - self._heard:
            self._heard.add(event)
            # As there, a handler runs to its end: what it has begun is not to be left half done where its client goes.
            self._app.on(event, concurrent=self.options.concurrent, finish=True)(self._reception.heard)

    # Saying.

    async def emit(self, event: str, data: Any = None, to: Any = None, **options: Unpack[EmitOptions]) -> None:
        """Emit an event to the room or rooms `to`, to the client of that id, or to everybody in the namespace.

        `data` is its argument, a tuple several, None no argument. It is told in the order of the channels that rooms are; who is in several of the
        rooms is told once. Raises `ValueError` for a name that clients keep for themselves.
        """
        namespace, to, said = options.get("namespace") or "/", given(to, options, EmitOptions), self._said(event, data)
        if (callback := options.get("callback")) is not None:
            if to is None or len(to) != 1 or self._clients.hidden(to[0]) is not None:
                raise ValueError("a callback is for one client, who is connected: to=sid; emit_with_acks asks several")
            self.start_background_task(self._called_back, callback, to[0], said)
            return
        await self._running().say(said, namespace, to, options)

    async def send(self, data: Any, to: Any = None, **options: Unpack[EmitOptions]) -> None:
        """Emit the event "message"."""
        await self.emit("message", data, to, **options)

    async def call(self, event: str, data: Any = None, to: str | None = None, **options: Unpack[CallOptions]) -> Any:
        """Emit an event to one client, and give what it acknowledges it by: a value, a tuple of several, None for nothing.

        Raises `exceptions.TimeoutError` where it does not within `timeout` seconds, `exceptions.ConnectionError` where it is not connected.
        """
        check_known("call", options, CallOptions.__annotations__)
        sid = to if to is not None else options.get("sid")
        if sid is None:
            raise ValueError("one client alone can be called: to=sid")
        if self._clients.hidden(sid) is not None:
            raise exceptions.ConnectionError(f"client {sid} is not connected yet")
        return response(await self._asked(sid, self._said(event, data), options.get("timeout", _PATIENCE)))

    async def _asked(self, sid: str, said: dict[str, Any], timeout: float) -> list[Any]:
        question = Question(said["event"], said, timeout, apart=True)
        try:
            answers: list[Any] = await self._running().app.hub.reaching.ask(sid, question)
        except TimeoutError as late:
            raise exceptions.TimeoutError(str(late)) from None
        except SessionGone as gone:
            raise exceptions.ConnectionError(str(gone)) from None
        return answers

    async def _called_back(self, callback: Callable[..., Any], sid: str, said: dict[str, Any]) -> None:
        try:
            answers = await self._asked(sid, said, _PATIENCE)
        except (exceptions.TimeoutError, exceptions.ConnectionError, Declined):
            return  # who never acknowledges is never heard of
        value = callback(*answers)
        if asyncio.iscoroutine(value):
            await value

    # Rooms.

    async def enter_room(self, sid: str, room: str, namespace: str | None = None) -> None:
        """Have a client in a room from now on.

        Raises `Refused` where it is in as many as `Settings.max_channels` allows, `BadNamespaceError` where no client has that id.
        """
        await self._running().enter(sid, room, namespace or "/")

    async def leave_room(self, sid: str, room: str, namespace: str | None = None) -> None:
        """Have a client in a room no longer."""
        await self._running().leave(sid, room, namespace or "/")

    async def close_room(self, room: str, namespace: str | None = None) -> None:
        """Have nobody in a room any more."""
        await self._running().close(room, namespace or "/")

    def rooms(self, sid: str, namespace: str | None = None) -> list[str]:
        """Give the rooms that a client of this worker is in, its own among them; raises `BadNamespaceError` where there is no such client."""
        rooms = self._running()
        return rooms.of(self._clients.get(rooms.app.hub, sid, namespace or "/"))

    # Clients.

    def get_environ(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """Give the request that a client of this worker came with, as WSGI names its parts; raises `BadNamespaceError` where there is no such client."""
        return environ(self._clients.get(self._running().app.hub, sid, namespace or "/"))

    def transport(self, sid: str, namespace: str | None = None) -> str:
        """Say what carries a client of this worker: "polling" or "websocket"; raises `BadNamespaceError` where there is no such client."""
        return carried(self._clients.get(self._running().app.hub, sid, namespace or "/"))

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """Give what was saved of a client, on this worker; raises `BadNamespaceError` where there is no such client."""
        return self._clients.get(self._running().app.hub, sid, namespace or "/").saved

    async def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        """Keep something of a client, as long as it is connected to this worker."""
        self._clients.get(self._running().app.hub, sid, namespace or "/").saved = session

    @asynccontextmanager
    async def session(self, sid: str, namespace: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Give what was saved of a client, to be changed: `async with sio.session(sid) as session`."""
        session = await self.get_session(sid, namespace)
        yield session
        await self.save_session(sid, session, namespace)

    async def disconnect(self, sid: str, namespace: str | None = None, *, ignore_queue: bool = False) -> None:
        """Send a client away, who does not come back by itself; one that is only coming is refused."""
        hidden = self._clients.hidden(sid)
        if hidden is not None:
            hidden.refused = True
        else:
            await self._running().app.kick(session=sid)

    # Tasks.

    def start_background_task(
        self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **named: Any
    ) -> asyncio.Task[Any]:
        """Run a coroutine function as a task of its own; cancelled when the application ends."""
        task = asyncio.get_running_loop().create_task(target(*args, **named))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def sleep(self, seconds: float = 0) -> None:
        """Come back in `seconds`."""
        await asyncio.sleep(seconds)

    async def stop(self) -> None:
        """Cancel what runs in the background; `ASGIApp` calls it at the end."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _said(self, event: str, data: Any) -> Said:
        return {"event": _name(event), "args": _arguments(data)}

    def _running(self) -> Rooms:
        if self._rooms is None:
            raise EverywireError("there is no application: ASGIApp(sio) makes it, and then it is to be run")
        return self._rooms


def _name(event: Any) -> str:
    if not isinstance(event, str) or not 0 < len(event) <= _MAX_NAME:
        raise ValueError(f"an event's name is a text of 1 to {_MAX_NAME} characters, not {event!r}")
    if event in _UNSAYABLE:
        raise ValueError(f"{event!r} is a name that clients keep for themselves")
    return event


def _arguments(data: Any) -> list[Any]:
    if data is None:
        return []
    return [*data] if isinstance(data, tuple) else [data]
