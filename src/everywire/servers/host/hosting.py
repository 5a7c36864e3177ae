"""An ASGI application, served by our own server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from everywire.bounds import Bound, check
from everywire.errors import CloseCode
from everywire.http.forwarded import networks
from everywire.http.head import HeadLimits
from everywire.http.request import Request
from everywire.servers import here
from everywire.servers.host import websocket
from everywire.servers.host.access import logged
from everywire.servers.host.http import EXTENSIONS, HttpApp
from everywire.servers.host.leaving import Leaving
from everywire.servers.host.lifespan import Application, Lifespan, Mode
from everywire.servers.host.mounts import places
from everywire.servers.host.proxies import Said, behind
from everywire.servers.host.scope import Facts, scope
from everywire.servers.websocket import Early, Server, serve

__all__ = ["LIMITS", "Hosted", "Hosting"]

_ANYWHERE: Final = (re.compile(".*", re.DOTALL), None)
LIMITS: Final = HeadLimits(body=1 << 40, next_line=False)
"""Those of requests, where nothing else is said: the application reads a body as it comes, and says how much is too much."""
_DENIAL: Final[dict[str, Any]] = {"websocket.http.response": {}}  # what a WebSocket's application may say beside
_MOST_MESSAGE: Final = 1 << 24  # bytes: what applications that come from other servers are used to
_FAREWELL: Final = 0.5  # seconds for each step of the server's end, once everybody had the time to finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """How an application is hosted.

    lifespan: "auto" serves an application that raises on it without, "on" does not, "off" does not ask. root_path: where a proxy has the application, which
    takes that off the paths. trusted_proxies: addresses, networks and "unix", whose word is taken for a client's address and scheme, said by
    `proxy_headers` of one kind ("x-forwarded" or "forwarded"). access_log: a line for each request, by the logger `everywire.access`. shutdown: seconds for
    the end of the application's lifespan, None for as long as it takes. name: what the log calls it. certificate: our own, PEM, which applications are told of.
    """

    lifespan: Mode = "auto"
    root_path: str = ""
    trusted_proxies: Sequence[str] = ()
    proxy_headers: Said = "x-forwarded"
    access_log: bool = False
    shutdown: float | None = 10.0
    name: str = "the application"
    certificate: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.trusted_proxies, str):
            raise TypeError(f"trusted_proxies are several: ({self.trusted_proxies!r},)")
        if self.root_path and (not self.root_path.startswith("/") or self.root_path.endswith("/")):
            raise ValueError(f"root_path begins with a slash, and does not end with one: not {self.root_path!r}")
        check(self, {"shutdown": Bound(optional=True)})
        behind(networks(self.trusted_proxies), self.proxy_headers)
        Lifespan(_nothing, self.lifespan)


class Hosted:
    """An ASGI 3 application, as what can be served; `options` are the fields of `Hosting`.

    Invariants: `_server`, `_http`, `_facts` (of requests) and `_talks` (of WebSockets) are there while it is served.
    """

    path = ""  # where clients connect: anywhere
    has_page = True

    def __init__(self, app: Application, **options: Any) -> None:
        self.hosting: Final = Hosting(**options)
        self._app: Final = logged(app) if self.hosting.access_log else app
        self._told_of: Final = app
        self._http: HttpApp | None = None
        self._server: Server | None = None
        self._facts = self._talks = Facts()

    @property
    def beside(self) -> str:
        """Where the clients of those connect that are mounted in it, once it is served; nothing where there are none."""
        found = places(self._told_of, here.mounted()) if self._server is not None else ()
        return f"everywire's clients connect to {', '.join(found)}" if found else ""

    @asynccontextmanager
    async def serving(
        self, host: str | None = "127.0.0.1", port: int = 0, *, finish: float = 0.0, **options: Any
    ) -> AsyncIterator[Server]:
        """Serve while the context lasts: `async with Hosted(app).serving(port=8000) as server`.

        `options` are those of `everywire.serve`: `ssl`, `path` or `sock` instead of host and port, limits. At the end WebSockets are closed with 1001, and
        requests under way have `finish` seconds; the application's lifespan ends last. Raises `StartupFailed` where the application says so.
        """
        hosting = self.hosting
        options.setdefault("max_size", _MOST_MESSAGE)
        options.setdefault("origins", _ANYWHERE)  # the application says which pages may
        options.setdefault("streamed_bodies", True)
        options.setdefault("head_limits", LIMITS)
        lifespan = Lifespan(self._told_of, hosting.lifespan, name=hosting.name, patience=hosting.shutdown)
        async with lifespan as state:
            self._facts, self._talks = self._known(state, EXTENSIONS), self._known(state, _DENIAL)
            self._http = HttpApp(self._app, server=options.get("server_header", "everywire"))
            server = serve(None, host, port, on_message=_unheard, process_request=self.answer, **options)
            try:
                async with server as self._server, self._present(self._server, finish):
                    yield self._server
            finally:
                await self._http.drain(_FAREWELL)  # what goes on behind its response, too, ends before the lifespan

    @asynccontextmanager
    async def _present(self, server: Server, finish: float) -> AsyncIterator[None]:
        """Be one of those that the worker lets go of, if there is one; at the end let everybody go."""
        worker = here.worker()
        if worker is not None:
            worker.join(self)
        try:
            yield
            server.stop_listening()
            await _let_go([self, *here.mounted()], finish)
        finally:
            if worker is not None:
                worker.leave(self)
            if worker is not None or finish:  # else this is all the time that there is
                server.options = replace(server.options, close_timeout=_FAREWELL)

    def _known(self, state: dict[str, Any] | None, extensions: dict[str, Any]) -> Facts:
        hosting = self.hosting
        trusted = networks(hosting.trusted_proxies)
        return Facts(
            root_path=hosting.root_path,
            state=state,
            extensions=extensions,
            behind=behind(trusted, hosting.proxy_headers) if trusted else None,
            server_cert=hosting.certificate,
        )

    def answer(self, request: Request) -> Early | Awaitable[Early]:
        """Have the application answer a request."""
        assert self._server is not None
        assert self._http is not None
        if "websocket" in request.headers.tokens("upgrade"):
            return websocket.answer(self._app, request, scope(request, "websocket", self._talks), self._server)
        return self._http.answer(request, scope(request, "http", self._facts))

    def refrain(self) -> None:
        """Be ready for nobody new: there is nothing to be done, as the worker stops to listen."""

    def leaving(self, window: float, pace: float, finish: float, code: int = CloseCode.SERVICE_RESTART) -> Leaving:
        """Begin to let everybody go."""
        assert self._server is not None
        assert self._http is not None
        leaving = Leaving(self._server, self._http.tasks, CloseCode(code))
        leaving.hasten(window, pace, finish)
        return leaving


async def _let_go(members: Sequence[here.Leaves], finish: float) -> None:
    """Let go of everybody's clients, at once; what is under way has `finish` seconds."""
    for member in members:
        member.refrain()
    await asyncio.gather(*[member.leaving(0.0, 1.0, finish, CloseCode.GOING_AWAY).wait() for member in members])


def _unheard(websocket: Any, message: Any) -> None:
    """Hear nothing: the application has every WebSocket."""


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """Be no application."""
