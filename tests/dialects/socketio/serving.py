"""An application for the official client: what comes back, what is told, who connects."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from tests.attending import Attended

from everywire import Caller, Everywire, Refused
from everywire.hub.hooks import Connecting
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat

WAYS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
SOON = {"reconnectionDelay": 1, "reconnectionDelayMax": 5}


class Served(Attended):
    """An application that counts what it was told.

    Invariants: `said` holds the arguments of each `note`, in order.
    """

    def __init__(self, heartbeat: Heartbeat | None = None, broker: Any = None, **settings: Any) -> None:
        told = Settings(heartbeat=heartbeat or Heartbeat(), **settings)
        super().__init__(settings=told, broker=broker)
        self.said: list[Any] = []
        self.shown: list[Any] = []
        self.channel("room:{name}", history=100, presence=True)
        self._offer()

    def _offer(self) -> None:
        @self.on_connect
        def connect(connecting: Connecting) -> None:
            self.shown.append(msgspec.json.decode(connecting.auth) if connecting.auth else None)
            if connecting.token == "wrong":
                raise Refused("no such token", 101)

        @self.on_connected
        def connected(caller: Caller, _: Connecting) -> None:
            self.callers.append(caller)
            caller.tell("welcome", caller.space)
            self.news.set()

        @self.on_disconnected
        def disconnected(caller: Caller) -> None:
            self.callers.remove(caller)
            self.news.set()

        @self.on("echo")
        def echo(*arguments: Any) -> Any:
            return {"event": None, "args": arguments}

        @self.on("back")
        def back(caller: Caller, *arguments: Any) -> None:
            caller.tell("back", *arguments)

        @self.on("note")
        def note(*arguments: Any) -> None:
            self.said.append(list(arguments))
            self.news.set()

        @self.on("params")
        def params(caller: Caller) -> Any:
            headers = caller.request.headers
            return {"params": caller.params, "cookie": headers.get("cookie"), "x-mine": headers.get("x-mine")}

        @self.on("42")
        def number(data: Any) -> Any:
            return ["forty-two", data]


def there(namespace: str) -> bool:
    """Say whether there is this namespace: some by a pattern."""
    return namespace in ("/", "/chat", "/admin") or re.fullmatch(r"/shop-[0-9]+", namespace) is not None


@contextlib.asynccontextmanager
async def serving(
    app: Everywire | None = None, *, max_payload: int = 1_000_000, recovery: bool = False, **options: Any
) -> AsyncIterator[tuple[Any, str]]:
    """Serve; gives the application and its address."""
    app = app or Served()
    app.socketio(namespaces=there, max_payload=max_payload, recovery=recovery)
    async with app.serving(**options) as server:
        yield app, f"http://127.0.0.1:{server.port}"
