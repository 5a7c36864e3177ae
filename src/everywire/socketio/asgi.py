"""`ASGIApp` as python-socketio has it: the application to be run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

from everywire.app import Everywire
from everywire.app.checking import check_known
from everywire.dialects.socketio import SocketIODialect
from everywire.gateway import Gateway, HttpSettings
from everywire.hub.world import World, settled
from everywire.servers.asgi import Embedding
from everywire.servers.routes import file
from everywire.servers.websocket import Server
from everywire.socketio.names import Names
from everywire.socketio.server import AsyncServer

__all__ = ["ASGIApp"]

_LEAST_SIZE: Final = 1 << 20  # bytes of a WebSocket's message
_FRAME: Final = 64  # bytes of a message beside its content


class Lifetime(TypedDict, total=False):
    """What is done when the application begins and ends, sync or async; and `secret` and `broker`, which are `Everywire`'s."""

    on_startup: Callable[[], Any] | None
    on_shutdown: Callable[[], Any] | None
    secret: str | list[str] | None
    broker: Any


class ASGIApp(Everywire):
    """The application of an `AsyncServer`: `app.run()`, `everywire run module:app`, or `app.serving()` in a test.

    Servers for ASGI run it as well; another ASGI application beside it is refused: mount this one in that.
    `static_files` are files, or folders, by their paths; a file may be {"filename": …, "content_type": …}.
    """

    def __init__(
        self,
        socketio_server: AsyncServer,
        other_asgi_app: Any = None,
        static_files: Mapping[str, Any] | None = None,
        socketio_path: str = "socket.io",
        **options: Unpack[Lifetime],
    ) -> None:
        if other_asgi_app is not None:
            raise ValueError(
                'another ASGI application is not run from here: mount this one in that, as by api.mount("/", app) of FastAPI\'s, '
                "or run both behind the same proxy"
            )
        self._server: Final = socketio_server
        self._startup, self._shutdown = options.get("on_startup"), options.get("on_shutdown")
        secret, broker = options.get("secret"), options.get("broker")
        check_known("ASGIApp", options, Lifetime.__annotations__)
        path, given = f"/{socketio_path.strip('/')}", socketio_server.options
        http = HttpSettings(compress=given.compress)
        super().__init__(settings=given.settings, secret=secret, broker=broker, http=http)
        self.embed(max_size=max(_LEAST_SIZE, given.max_payload + _FRAME))
        if given.origins is not None:
            self.embed(origins=given.origins)
        self.speak(lambda beat: SocketIODialect(path, beat, self._has, given.max_payload))
        self._names = Names()
        socketio_server.join(self)
        for place, what in (static_files or {}).items():
            self._serve(place, what)

    @property
    def spaces_by_name(self) -> Collection[str]:
        """The namespaces of the server, as far as they were named."""
        return self._server.namespaces

    def _has(self, namespace: str) -> bool:
        return namespace in self.hooks.spaces or self._server.has(namespace)

    def _serve(self, place: str, what: Any) -> None:
        described: Mapping[str, Any] = what if isinstance(what, Mapping) else {"filename": what}
        path = Path(described["filename"])
        if path.is_dir():
            self.static(place, path)
            return
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path.absolute()}")
        kind = described.get("content_type")
        self.route(place)(lambda request: file(request, path, kind))

    def start(self, world: World | None = None) -> Gateway:
        """Come to life, as `Everywire.start` says."""
        gateway = super().start(world)
        self._server.start()
        return gateway

    async def stop(self) -> None:
        """End, as `Everywire.stop` says, and what runs in the background with it."""
        await self._server.stop()
        await super().stop()

    @asynccontextmanager
    async def serving(
        self, host: str | None = "127.0.0.1", port: int = 0, *, finish: float = 0.0, **options: Any
    ) -> AsyncIterator[Server]:
        """Serve while the context lasts, as `Everywire.serving` says; between `on_startup` and `on_shutdown`."""
        given = self._server.options
        if given.origins is not None:
            options.setdefault("origins", given.origins)
        options.setdefault("max_size", max(_LEAST_SIZE, given.max_payload + _FRAME))
        async with super().serving(host, port, finish=finish, **options) as server, self._lived():
            yield server

    @asynccontextmanager
    async def embedding(self) -> AsyncIterator[Embedding]:
        """Run for other servers' requests, as `Everywire.embedding` says; between `on_startup` and `on_shutdown`."""
        async with super().embedding() as embedding, self._lived():
            yield embedding

    @asynccontextmanager
    async def _lived(self) -> AsyncIterator[None]:
        if self._startup is not None:
            await settled(self.hub.world, self._startup())
        try:
            yield
        finally:
            if self._shutdown is not None:
                await settled(self.hub.world, self._shutdown())
