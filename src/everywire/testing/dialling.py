"""The real client on an application in memory: connections that take virtual time, and can be cut."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random
from typing import Any, TypeVar

from everywire.client.hub import Client
from everywire.dialects.native import PACKED_SUBPROTOCOL, SUBPROTOCOL
from everywire.http.request import Headers, Request
from everywire.payloads import Payload
from everywire.testing.net import Net
from everywire.testing.transport import CARRIER

__all__ = ["Cable", "Dialling"]

T = TypeVar("T")


class Cable:
    """One connection: the server's transport and the client's socket at once.

    Invariants: what is said in one direction arrives in its order, `delay()` seconds later or after what was said before; nothing arrives once it is not
    `up`: what is on its way then is lost.
    """

    carrier = CARRIER

    def __init__(
        self,
        net: Net,
        request: Request,
        delay: Callable[[], float],
        ends: tuple[Callable[..., None], Callable[..., None]],
    ) -> None:
        self.up = True
        self.net = net
        self.said: list[str | bytes] = []  # by the client
        self.told: list[str | bytes] = []  # by the server
        self._loop = net.loop
        self._delay = delay
        self._heard, self._down = ends
        self._due: dict[str, float] = {"up": 0.0, "down": 0.0}
        self._ways: dict[str, deque[Callable[[], object]]] = {"up": deque(), "down": deque()}
        self._line: Any = net.gateway.open(self, request)  # type: ignore[arg-type]

    @property
    def wire(self) -> Any:
        """The transport itself."""
        return self

    @property
    def crowded(self) -> bool:
        """There is always room."""
        return False

    def _later(self, way: str, call: Callable[..., object], *arguments: Any) -> None:
        # Timers of one moment ring in any order; what is on its way keeps its own.
        self._ways[way].append(lambda: self.up and call(*arguments))
        self._due[way] = max(self._due[way], self._loop.time() + self._delay())
        self._loop.call_at(self._due[way], lambda: self._ways[way].popleft()())

    def send(self, said: str | bytes | Sequence[Payload]) -> None:
        """Say something: the client a message, the server payloads."""
        if isinstance(said, str | bytes):
            self.said.append(said)
            self._later("up", self._line.receive, said)
            return
        for payload in said:
            self.told.append(payload.data)
            self._later("down", self._heard, payload.data)

    def drain(self) -> Awaitable[None]:
        """There is always room."""
        return _Nothing()

    def close(self, code: int = 1000, reason: str = "") -> Awaitable[None]:
        """Close in good order."""
        self._later("down", self._end, code, reason)
        return _Nothing()

    def abort(self) -> None:
        """Cut it, as the client."""
        self._end(1006, "")

    def cut(self) -> None:
        """Lose the connection, as both sides notice at once."""
        self._end(1006, "")

    def abandon(self) -> None:
        """Lose the server, which was killed; the client notices."""
        if self.up:
            self.up = False
            self._down(1006, "")

    def freeze(self) -> None:
        """Lose the connection, and nobody notices."""
        self.up = False

    def _end(self, code: int, reason: str) -> None:
        if self.up:
            self.up = False
            self._line.lost(code)
            self._down(code, reason)


class _Nothing:
    def __await__(self) -> Any:
        return
        yield


class Dialling:
    """A `Dial` to applications in memory: give it to clients, or have it make them.

        with Net(app) as net:
            dialling = Dialling(net)
            net.loop.run_until_complete(test(dialling.client()))

    `all` are the cables that were laid, oldest first. While `broken` is an exception, nobody gets through. `reach()` gives the net that the next connection
    leads to, of several in one time; None where there is none. `delay()` is how long a message is on its way, in seconds.
    """

    def __init__(self, net: Net, seed: int = 0, *, delay: float = 0.01) -> None:
        self.net = net
        self.all: list[Cable] = []
        self.broken: Exception | None = None
        self.dice = Random(seed)
        self.delay: Callable[[], float] = lambda: delay
        self.reach: Callable[[], Net | None] = lambda: self.net
        self.headers: list[tuple[str, str]] = []

    async def __call__(
        self, heard: Callable[[str | bytes], None], down: Callable[[int, str], None], *, packed: bool = False
    ) -> Cable:
        """Connect."""
        await asyncio.sleep(self.delay())
        net = self.reach()
        if self.broken is not None:
            raise self.broken
        if net is None:
            raise ConnectionRefusedError("nobody listens")
        protocol = PACKED_SUBPROTOCOL if packed else SUBPROTOCOL
        asked = [("Upgrade", "websocket"), ("Sec-WebSocket-Protocol", protocol), *self.headers]
        request = Request("GET", net.app.path, Headers(asked))
        self.all.append(Cable(net, request, self.delay, (heard, down)))
        return self.all[len(self.all) - 1]

    def client(self, **options: Any) -> Client:
        """Make a client; `options` are those of `ClientOptions`."""
        packed = options.get("codec") == "msgpack"

        async def dial(heard: Callable[[str | bytes], None], down: Callable[[int, str], None]) -> Cable:
            return await self(heard, down, packed=packed)

        return Client("ws://in.memory/everywire", dial=dial, dice=Random(self.dice.random()), **options)

    def cut(self) -> None:
        """Cut one of the connections that are up, by chance."""
        alive = [cable for cable in self.all if cable.up]
        if alive:
            self.dice.choice(alive).cut()

    def run(self, test: Coroutine[Any, Any, T]) -> T:
        """Run `test` to its end, however long it takes in virtual time."""
        return self.net.loop.run_until_complete(test)
