"""A client's connections, one after another, from `connect` to the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from everywire.client import wire
from everywire.client.backoff import STABLE, Backoff, soon
from everywire.client.callbacks import shielded
from everywire.client.ladder import Ladder
from everywire.client.link import Dial, Link
from everywire.client.options import Change, ClientOptions, State
from everywire.client.requests import refusal
from everywire.client.returning import passing
from everywire.client.tokens import NoToken, ask, words
from everywire.errors import ClientClosed, CloseCode, ConnectionClosed, Unreachable, closed, reconnectable
from everywire.http.redaction import shown

__all__ = ["Lifetime", "Owner"]

_CLIMB = (60.0, 600.0)  # seconds until a better transport is tried, at first and at most

log = logging.getLogger("everywire.client")


class Owner(Protocol):
    """Whose connections they are."""

    url: str

    def next_id(self) -> int:
        """Number a command."""

    def welcomed(self, event: wire.Connected) -> None:
        """Say at once what has waited for a connection."""

    def heard(self, event: wire.Event) -> None:
        """Take what the server says after its welcome."""

    def lost(self, code: int) -> None:
        """The connection is gone; another may follow."""

    def ended(self, error: Exception | None) -> None:
        """No other follows: by our wish, or because of `error`."""


class Lifetime:
    """Connects, and connects again for as long as that may help; tells `owner` what comes of it.

    Where the connection goes over less than a WebSocket it looks now and then whether one goes through by now, and moves there: the session is resumed, so
    nothing is lost by that, provided that it is not `risky()`: something is under way that would fail with its connection.

    Invariants: at most one link; `_welcome` is true from the server's welcome until `_live` learns of the link's end; only the task of `_live` opens links.
    """

    def __init__(self, owner: Owner, options: ClientOptions, dial: Dial, risky: Callable[[], bool]) -> None:
        self.state = State.NEW
        self.resume = options.resume
        self._owner = owner
        self._options = options
        self._dial = dial
        self._risky = risky
        self._climbing: asyncio.Task[None] | None = None
        self._backoff = Backoff(options.dice.random, *options.backoff)
        self._link: Link | None = None
        self._welcome = False
        self._hello = 0
        self._life: asyncio.Task[None] | None = None
        self._stable: asyncio.TimerHandle | None = None
        self._hurry = asyncio.Event()
        self._settled = asyncio.Event()
        self._error: Exception | None = None
        self._cause = ""  # why the last try failed, or the last connection ended
        self._warned = False  # about this outage

    # What the client wants.

    @property
    def ready(self) -> bool:
        """Whether there is a link to speak on; false from the moment of its end, which `_live` learns a little later."""
        return self._welcome and self._link is not None and not self._link.down.done()

    async def connect(self, timeout: float | None) -> None:
        """Connect, and stay so; waits for the welcome. See `Client.connect`."""
        if self._life is None:
            self._life = asyncio.create_task(self._live())
        if not self.ready and not self._over:
            self._settled.clear()
            self._hurry.set()
        try:
            async with asyncio.timeout(timeout):
                await self._settled.wait()
        except TimeoutError:
            raise Unreachable(shown(self._owner.url), timeout or 0, self._cause) from None
        if self.state is State.CLOSED:
            raise self._error or ClientClosed("the client was closed")

    def why_not(self) -> ClientClosed | None:
        """Say why nothing can be asked, before `connect` and after the end; None where there is a connection, or may be one."""
        if not self._over:
            return (
                None if self._life is not None else ClientClosed("the client is not connected: connect() comes first")
            )
        if self._error is None:
            return ClientClosed("the client was closed")
        code = self._error.code if isinstance(self._error, ConnectionClosed) else CloseCode.NORMAL
        return ClientClosed(f"the client is closed: {words(self._error)}", code)

    async def close(self) -> None:
        """End, and wait for that."""
        link, life = self._link, self._life
        self.finish(None)
        if link is not None:
            await link.close()
        if life is not None and life is not asyncio.current_task():
            life.cancel()
            await asyncio.wait([life])

    def say(self, command: dict[str, Any]) -> None:
        """Send a command; nothing where there is no link."""
        if self._link is not None:
            self._link.say(**command)

    def send(self, message: str | bytes) -> None:
        """Send what is encoded already."""
        if self._link is not None:
            self._link.send(message)

    @property
    def transport(self) -> str | None:
        """What carries the connection."""
        return self._dial.transport if self.ready and isinstance(self._dial, Ladder) else None

    # One try after another.

    @property
    def _over(self) -> bool:
        return self.state is State.CLOSED

    async def _live(self) -> None:
        try:
            while True:
                change = await self._attempt()
                welcomed = self._welcome
                self._lost(change.code)
                if self._over:
                    return
                if not reconnectable(change.code):
                    raise closed(change.code, change.reason)
                await self._pause(change, welcomed=welcomed)
        except Exception as error:
            self.finish(error)

    async def _attempt(self) -> Change:
        """Connect, and stay until the end; gives why it ended."""
        self._hurry.clear()
        self._become(Change(State.CONNECTING))
        link = self._link = Link(self._heard, packed=self._options.packed)
        limit, missed = asyncio.timeout(self._options.open_timeout), "no token"
        try:
            async with limit:
                token = await ask(self._options.token)
                missed = "no connection"
                await link.open(self._dial)
        except NoToken as none:
            link.abort()
            return Change(State.WAITING, code=CloseCode.ABNORMAL, reason=str(none), error=none.error)
        except Exception as error:
            link.abort()
            if not passing(error):
                raise
            reason = f"{missed} within {self._options.open_timeout:g} s" if limit.expired() else words(error)
            return Change(State.WAITING, code=CloseCode.ABNORMAL, reason=reason)
        self._hello = self._owner.next_id()
        link.say(type="connect", id=self._hello, token=token, info=self._options.info, resume=self.resume)
        link.expect(self._options.open_timeout)
        try:
            code, reason = await link.down
            return Change(State.WAITING, code=code, reason=reason)
        except asyncio.CancelledError:
            link.abort()
            raise

    async def _pause(self, change: Change, *, welcomed: bool) -> None:
        delay = self._backoff.next()
        self._cause = change.reason or f"the connection was closed with {change.code}"
        # A connection that ends is everyday; that there is none is worth a word, once. An error in the application's own function, each time.
        quiet = change.error is None and (welcomed or self._warned)
        self._warned = self._warned or not welcomed
        level, why = logging.INFO if quiet else logging.WARNING, f"{change.code} {change.reason}".strip()
        log.log(level, "no connection to %s (%s); next attempt %s", shown(self._owner.url), why, soon(delay))
        self._become(replace(change, delay=delay))
        try:
            async with asyncio.timeout(delay):
                await self._hurry.wait()
        except TimeoutError:
            pass

    def _lost(self, code: int) -> None:
        self._link, self._welcome = None, False
        if self._stable is not None:
            self._stable.cancel()
        if self._climbing is not None:
            self._climbing.cancel()
        self._owner.lost(code)
        if self.state is not State.CLOSED:
            self._settled.clear()

    def finish(self, error: Exception | None) -> None:
        """End for good: by our wish, or because of `error`."""
        if self.state is State.CLOSED:
            return
        self._error, self._welcome = error, False
        if self._climbing is not None:
            self._climbing.cancel()
        self._owner.ended(error)
        link, self._link = self._link, None
        if link is not None and error is not None:
            link.fail(str(error))
        ended = error if isinstance(error, ConnectionClosed) else None
        self._become(Change(State.CLOSED, code=ended.code if ended else 0, reason=str(error or "")))
        self._settled.set()

    def _become(self, change: Change) -> None:
        self.state = change.state
        shielded("on_state", self._options.on_state, change)

    # What the server says.

    def _heard(self, event: wire.Event) -> None:
        match event:
            case wire.Connected():
                self._welcomed(event)
            case wire.Failed(id=self._hello):
                self._refused(event)
            case _:
                self._owner.heard(event)

    def _welcomed(self, event: wire.Connected) -> None:
        """Everything that waits is said before callbacks run, so that what they say comes after it."""
        self.resume = event.resume
        self._welcome, self._warned, self._cause = True, False, ""
        assert self._link is not None
        self._link.watch(event.heartbeat)
        # Only a connection that lasts makes the next wait short again; a server that dies at each welcome is left in peace.
        self._stable = asyncio.get_running_loop().call_later(STABLE, self._backoff.reset)
        if isinstance(self._dial, Ladder) and self._dial.improvable:
            self._climbing = asyncio.get_running_loop().create_task(self._climb(self._dial, self._link))
        self._owner.welcomed(event)
        self._settled.set()
        self._become(Change(State.CONNECTED, resumed=event.resumed))

    async def _climb(self, ladder: Ladder, link: Link) -> None:
        """Move to a WebSocket once one goes through."""
        wait = _CLIMB[0]
        while True:
            await asyncio.sleep(wait * (0.5 + self._options.dice.random()))
            wait = min(2 * wait, _CLIMB[1])
            await self._harmless()
            if await ladder.better():
                await self._harmless()
                self._hurry.set()
                link.fail("a better transport goes through")
                return

    async def _harmless(self) -> None:
        while self._risky():
            await asyncio.sleep(1)

    def _refused(self, error: wire.Failed) -> None:
        if not error.temporary:
            self.finish(refusal(error))
        elif self._link is not None:
            self._link.fail(error.reason)
