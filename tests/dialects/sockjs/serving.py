"""An application for clients of SockJS: what comes back, who is there, what is published."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from tests.attending import Attended

from everywire import Caller, Refused
from everywire.hub.hooks import Connecting

TEXT, NATIVE = "/text", "/native"


class Served(Attended):
    """An application whose texts come back: as they are, or for some, otherwise.

    Invariants: `said` are the texts that came.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.said: list[str] = []
        self.channel("room:{name}", history=100, presence=True)
        self._offer()

    def _offer(self) -> None:
        @self.on_connected
        def connected(caller: Caller, _: Connecting) -> None:
            self.callers.append(caller)
            self.news.set()

        @self.on_disconnected
        def disconnected(caller: Caller) -> None:
            self.callers.remove(caller)
            self.news.set()

        @self.on("message", inline=True)
        def message(caller: Caller, data: Any) -> Any:
            self.said.append(data)
            self.news.set()
            return self._answer(caller, data)

    def _answer(self, caller: Caller, data: Any) -> Any:
        match data:
            case "object":
                return {"an": "object"}
            case "nothing":
                return None
            case "no":
                raise Refused("you may not", 103)
            case "join":
                return self._later("joined", self.subscribe("room:1", session=caller.session))
            case "leave":
                return self._later(None, self.kick(session=caller.session, code=3000, reason="Go away!"))
            case _:
                return data

    async def _later(self, said: Any, done: Awaitable[None]) -> Any:
        await done
        return said


@contextlib.asynccontextmanager
async def serving(
    app: Served | None = None, *, sockjs: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[Served, str]]:
    """Serve; gives the application and its address."""
    app = app or Served()
    app.sockjs(TEXT, speaks="text", **(sockjs or {}))
    app.sockjs(NATIVE, **(sockjs or {}))
    async with app.serving(**options) as server:
        yield app, f"http://127.0.0.1:{server.port}"
