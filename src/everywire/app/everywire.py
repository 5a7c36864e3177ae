"""The application: declared, then run."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from everywire.app import installed, running
from everywire.app.administered import Counter, Listen, served
from everywire.app.checking import check_application, check_known, check_secrets, found_path, found_secrets
from everywire.app.declaring import Declaring
from everywire.app.embedding import EMBEDDED, Embedded
from everywire.app.gathering import Gathering
from everywire.app.governing import Governing
from everywire.app.hosting import Hosts
from everywire.app.installed import MakeBroker
from everywire.app.instrumented import Instrumented
from everywire.app.program import FINISH, run
from everywire.app.speaking import Speaking
from everywire.brokers.base import Broker
from everywire.brokers.memory import MemoryBroker
from everywire.configuration import Configuration
from everywire.configuration.names import APPLICATION, usual
from everywire.dialects.base import Carry, Move, Open
from everywire.dialects.native import PACKED_SUBPROTOCOL, SUBPROTOCOL, NativeDialect
from everywire.errors import EverywireError, SettingError
from everywire.gateway import Answer, Gateway, HttpSettings
from everywire.http.handed import Handed
from everywire.http.request import Request, Response
from everywire.hub.codes import Close
from everywire.hub.draining import Draining
from everywire.hub.hooks import ConnectHook
from everywire.hub.hub import Hub
from everywire.hub.settings import Settings
from everywire.hub.world import LoopWorld, World
from everywire.metrics import Metrics
from everywire.ops.health import Health
from everywire.ops.nodes import Nodes
from everywire.ops.view import View
from everywire.servers import here
from everywire.servers.asgi import Embedding, Signals, among_several, neighbourhood
from everywire.servers.asgi.reaching import reachable
from everywire.servers.options import Options
from everywire.servers.routes import Route
from everywire.servers.websocket import Server, serve

__all__ = ["Everywire"]

H = TypeVar("H", bound=Callable[..., Any])
_PATH = "/everywire"
_DEAF = 'this server runs several processes, and with a broker in memory none hears what another publishes: Everywire(broker="machine://")'
_NOT_RUNNING = (
    "the application is not running: it starts with `run` or `serving`, in another framework with its first client or by "
    "lifespan=everywire.lifespan(rt, also=yours), within which your own lifespan may publish, in a test by `with TestClient(…)`"
)
_ANYWHERE = (re.compile(".*", re.DOTALL), None)
_log = logging.getLogger("everywire")

C = TypeVar("C", bound=ConnectHook)
R = TypeVar("R", bound=Route)


class Everywire(Declaring, Speaking, Governing, Gathering, Hosts, Instrumented, Embedded):
    """A real-time application: declare channels, handlers and routes, then `run` it.

    `secret` signs what clients show to continue their sessions, on any node that has the same; of several the first signs and all are
    accepted. Without one the environment's EVERYWIRE_SECRET is taken (several are separated by commas), or one for this process alone.

    `broker` is where logs live: "memory://", "machine://", a URL that an installed package understands, or a function of a `World` and a `Metrics`.

    What the arguments leave as it usually is may be said by the environment, or by a TOML file in the current directory: docs/settings.md.
    Raises `SettingError` for what is wrong there.

    Nothing here needs an event loop before the application starts. After that, all of it belongs to that
    loop's thread, but for what says otherwise: `publish`, `kick`, `unsubscribe` and `revoke` may be called from any.
    """

    def __init__(
        self,
        *,
        path: str = _PATH,
        settings: Settings | None = None,
        broker: MakeBroker | str | None = None,
        secret: str | Sequence[str] | None = None,
        http: HttpSettings | None = None,
    ) -> None:
        super().__init__()
        check_application(path, settings, broker)
        self.configuration = found = Configuration.found()  # what is set from outside
        self.path = path if path != _PATH else found_path(found) or path
        self._hooks.secrets = _secrets(secret, found)
        self.settings = found.hub(settings or Settings())
        self.metrics = Metrics()
        self._make_broker = _broker(broker, found)
        self.default_broker: MakeBroker = _memory  # where the application chose none; a worker has another
        self.default_secret: str | None = None  # the same: where the application has none
        self.make_world: Callable[[asyncio.AbstractEventLoop], World] = LoopWorld  # of the loop that it starts on
        self._http = _as_told(found.filled("http", http or HttpSettings()), found.options("server", {}))
        self._hub: Hub | None = None
        self._health: Health | None = None
        self._nodes: Nodes | None = None
        self._gateway: Gateway | None = None
        self._counters: list[Counter] = []
        self._hosted = []
        self.administration: list[Server] = []  # while it is served: where it is administered
        self._embedded: Options = found.filled("server", usual("server"))
        self._finish = FINISH

    # Running.

    @property
    def hub(self) -> Hub:
        """The running hub; raises `EverywireError` before the start."""
        if self._hub is None:
            raise EverywireError(_NOT_RUNNING)
        return self._hub

    @property
    def http(self) -> HttpSettings:
        """What HTTP transports may do."""
        return self._http

    @property
    def gateway(self) -> Gateway:
        """The running gateway; raises `EverywireError` before the start."""
        if self._gateway is None:
            raise EverywireError(_NOT_RUNNING)
        return self._gateway

    async def view(self) -> View:
        """Give what there is on all nodes, as of now; one that does not answer within half a second is left out.

        Raises `EverywireError` before the start.
        """
        if self._nodes is None:
            raise EverywireError(_NOT_RUNNING)
        return await self._nodes.view()

    def start(self, world: World | None = None) -> Gateway:
        """Come to life on the running loop, or in `world`; servers talk to the gateway given back."""
        if self._hub is not None:
            raise EverywireError("the application is running already")
        self._check_hidden()
        real = world is None  # what runs in a world of a test is nobody's whom this process asks
        worker = here.worker() if real else None
        world = world or self.make_world(asyncio.get_running_loop())
        if not self._hooks.secrets and self.default_secret is not None:
            self._hooks.secrets = (self.default_secret,)
        default = worker.broker if worker is not None and self.default_broker is _memory else self.default_broker
        broker = (self._make_broker or default)(world, self.metrics)
        self._hub = Hub(world, broker, self._hooks, self.settings, self.metrics)
        self._hub.tracer = self._tracer
        self._nodes = Nodes(self._hub)
        for hosting in self._hosted:
            hosting.start()
        http = self._instrumented(self._hub, self._http)
        self._offer_health(Health(self._hub))
        beat = self.settings.heartbeat
        dialects = [NativeDialect(self.path, beat), *(make(beat) for make in self._dialects)]
        self._check_reachable(dialects)
        self._check_answered()
        self._gateway = Gateway(self._hub, dialects, http)
        if worker is not None:
            worker.join(self)
        if real:
            running.begun(self)
        return self._gateway

    def _offer_health(self, health: Health) -> None:
        """Answer what balancers ask, where the application does not do so itself."""
        self._health = health
        for path, route in (("/healthz", health.alive), ("/readyz", health.ready)):
            if path not in self._routes or path in self._offered:
                self._offered.add(path)
                self._routes.replace(path, route)

    def refrain(self) -> None:
        """Be ready for nobody new: `/readyz` says so, and no more lines are opened on connections that are kept."""
        if self._health is not None:
            self._health.draining = True
        self.gateway.refrain()

    def leaving(self, window: float, pace: float, finish: float, code: int = Close.RESTART) -> Draining:
        """Begin to let every client go, with `code`: see `Draining`."""
        return Draining(self.hub, window, pace, finish, Close(code))

    async def stop(self) -> None:
        """Tell every client to come back later, wait for handlers that are to finish, and let go of everything."""
        if self._life is not None and not self._life.over:
            life, self._life = self._life, None  # whoever asks next begins another
            await life.end()  # and comes here again
        hub, gateway, self._gateway = self._hub, self._gateway, None
        if self._health is not None:
            self._health.draining = True
        self._nodes = None
        if hub is None or gateway is None:
            return  # it is not running, or stopping already
        running.ended(self)
        if (worker := here.worker()) is not None:
            worker.leave(self)
        gateway.stop()
        self._uninstrumented()
        hub.close()
        try:
            await hub.finished()  # while there is still a hub for what they say
            await hub.settled()
            for hosting in self._hosted:
                await hosting.stop()
        finally:
            self._hub = None
            await hub.broker.close()

    def answer(self, request: Request) -> Answer | Handed | Awaitable[Answer | None] | None:
        """Answer a request over HTTP; None where it is to be upgraded to a WebSocket, `Handed` where another worker does that."""
        decided = self.gateway.accept(request)
        if decided is None:
            return self._lost(request) or self._routes.answer(request)
        return None if isinstance(decided, Open | Move | Carry) else decided

    def _lost(self, request: Request) -> Response | None:
        """Say to a client that asks at a wrong path where it should; below another server only that knows the whole path."""
        asks = "websocket" in request.headers.tokens("upgrade") or (
            request.method == "POST" and request.path.endswith("/lines")
        )
        if not asks or request.scope is not None or request.path in self._routes:
            return None
        beside = f", {self.beside}" if self.beside else ""
        return Response(404, f"no everywire here: its clients connect at {self.path}{beside}\n")

    @asynccontextmanager
    async def serving(
        self, host: str | None = "127.0.0.1", port: int = 0, *, finish: float = 0.0, **options: Any
    ) -> AsyncIterator[Server]:
        """Serve while the context lasts: `async with app.serving(port=8000) as server`.

        `options` are those of `everywire.serve`: `ssl`, `path` or `sock` instead of host and port, limits.
        At the end every client is closed with 1001; those that a call or a stream is under way for once that is over, after `finish` seconds in any case.
        """
        options = self.configuration.options("server", options)
        if engine := self.configuration.value("engine"):
            options.setdefault("engine", engine)
        self._http = _as_told(self._http, options)
        gateway = self.start()
        options = {**self._served(gateway), **options}
        if self._hooks.guard is not None:
            options["origins"] = _ANYWHERE  # the gateway looks at each first
        try:
            async with (
                serve(None, host, port, **options) as server,
                served(self._counters, lambda: self.hub, self.view, _shared()) as self.administration,
            ):
                try:
                    yield server
                    if finish:
                        server.stop_listening()
                        self.refrain()
                        await Draining(self.hub, 0, 1, finish, Close.GOING_AWAY).wait()
                finally:
                    gateway.close()  # before the server waits for its responses to end
        finally:
            await self.stop()

    def _served(self, gateway: Gateway) -> dict[str, Any]:
        """Give what a server is told of the application."""
        return {
            "on_open": gateway.opened,
            "on_message": gateway.received,
            "on_close": gateway.closed,
            "process_request": self.answer,
            "select_subprotocol": _subprotocol,
            **APPLICATION,
        }

    @asynccontextmanager
    async def embedding(self) -> AsyncIterator[Embedding]:
        """Run on the loop that there is, for other servers' requests, while the context lasts; on one that it runs on already it goes on."""
        if self._gateway is not None:
            yield Embedding(self._gateway, self.answer, _subprotocol, self._embedded)
            return
        gateway, life = self.start(), self._life
        if gateway.hub.broker.alone and among_several():
            _log.warning(_DEAF)
        try:
            async with AsyncExitStack() as stack:
                await self._open_beside(gateway, stack)
                embedding = Embedding(gateway, self.answer, _subprotocol, self._embedded)
                signals = Signals(lambda: embedding.close(self._finish, self.refrain))
                signals.begin()
                here.mount(self)
                try:
                    yield embedding
                finally:
                    here.unmount(self)
                    signals.end()
                    await embedding.close(self._finish, self.refrain)
                    embedding.over = True
        finally:
            if life is self._life:  # or it was forgotten, and its loop alone is tidied up
                if life is not None:
                    life.over = True  # where the loop ends it, as that of a test client does, nobody has said so
                await self.stop()

    async def _open_beside(self, gateway: Gateway, stack: AsyncExitStack) -> None:
        """Open what there is beside another server: where it is administered, and reached by its neighbours.

        Nothing is opened in vain: a loop that ends closes the generators of these before the one that waits for them.
        """
        if any(counter.port is not None for counter in self._counters):
            self.administration = await stack.enter_async_context(
                served(self._counters, lambda: self.hub, self.view, _shared())
            )
        if (folder := neighbourhood(gateway)) is not None:
            how = {**self._served(gateway), "origins": _ANYWHERE}  # the gateway looks at each
            await stack.enter_async_context(reachable(folder, gateway, **how))

    def embed(self, **options: Any) -> None:
        """Say how it behaves where another server runs it, by the names that `serving` has: `origins`, `max_size`, `write_high`, `write_limit`,
        `compression`, `head_limits`, `open_timeout`, `close_timeout`, `finish`. Everything else is for that server to say; raises `TypeError` for it.
        """
        check_known("app.embed", options, EMBEDDED)
        self._finish = options.pop("finish", self._finish)
        self._http = _as_told(self._http, options)
        own = {name: value for name, value in options.items() if name not in ("origins", "compression")}
        self._embedded = replace(self._embedded, **own)

    def forget(self) -> None:
        """Let go of what ran on a loop that is closed."""
        self._uninstrumented()
        running.ended(self)
        self._hub = self._gateway = self._nodes = None

    def run(self, host: str | None = "127.0.0.1", port: int = 8000, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM, then drain: calls and streams under way have `finish` seconds (5). The log `everywire` says where.

        Where no logging is set up, what is said from INFO on goes to stderr. Where there is nothing to listen on (the port is taken, for
        instance), that is said there in one line, and the process ends with exit code 2.
        """
        run(self, host, port, **options)


def _subprotocol(offered: Sequence[str]) -> str | None:
    """Give ours if it is offered; of another dialect's the first, without which its client would leave."""
    ours = (name for name in (SUBPROTOCOL, PACKED_SUBPROTOCOL) if name in offered)
    return next(ours, offered[0] if offered else None)


def _secrets(given: str | Sequence[str] | None, found: Configuration) -> tuple[str, ...]:
    if given is None:
        return found_secrets(found)
    secrets = (given,) if isinstance(given, str) else tuple(given)
    check_secrets("secret", secrets)
    return secrets


def _broker(given: MakeBroker | str | None, found: Configuration) -> MakeBroker | None:
    """Give what makes the broker, where another than the usual one is wanted."""
    if given is not None:
        return installed.broker(given) if isinstance(given, str) else given
    said = found.settings.get(("broker",))
    if said is None:
        return None
    try:
        return installed.broker(said.value)
    except ValueError as error:
        raise SettingError(f"{said.where}: {error}") from None


def _as_told(settings: HttpSettings, options: dict[str, Any]) -> HttpSettings:
    """Have what HTTP carries obey the options of the WebSockets beside it."""
    told = {name: options[name] for name in ("write_high", "write_limit") if isinstance(options.get(name), int)}
    compress = settings.compress if options.get("compression", "deflate") is not None else None
    limits = replace(settings.limits, **told)
    return replace(settings, origins=options.get("origins", settings.origins), limits=limits, compress=compress)


def _shared() -> Listen | None:
    """Give what opens a port that all workers have; None where this process is no worker."""
    worker = here.worker()
    return None if worker is None else worker.ports.listen


def _memory(world: World, metrics: Metrics) -> Broker:
    return MemoryBroker(world.now, world.new_id, later=world.later, metrics=metrics)
