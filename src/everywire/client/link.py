"""One connection to a hub: events in, commands out, and a watch that notices a silent death."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from everywire.client.wire import Beat, Event, Heartbeat, encode, read
from everywire.errors import CloseCode

__all__ = ["Dial", "Link", "Socket"]


class Socket(Protocol):
    """What carries a link's messages."""

    def send(self, message: str | bytes) -> object: ...

    def close(self, code: int = 1000, reason: str = "") -> Awaitable[object]: ...

    def abort(self) -> object: ...


Dial: TypeAlias = Callable[[Callable[[str | bytes], None], Callable[[int, str], None]], Awaitable[Socket]]
"""Opens a connection: `dial(heard, down)`. `heard(message)` is called for each message, `down(code, reason)` once, at the end."""


class Link:
    """One connection's life. `down` is set to (code, reason) when it is over.

    Invariants: nothing is heard after `down` is set, whatever the socket still does; at most one timer runs.
    """

    def __init__(self, heard: Callable[[Event], None], *, packed: bool = False) -> None:
        self._packed = packed
        self._loop = asyncio.get_running_loop()
        self.down: asyncio.Future[tuple[int, str]] = self._loop.create_future()
        self._heard = heard
        self._socket: Socket | None = None
        self._heartbeat = Heartbeat(0, 0)
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = float("-inf")

    async def open(self, dial: Dial) -> None:
        """Connect; raises what `dial` raises."""
        self._socket = await dial(self._receive, self._end)

    def send(self, message: str | bytes) -> None:
        """Send one encoded command; nothing once the link is over: what mattered is said again."""
        if self._socket is not None and not self.down.done():
            try:
                self._socket.send(message)
            except Exception as error:  # closing already: its end is on the way
                self.fail(str(error))

    def say(self, **command: Any) -> None:
        """Send one command."""
        self.send(encode(command, packed=self._packed))

    def expect(self, seconds: float) -> None:
        """Give the link up when there is no word within `seconds`."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._time_up)

    def watch(self, heartbeat: Heartbeat) -> None:
        """The server's rhythm is known: silence beyond it is death."""
        self._heartbeat = heartbeat
        self._heard_at = self._loop.time()
        self.expect(self._patience)

    @property
    def _patience(self) -> float:
        return (self._heartbeat.every + self._heartbeat.patience) / 1000

    async def close(self) -> None:
        """Say goodbye, and wait until it is answered."""
        self._end(CloseCode.NORMAL, "")
        if self._socket is not None:
            await self._socket.close(CloseCode.NORMAL)

    def abort(self) -> None:
        """Cut the connection, unless it is over or closing in good order."""
        if not self.down.done():
            self.fail("")

    def fail(self, reason: str) -> None:
        """Give this link up, so that another is tried."""
        self._end(CloseCode.ABNORMAL, reason)
        if self._socket is not None:
            self._socket.abort()  # a closing handshake would take its time on a dead network

    def _time_up(self) -> None:
        """Timers are not moved at each message, which would cost more than the message: one that rings early is set again."""
        silent = self._loop.time() - self._heard_at
        if silent < self._patience:
            self.expect(
                max(0.001, self._patience - silent)
            )  # less than the clock shows would ring for ever under virtual time
        else:
            self.fail("nothing heard from the server")

    def _receive(self, message: str | bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            for event in read(message):
                if isinstance(event, Beat):
                    self.say(type="pong")
                elif not self.down.done():
                    self._heard(event)
        except ValueError as error:  # msgspec's errors are ValueErrors
            self.fail(f"the server sent what is not understood: {error}")

    def _end(self, code: int, reason: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.down.done():
            self.down.set_result((code, reason))
