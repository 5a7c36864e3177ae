"""An application for the official client: what comes back, what is told, who connects."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tests.attending import Attended

from everywire import Caller, Identity, Refused
from everywire.hub.hooks import Connecting
from everywire.hub.settings import Settings

WAYS = ("WebSockets", "ServerSentEvents", "LongPolling")
EACH = tuple((way, msgpack) for way in WAYS for msgpack in (False, True) if not (way == "ServerSentEvents" and msgpack))


class Served(Attended):
    """An application that counts what it was told.

    Invariants: `said` holds the arguments of each `note`, in order.
    """

    def __init__(self, broker: Any = None, **settings: Any) -> None:
        super().__init__(settings=Settings(**settings), broker=broker)
        self.said: list[Any] = []
        self.shown: list[Connecting] = []
        self.canceled: list[str] = []
        self.gate = asyncio.Event()
        self.waiting = 0
        self.welcomes = 0
        self.farewell = False
        self.channel("room:{name}", history=1_000, presence=True)
        self._attend()
        self._offer()
        self._ask()
        self._stream()

    def _attend(self) -> None:
        @self.on_connect
        def connect(connecting: Connecting) -> Identity | None:
            self.shown.append(connecting)
            if connecting.token is None:
                return None
            if connecting.token == "wrong":
                raise Refused("no such token", 101)
            user, _, left = connecting.token.partition("/")
            return Identity(user, expires=connecting.time + float(left) if left else None)

        @self.on_connected
        async def connected(caller: Caller, _: Connecting) -> None:
            self.callers.append(caller)
            for number in range(self.welcomes):
                caller.tell("back", number)
            if self.farewell:
                await self.kick(session=caller.session, reason="go away")
            self.news.set()

        @self.on_disconnected
        def disconnected(caller: Caller) -> None:
            self.callers = [each for each in self.callers if each.session != caller.session]
            self.news.set()

    def _offer(self) -> None:
        @self.on("echo")
        def echo(value: Any) -> Any:
            return value

        @self.on("Nothing")
        def nothing() -> None:
            return None

        @self.on("fail")
        def fail() -> None:
            raise Refused("so it is")

        @self.on("broken")
        def broken() -> None:
            raise RuntimeError("a secret of ours")

        @self.on("back")
        def back(caller: Caller, *arguments: Any) -> None:
            caller.tell("back", *arguments)

        @self.on("ponder")
        async def ponder(*arguments: Any) -> None:
            await asyncio.sleep(0)
            note(*arguments)

        @self.on("note")
        def note(*arguments: Any) -> None:
            self.said.append(list(arguments))
            self.news.set()

        @self.on("ask")
        async def ask(caller: Caller, name: str, value: Any) -> Any:
            try:
                return await caller.call(name, value)
            except Exception as error:
                return f"{type(error).__name__}: {error}"

    def _ask(self) -> None:
        @self.on("wait")
        async def wait() -> str:
            self.waiting += 1
            self.news.set()
            await self.gate.wait()
            self.waiting -= 1
            return "it was opened"

        @self.on("who")
        def who(caller: Caller) -> Any:
            return {
                "session": caller.session,
                "user": caller.user,
                "header": caller.request.headers.get("x-mine"),
                "params": caller.params,
            }

    def _stream(self) -> None:
        @self.on("count")
        async def count(upto: int, fault: bool = False) -> Any:
            for number in range(upto):
                yield number
                await asyncio.sleep(0)
            if fault:
                raise Refused("enough")

        @self.on("forever")
        async def forever(name: str) -> Any:
            number = 0
            try:
                while True:
                    yield number
                    number += 1
                    await asyncio.sleep(0)
            finally:
                self.canceled.append(name)
                self.news.set()

        @self.on("sum")
        async def total(items: AsyncIterator[int], start: int = 0) -> int:
            return start + sum([item async for item in items])

        @self.on("zip")
        async def zipped(some: AsyncIterator[int], mark: str, others: AsyncIterator[int]) -> Any:
            return [[mark, one, await anext(others)] async for one in some]

        @self.on("doubled")
        async def doubled(items: AsyncIterator[int]) -> Any:
            async for item in items:
                yield 2 * item


@contextlib.asynccontextmanager
async def serving(app: Served | None = None, *, signalr: Any = None, **options: Any) -> AsyncIterator[tuple[Any, str]]:
    """Serve; gives the application and its address."""
    app = app or Served()
    app.signalr("/hub", **(signalr or {}))
    async with app.serving(**options) as server:
        yield app, f"http://127.0.0.1:{server.port}/hub"
