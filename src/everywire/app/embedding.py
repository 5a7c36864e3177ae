"""An application in another framework's: it is an ASGI application itself."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from everywire.errors import EverywireError
from everywire.servers.asgi import Embedding, Receive, Scope, Send
from everywire.servers.asgi import lifespan as lived

__all__ = ["EMBEDDED", "Embedded", "lifespan"]

EMBEDDED: Final = (
    *("origins", "max_size", "write_high", "write_limit", "compression"),
    *("head_limits", "open_timeout", "close_timeout", "finish"),
)

_ROUTERS: Final = frozenset(
    {"include_router", "_contains_router", "prefix", "routes"}
)  # what FastAPI, or its user, looks for


class Life:
    """One life of an application on one loop: starting, there, or `over`."""

    def __init__(self, app: Embedded) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self._stack: Final = AsyncExitStack()
        self.begun: Final = self.loop.create_task(self._begin(app))
        self.over = False

    async def _begin(self, app: Embedded) -> Embedding:
        return await self._stack.enter_async_context(app.embedding())

    async def end(self) -> None:
        """End it, as its context says; whoever still asks is told so."""
        self.over = True
        await self._stack.aclose()


class Embedded:
    """The part of an application that other servers for ASGI run.

    Invariants: `_life` is there from when somebody first asked for it on; it stays when it is over, so that a late request begins no other.
    """

    _life: Life | None = None

    if not TYPE_CHECKING:  # to which every attribute would be there

        def __getattr__(self, name: str) -> Any:
            if name in _ROUTERS:
                raise AttributeError("this is no router of FastAPI: api.include_router(everywire.fastapi.router(rt))")
            return object.__getattribute__(self, name)

    @abstractmethod
    def embedding(self) -> AbstractAsyncContextManager[Embedding]:
        """Run on the loop that there is, and give what answers."""

    @abstractmethod
    def forget(self) -> None:
        """Let go of what ran on a loop that is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as an ASGI 3 application: mounted in another one, or by itself; every transport and dialect, as on our own server.

        It starts with the server (lifespan), or by `everywire.lifespan`, or else at the first request: mounted applications are told nothing.
        """
        if scope["type"] == "lifespan":
            await lived(self.embedded(), receive, send)
        else:
            embedding = await self._running()
            await embedding(scope, receive, send)

    async def begin(self) -> None:
        """Start on the running loop, for other servers' requests, unless it has: before its first client, that is."""
        await self._running()

    @asynccontextmanager
    async def embedded(self) -> AsyncIterator[None]:
        """Run while the context lasts, for other servers' requests: at its end every client is told to come back later (1001)."""
        if self._life is not None and self._life.over:
            self._life = None
        await self._running()
        try:
            yield
        finally:
            if self._life is not None:
                await self._life.end()

    async def _running(self) -> Embedding:
        life = self._life
        if life is not None and life.loop is not asyncio.get_running_loop():
            if not life.loop.is_closed():
                raise EverywireError("the application runs on another event loop; each process has one for it")
            self.forget()
            life = None
        if life is None:
            life = self._life = Life(self)
        try:
            return await asyncio.shield(life.begun)
        except BaseException:
            if life.begun.done() and life is self._life:  # who comes next tries again
                self._life = None
            raise


def lifespan(
    app: Embedded, *, also: Callable[[Any], AbstractAsyncContextManager[Any]] | None = None
) -> Callable[[Any], AbstractAsyncContextManager[Any]]:
    """Give the lifespan of an application in which `app` is mounted: `FastAPI(lifespan=everywire.lifespan(app))`.

    `app` starts before and ends after the application's own lifespan, which is `also`: a function of the host that gives an async context, as frameworks
    take it, and whose state is passed on. Raises, as the host starts, what `also` raises, `SettingError`, and `EverywireError` for an `app` that runs on
    another loop.
    """

    @asynccontextmanager
    async def both(host: Any) -> AsyncIterator[Any]:
        async with app.embedded():
            if also is None:
                yield
            else:
                async with also(host) as state:
                    yield state

    return both
