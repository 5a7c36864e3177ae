"""The ladder of transports: a WebSocket, or, where none goes through, HTTP in one of four ways."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from everywire.client.http import Http
from everywire.client.line import MODES, Line, Web
from everywire.client.link import Dial, Socket
from everywire.client.racing import Race
from everywire.client.waiting import within
from everywire.client.websocket import connect
from everywire.client.wire import PACKED_SUBPROTOCOL, SUBPROTOCOL, as_json
from everywire.errors import ConnectionClosed, HandshakeError, RedirectError
from everywire.http.redaction import shown

__all__ = ["TRANSPORTS", "Ladder", "Memory", "websocket"]

TRANSPORTS = ("websocket", *MODES)
_MAX_SIZE = 64 << 20  # bytes: one answer may list everybody in a channel
# Seconds that a WebSocket may take where there is another way, until it is open and from then until it brings something: where nobody knows whether
# one goes through, and where one did or is only looked for.
_PATIENCE = (2.0, 5.0)
_SILENT = 4.0  # seconds without a word, after which an open WebSocket was open in vain
_ENTRIES, _EXPIRY = 256, 3600.0  # addresses that are remembered, and for how many seconds


class Memory:
    """What worked, by address; bounded, and forgotten after a while. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[str, float]] = {}

    def get(self, url: str) -> str | None:
        """Give the transport that worked last."""
        name, until = self._known.get(url, ("", 0.0))
        return name if name and self._clock() < until else None

    def put(self, url: str, name: str) -> None:
        """Remember it."""
        self._known.pop(url, None)
        self._known[url] = (name, self._clock() + _EXPIRY)
        while len(self._known) > _ENTRIES:
            del self._known[next(iter(self._known))]

    def drop(self, url: str) -> None:
        """Forget it."""
        self._known.pop(url, None)


_memory = Memory()


def websocket(uri: str, options: dict[str, Any], *, packed: bool = False) -> Dial:
    """Give the `Dial` of a WebSocket to `uri`; `options` are those of `everywire.connect`. `packed`: MessagePack, where the server speaks it.

    Each subprotocol is offered alone: of two, servers choose by their own taste.
    """

    async def dial(heard: Callable[[str | bytes], None], down: Callable[[int, str], None]) -> Socket:
        if packed:
            try:
                return await _offering(PACKED_SUBPROTOCOL, uri, options, (heard, down))
            except HandshakeError as error:
                if error.status not in (200, 400, 426):
                    raise
        socket = await _offering(SUBPROTOCOL, uri, options, (heard, down))
        return _Plain(socket) if packed else socket

    return dial


async def _offering(
    subprotocol: str, uri: str, options: dict[str, Any], ends: tuple[Callable[..., None], Callable[..., None]]
) -> Socket:
    heard, down = ends
    usual: dict[str, Any] = {"max_size": _MAX_SIZE, "ping_interval": None}  # the hub's own heartbeat is enough
    agreed, early = False, list[tuple[int, str]]()

    def closed(_: object, code: int, reason: str) -> None:
        if agreed:
            down(code, reason)
        else:
            early.append((code, reason))  # the server closes right behind its handshake

    opening = connect(
        uri,
        subprotocols=[subprotocol],
        on_message=lambda _, message: heard(message),
        on_close=closed,
        **usual | options,
    )
    opening.faithful = True  # the first thing that is said is the token
    opened: Any = await opening
    agreed = opened.subprotocol == subprotocol
    if not agreed:
        opened.abort()
        raise HandshakeError(f"the server does not speak {subprotocol} at {shown(uri)}", 200)
    for end in early:
        down(*end)
    return opened  # type: ignore[no-any-return]


class _Plain:
    """A WebSocket whose server does not speak MessagePack."""

    def __init__(self, below: Socket) -> None:
        self._below = below

    def send(self, message: str | bytes) -> object:
        return self._below.send(as_json(message))

    def close(self, code: int = 1000, reason: str = "") -> Awaitable[object]:
        return self._below.close(code, reason)

    def abort(self) -> object:
        return self._below.abort()


@runtime_checkable
class _Pinging(Protocol):
    """A socket whose other end can be asked for a sign of life before anything is said."""

    def ping(self) -> Awaitable[float]: ...


class Asking(Protocol):
    """Makes who asks a server."""

    def __call__(self) -> Web: ...


