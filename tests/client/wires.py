"""Clients on an application in memory, under virtual time, over wires that can be cut."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random
from typing import Any, TypeVar

from everywire.app import Everywire
from everywire.client.hub import Client, Subscription
from everywire.dialects.native import SUBPROTOCOL
from everywire.http.request import Headers, Request
from everywire.payloads import Payload
from everywire.testing import Net
from everywire.testing.transport import CARRIER

T = TypeVar("T")
DELAY = 0.01  # seconds that a message is on its way


async def elapse(seconds: float) -> None:
    """Let virtual time pass: that takes no time."""
    loop = asyncio.get_running_loop()
    due = loop.create_future()
    loop.call_later(seconds, due.set_result, None)
    await due


class Wire:
    """One connection: the server's transport and the client's socket at once. What is on its way when it is cut is lost."""

    carrier = CARRIER

    def __init__(self, net: Net, heard: Callable[[str | bytes], None], down: Callable[[int, str], None]) -> None:
        self.up = True
        self.said: list[str] = []  # by the client
        self.told: list[str | bytes] = []  # by the server
        self._loop = net.loop
        self._heard, self._down = heard, down
        self._on_its_way: deque[Callable[[], object]] = deque()
        asked = [("Upgrade", "websocket"), ("Sec-WebSocket-Protocol", SUBPROTOCOL)]
        self._line: Any = net.gateway.open(self, Request("GET", net.app.path, Headers(asked)))  # type: ignore[arg-type]

    @property
    def wire(self) -> Wire:
        return self

    def _later(self, call: Callable[..., object], *arguments: Any) -> None:
        # Timers of one moment ring in any order; what is on its way keeps its own.
        self._on_its_way.append(lambda: self.up and call(*arguments))
        self._loop.call_later(DELAY, lambda: self._on_its_way.popleft()())

    def send(self, said: str | Sequence[Payload]) -> None:
        """The client says a text, or the server payloads."""
        if isinstance(said, str):
            self.said.append(said)
            self._later(self._line.receive, said)
            return
        for payload in said:
            self.told.append(payload.data)
            self._later(self._heard, payload.data)

    def drain(self) -> Awaitable[None]:
        return _Nothing()

    def close(self, code: int = 1000, reason: str = "") -> Awaitable[None]:
        self._later(self._end, code, reason)
        return _Nothing()

    def abort(self) -> None:
        self._end(1006, "")

    def _end(self, code: int, reason: str) -> None:
        if self.up:
            self.up = False
            self._line.lost(code)
            self._down(code, reason)

    def cut(self) -> None:
        """Lose the connection, as both sides notice at once."""
        self._end(1006, "")

    def freeze(self) -> None:
        """Lose the connection, and nobody notices."""
        self.up = False


class _Nothing:
    def __await__(self) -> Any:
        return
        yield


class Wires:
    """A network: `dial` is handed to clients; while `broken`, nobody gets through."""

    def __init__(self, app: Everywire, seed: int = 0) -> None:
        self.net = Net(app, seed)
        self.all: list[Wire] = []
        self.broken: Exception | None = None
        self.dice = Random(seed)

    def __enter__(self) -> Wires:
        return self

    def __exit__(self, *_: Any) -> None:
        self.net.__exit__()

    async def dial(self, heard: Callable[[str | bytes], None], down: Callable[[int, str], None]) -> Wire:
        await elapse(DELAY)
        if self.broken is not None:
            raise self.broken
        self.all.append(Wire(self.net, heard, down))
        return self.all[-1]

    def client(self, **options: Any) -> Client:
        return Client("ws://in.memory/everywire", dial=self.dial, dice=Random(self.dice.random()), **options)

    def run(self, test: Coroutine[Any, Any, T]) -> T:
        return self.net.loop.run_until_complete(test)


def told(wires: Wires, kind: str) -> list[dict]:
    """Every command of a kind that reached any wire."""
    said = [json.loads(text) for wire in wires.all for text in wire.said]
    return [command for command in said if command["type"] == kind]


async def data(subscription: Subscription, count: int) -> list:
    return [(await anext(subscription)).data for _ in range(count)]
