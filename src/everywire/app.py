"""The public face: `Everywire()`, its channels, handlers and routes."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

import msgspec

from everywire.brokers.base import Broker, Draft, Receipt, Retention
from everywire.brokers.memory import MemoryBroker
from everywire.dialects.native import PACKED_SUBPROTOCOL, SUBPROTOCOL, NativeDialect
from everywire.errors import EverywireError
from everywire.gateway import Gateway
from everywire.http.request import Request, Response
from everywire.hub.hooks import ConnectHook, Handler, Hooks
from everywire.hub.hub import Hub
from everywire.hub.kinds import ACTIONS, Action, ChannelKind, Rule
from everywire.hub.settings import Settings
from everywire.hub.world import LoopWorld, World
from everywire.messages import Raw
from everywire.metrics import Metrics
from everywire.servers.routes import Route, Routes
from everywire.servers.websocket import Server, serve

__all__ = ["ChannelOptions", "Everywire"]

H = TypeVar("H", bound=Handler)
_EVERYWHERE = ("", "0.0.0.0", "::")
_log = logging.getLogger("everywire")

C = TypeVar("C", bound=ConnectHook)
R = TypeVar("R", bound=Route)
MakeBroker = Callable[[World, Metrics], Broker]


class ChannelOptions(TypedDict, total=False):
    """What a kind of channel keeps, and who may do what in it.

    `history` publications are kept (0: none) for `ttl` seconds each; the latest `keys` idempotency keys are
    remembered for `window` seconds each; with `presence` its members are listed. The four rules are True,
    False or a function of an `Access`, sync or async.
    """

    history: int
    ttl: float
    window: float
    keys: int
    presence: bool
    may_subscribe: Rule
    may_publish: Rule
    may_history: Rule
    may_presence: Rule


class Everywire:
    """A real-time application: declare channels, handlers and routes, then `run` it.

    Nothing here needs an event loop before the application starts. After that, all of it belongs to that
    loop's thread.
    """

    def __init__(
        self,
        *,
        path: str = "/everywire",
        settings: Settings | None = None,
        broker: MakeBroker | None = None,
    ) -> None:
        self.path = path
        self.settings = settings or Settings()
        self.metrics = Metrics()
        self._make_broker = broker or _memory
        self.has_page = False  # whether something answers at /
        self._hooks = Hooks()
        self._routes = Routes()
        self._hub: Hub | None = None
        self._gateway: Gateway | None = None

    # Declaring.

    def channel(self, pattern: str, **options: Unpack[ChannelOptions]) -> ChannelKind:
        """Declare the channels whose names match `pattern`, "room:{name}" for instance.

        A `{parameter}` stands for one or more characters other than a colon. Raises `ValueError` for a
        pattern that is there already or makes no sense.
        """
        defaults = Retention()
        kind = ChannelKind(
            pattern,
            Retention(
                size=options.get("history", defaults.size),
                age=options.get("ttl", defaults.age),
                window=options.get("window", defaults.window),
                keys=options.get("keys", defaults.keys),
            ),
            options.get("presence", False),
            _rules(options),
        )
        self._hooks.kinds.add(kind)
        return kind

    def on(self, name: str) -> Callable[[H], H]:
        """Have calls of `name` answered by the decorated function, sync or async.

        It is given the calling `Member` and the decoded data; what it returns is the result. `Refused`
        tells the caller why not; anything else it raises is logged here, and there an internal error.
        """
        if name in self._hooks.handlers:
            raise ValueError(f"there is a handler of {name!r} already")

        def decorate(handler: H) -> H:
            self._hooks.handlers[name] = handler
            return handler

        return decorate

    def on_connect(self, hook: C) -> C:
        """Have the decorated function, sync or async, say who connects.

        It is given a `Connecting` and returns the user's name, or None for an anonymous user. It raises
        `Refused` to turn the client away: for good (with code 101, closing with 4401; else with 4403),
        or, if that is `temporary`, until later (1013).
        """
        self._hooks.connect = hook
        return hook

    def route(self, path: str) -> Callable[[R], R]:
        """Have plain HTTP requests for `path` answered by the decorated function of a `Request`."""

        def decorate(route: R) -> R:
            self._routes.add(path, route)
            self.has_page = self.has_page or path == "/"
            return route

        return decorate

    def static(self, prefix: str, folder: str | Path) -> None:
        """Serve the files of `folder` under `prefix`; a folder's page is its index.html."""
        self._routes.mount(prefix, Path(folder))
        self.has_page = self.has_page or (prefix == "/" and Path(folder, "index.html").is_file())

    # Running.

    @property
    def hub(self) -> Hub:
        """The running hub; raises `EverywireError` before the start."""
        if self._hub is None:
            raise EverywireError("the application is not running")
        return self._hub

    @property
    def gateway(self) -> Gateway:
        """The running gateway; raises `EverywireError` before the start."""
        if self._gateway is None:
            raise EverywireError("the application is not running")
        return self._gateway

    def start(self, world: World | None = None) -> Gateway:
        """Come to life on the running loop, or in `world`; servers talk to the gateway given back."""
        if self._hub is not None:
            raise EverywireError("the application is running already")
        world = world or LoopWorld(asyncio.get_running_loop())
        broker = self._make_broker(world, self.metrics)
        self._hub = Hub(world, broker, self._hooks, self.settings, self.metrics)
        dialect = NativeDialect(self.path, self.settings.heartbeat)
        self._gateway = Gateway(self._hub, [dialect])
        return self._gateway

    async def stop(self) -> None:
        """Tell every client to come back later, and let go of everything."""
        hub, self._hub, self._gateway = self._hub, None, None
        if hub is not None:
            hub.close()
            await hub.broker.close()

    def answer(self, request: Request) -> Response | None:
        """Answer a request over HTTP; None where it is to be upgraded to a WebSocket."""
        decided = self.gateway.accept(request)
        if decided is None:
            return self._routes.answer(request)
        return decided if isinstance(decided, Response) else None

    @asynccontextmanager
    async def serving(self, host: str | None = "127.0.0.1", port: int = 0, **options: Any) -> AsyncIterator[Server]:
        """Serve while the context lasts: `async with app.serving(port=8000) as server`.

        `options` are those of `everywire.serve`: `ssl`, `path` or `sock` instead of host and port, limits.
        At the end every client is closed with 1001.
        """
        gateway = self.start()
        callbacks: dict[str, Any] = {
            "on_open": gateway.opened,
            "on_message": gateway.received,
            "on_close": gateway.closed,
            "process_request": self.answer,
            "subprotocols": (SUBPROTOCOL, PACKED_SUBPROTOCOL),
        }
        options.setdefault("slow_code", 4413)  # as docs/protocol.md says
        try:
            async with serve(None, host, port, **callbacks, **options) as server:
                yield server
        finally:
            await self.stop()

    def run(self, host: str | None = "127.0.0.1", port: int = 8000, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM, then drain; the log `everywire` says where.

        Where no logging is set up, what is said from INFO on goes to stderr.
        """
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        asyncio.run(self._run(host, port, options))

    async def _run(self, host: str | None, port: int, options: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, told.set)
        async with self.serving(host, port, **options) as server:
            given = None if "sock" in options else host
            scheme = "wss" if options.get("ssl") else "ws"
            _log.info("serving %s; Ctrl-C stops it", _address(server, given, scheme, self.path))
            await told.wait()

    def publish(
        self, channel: str, data: Any, *, key: str | None = None, ephemeral: bool = False
    ) -> Awaitable[Receipt]:
        """Publish `data`, anything that JSON can say, in the server's own name.

        It is on its way when this returns; awaiting the result waits until it is in the log, and gives
        its place there. Raises `Refused` for a name that no kind of channel has, `TypeError` for data
        that JSON cannot say.
        """
        hub = self.hub
        text = Raw(msgspec.json.encode(data))
        draft = Draft(text, hub.world.wall(), None, f"s\n{key}" if key is not None else None)
        return hub.world.start(hub.publish(hub.place(channel), draft, ephemeral=ephemeral))


def _address(server: Server, host: str | None, scheme: str, path: str) -> str:
    """Name the first place where `server` listens as a client here would."""
    name = server.sockets[0].getsockname()
    if not isinstance(name, tuple):
        return f"unix:{name}, path {path}"
    shown = name[0] if host is None or host in _EVERYWHERE else host
    if shown in _EVERYWHERE:
        shown = "localhost"
    return f"{scheme}://{f'[{shown}]' if ':' in shown else shown}:{name[1]}{path}"


def _rules(options: ChannelOptions) -> dict[Action, Rule]:
    given = {f"may_{action}": action for action in ACTIONS}
    return {given[name]: rule for name, rule in options.items() if name in given}  # type: ignore[misc]


def _memory(world: World, metrics: Metrics) -> Broker:
    return MemoryBroker(world.now, world.new_id, metrics=metrics)