class Ladder:
    """A `Dial` that tries `transports` from the best, or from what worked last at this address, downwards.

    A WebSocket that is refused or does not answer makes place for HTTP; one that opens and brings nothing gets HTTP beside it, and the first that brings
    something stays. The ways to hear by HTTP are tried by the line itself.

    Invariants: what is remembered has brought a message; a WebSocket is tried first unless something lower has.
    """

    def __init__(
        self, url: str, transports: Sequence[str], upgrade: Dial, asking: Asking, interval: float = 1.0
    ) -> None:
        unknown = [name for name in transports if name not in TRANSPORTS]
        if unknown or not transports:
            raise ValueError(f"transports are some of {', '.join(TRANSPORTS)}; not {', '.join(unknown) or 'none'}")
        self.memory = _memory
        self._url = url
        self._upgrade = upgrade if "websocket" in transports else None
        self._modes = tuple(name for name in MODES if name in transports)
        self._asking = asking
        self._interval = interval
        self._line: Line | None = None
        self._open = False

    @classmethod
    def to(
        cls, url: str, transports: Sequence[str], options: dict[str, Any], *, packed: bool, interval: float
    ) -> Ladder:
        """Give the usual one."""
        return cls(url, transports, websocket(url, options, packed=packed), lambda: Http(url, options), interval)

    @property
    def transport(self) -> str | None:
        """What carries the connection that was opened last."""
        if not self._open:
            return None
        return "websocket" if self._line is None else self._line.mode

    @property
    def improvable(self) -> bool:
        """Whether a WebSocket would be better than what there is."""
        return self._line is not None and self._upgrade is not None

    async def __call__(self, heard: Callable[[str | bytes], None], down: Callable[[int, str], None]) -> Socket:
        """Open the best that goes through; raises what the best attempt says where none does."""
        known = self.memory.get(self._url)
        refused: Exception | None = None
        if self._upgrade is not None and (known in (None, "websocket") or not self._modes):
            try:
                return await self._websocket(self._upgrade, heard, down)
            except RedirectError:
                raise
            except (HandshakeError, TimeoutError) as error:
                if not self._modes:
                    raise
                refused = error
        try:
            return await self._lined(known, heard, down)
        except Exception as error:
            denied = isinstance(error, HandshakeError) and error.status in (401, 403)
            self.memory.drop(self._url)  # perhaps a WebSocket goes through by now
            raise error if refused is None or denied else refused from None

    async def _websocket(
        self, upgrade: Dial, heard: Callable[[str | bytes], None], down: Callable[[int, str], None]
    ) -> Socket:
        loop = asyncio.get_running_loop()
        since = loop.time()

        def ended(code: int, reason: str) -> None:
            if race.silent and code == 1006 and self._modes and loop.time() - since >= _SILENT:
                self.memory.put(self._url, self._modes[0])
            down(code, reason)

        def won(place: int) -> None:
            if place == 0:
                self._line = None
                self.memory.put(self._url, "websocket")

        race = Race(heard, ended, functools.partial(self._lined, None), won)
        patience = _PATIENCE[self.memory.get(self._url) == "websocket"] if self._modes else None
        async with within(patience, f"no WebSocket to {shown(self._url)}"):
            await race.open(upgrade, patience)
        if race.silent:
            self._line = None
        self._open = True
        return race

    async def _lined(
        self, known: str | None, heard: Callable[[str | bytes], None], down: Callable[[int, str], None]
    ) -> Socket:
        line = Line(self._asking(), heard, down)
        line.modes, line.first = self._modes, known
        line.interval = self._interval
        line.proven = lambda mode: self.memory.put(self._url, mode)
        try:
            await line.open()
        except BaseException:
            line.abandon()
            raise
        self._line, self._open = line, True
        return line

    async def better(self) -> bool:
        """Say whether a WebSocket goes through by now, with what is said over it; it is tried first then."""
        if self._upgrade is None:
            return False
        socket: Socket | None = None
        try:
            async with asyncio.timeout(_PATIENCE[1]):
                socket = await self._upgrade(lambda message: None, lambda code, reason: None)
                if isinstance(socket, _Pinging):
                    await socket.ping()
        except (HandshakeError, ConnectionClosed, OSError):  # TimeoutError is an OSError
            return False
        finally:
            if socket is not None:
                socket.abort()
        self.memory.put(self._url, "websocket")
        return True
