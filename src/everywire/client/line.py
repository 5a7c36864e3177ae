"""A line: a connection that consists of HTTP requests (docs/protocol.md, "HTTP, where no WebSocket goes through")."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from everywire.client.address import Address
from everywire.client.bodies import EventReader, LineReader, farewell, in_array
from everywire.client.http import Ask, Broken
from everywire.client.refusal import refusal
from everywire.client.returning import PASSING
from everywire.client.wire import as_json
from everywire.errors import CloseCode, HandshakeError
from everywire.http.request import Response

__all__ = ["MODES", "Line", "Web"]

MODES = ("stream", "sse", "poll", "interval")
PROBE = 2.0  # seconds in which what we said is answered over a stream, or somebody on the way keeps it back
_WAIT = 25.0  # seconds that a poll may hang
_SPARE = 15.0  # seconds more than that until it is given up
_RATE = 4096  # bytes per second at which a body leaves at least
_BATCH = 256 * 1024  # characters of commands in one body
_COUNT = 500  # commands in one body
_PAUSE = (0.05, 2.0)  # seconds between two tries, at first and at most
_SOON = (0.05, 0.1, 0.2)  # seconds between the short polls that look for the answer to what was said
_BETTER = (60.0, 600.0)  # seconds until a better mode is tried again, at first and at most
_PING = 2**53 - 1  # the id of our own ping, which no command of the client has
_TRANSIENT = (OSError, HandshakeError)  # TLS's errors, timeouts and broken connections among them


class Web(Protocol):
    """Who asks the server: `everywire.client.http.Http`."""

    address: Address

    async def ask(self, ask: Ask, patience: float) -> Response: ...

    async def stream(self, ask: Ask) -> Response: ...

    def target(self, below: str, **params: Any) -> str: ...

    def close(self) -> None: ...


class _Over(Exception):
    """The line has ended."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class _Unfit(Exception):
    """This way to hear does not work here."""


class Line:
    """A `Socket` over HTTP. Hears by the best of `modes` that works, from `first` on, and climbs by itself: the line stays, so nothing is lost.

    A mode that nothing was heard by is left at its first failure; who keeps one stream back keeps the other, so polls come next. One that works is left
    now and then to try the next better one, and comes back where that does not work.

    `proven(mode)` is called when something was heard by a mode. `heard(message)` and `down(code, reason)` are as in `Dial`.

    Invariants: one POST is under way at a time, and is said again under its number until it is answered; `_count` messages were heard, each once; after
    `down` nothing is heard or said.
    """

    def __init__(self, web: Web, heard: Callable[[str], None], down: Callable[[int, str], None]) -> None:
        self.modes: tuple[str, ...] = MODES
        self.first: str | None = None
        self.interval = 1.0
        self.proven: Callable[[str], object] = lambda mode: None
        self._web = web
        self._heard, self._down = heard, down
        self._id = ""
        self._mode = 0
        self._before: int | None = None  # the mode that worked, while a better one is tried
        self._proof = False
        self._failures = 0
        self._count = 0
        self._seq = 0
        self._saying: deque[str] = deque()
        self._spoken = asyncio.Event()  # there is something to say
        self._quiet = asyncio.Event()  # everything was said
        self._nudge = asyncio.Event()  # something was said: an answer may be there
        self._looks = 0  # short polls that are left to look for it soon
        self._tasks: list[asyncio.Task[None]] = []
        self._hearing: asyncio.Task[None] | None = None
        self._probe: asyncio.TimerHandle | None = None
        self._better: asyncio.TimerHandle | None = None
        self._patience = _BETTER[0]
        self._ended = False

    @property
    def mode(self) -> str:
        """How it hears now."""
        return self.modes[self._mode]

    async def open(self) -> None:
        """Open the line; raises `HandshakeError` where the server opens none."""
        response = await self._web.ask(self._post("lines", b""), _SPARE)
        if response.status != 201:
            why = f"the server answered {response.status} {response.reason}".rstrip()
            raise refusal(HandshakeError(why, response.status), self._web.address.uri, response)
        self._id = _line_id(response.body)
        if self.first in self.modes:
            self._mode = self.modes.index(self.first)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._guarded(each())) for each in (self._say_all, self._hear_all)]

    # What a link asks of its socket.

    def send(self, message: str | bytes) -> None:
        """Say a command."""
        if not self._ended:
            self._saying.append(as_json(message))
            self._quiet.clear()
            self._spoken.set()

    async def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Say what is left, and close the line for good."""
        if not self._ended:
            if self._saying:
                try:
                    async with asyncio.timeout(PROBE):
                        await self._quiet.wait()
                except TimeoutError:
                    pass
            self._end(code, reason)
            try:
                await self._web.ask(Ask("DELETE", self._web.target(f"lines/{self._id}")), PROBE)
            except _TRANSIENT:
                pass  # it ends by itself
        self._web.close()

    def abort(self) -> None:
        """Leave the line as it is: the session may be resumed."""
        self._end(CloseCode.ABNORMAL, "")
        self._web.close()

    def abandon(self) -> None:
        """Let go of what never opened."""
        self._ended = True
        self._web.close()

    def _end(self, code: int, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        for timer in (self._probe, self._better):
            if timer is not None:
                timer.cancel()
        for task in (*self._tasks, self._hearing):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        self._down(code, reason)

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except _Over as over:
            self._end(over.code, over.reason)
            self._web.close()
        except ValueError as error:
            self._end(CloseCode.ABNORMAL, f"the server sent what is not understood: {error}")
            self._web.close()

    # Up.

    async def _say_all(self) -> None:
        while True:
            if not self._saying:
                self._quiet.set()
                self._spoken.clear()
                await self._spoken.wait()
            body = self._batch()
            self._seq += 1
            await self._say(body.encode())
            self._looks = len(_SOON)
            self._nudge.set()
            self._expect()

    def _batch(self) -> str:
        batch = [self._saying.popleft()]
        size = len(batch[0])
        while self._saying and len(batch) < _COUNT and size + len(self._saying[0]) <= _BATCH:
            size += len(self._saying[0])
            batch.append(self._saying.popleft())
        return batch[0] if len(batch) == 1 else f"[{','.join(batch)}]"

    async def _say(self, body: bytes) -> None:
        """Say one body until it is answered."""
        pause = 0.0
        while True:
            try:
                patience = _SPARE + len(body) / _RATE
                response = await self._web.ask(self._post(f"lines/{self._id}", body, seq=self._seq), patience)
            except _TRANSIENT:
                pass
            else:
                if response.status in (200, 202, 204):
                    return
                if response.status not in PASSING:
                    raise _ended(response)
            await asyncio.sleep(pause)
            pause = min(max(2 * pause, _PAUSE[0]), _PAUSE[1])

    def _post(self, below: str, body: bytes, **params: Any) -> Ask:
        return Ask("POST", self._web.target(below, **params), body, (("Content-Type", "application/json"),))

    # Down.

    async def _hear_all(self) -> None:
        pause = 0.0
        while True:
            before = self._count
            self._hearing = asyncio.create_task(self._hear())
            try:
                await asyncio.wait([self._hearing])
            finally:
                self._hearing.cancel()
            if not self._hearing.cancelled():
                self._judge(self._hearing.exception())
            if self._count == before and (self.mode != "interval" or self._failures):
                await asyncio.sleep(pause)
                pause = min(max(2 * pause, _PAUSE[0]), _PAUSE[1])
            else:
                pause = 0.0

    def _judge(self, error: BaseException | None) -> None:
        """A response has ended; `error` says why."""
        match error:
            case None:
                self._failures = 0
            case _Unfit():
                self._climb_down()
            case HandshakeError() | OSError():  # TimeoutError is an OSError
                self._failures += 1
                cut = self._failures >= 2 and self.mode == "poll" and isinstance(error, TimeoutError)
                if cut or self._before is not None:
                    self._climb_down()
            case _:
                raise error

    async def _hear(self) -> None:
        match self.mode:
            case "stream":
                await self._hear_stream("stream", LineReader(self._take))
            case "sse":
                await self._hear_stream("sse", EventReader(self._take))
            case "poll":
                await self._poll(_WAIT)
            case _:
                await self._poll(0)
                await self._idle()

    async def _idle(self) -> None:
        """Wait for the next time to ask: soon, a few times, after something was said, also where that was during the last poll."""
        self._nudge.clear()
        if not self._looks:
            try:
                async with asyncio.timeout(self.interval):
                    await self._nudge.wait()
            except TimeoutError:
                return
        soon = _SOON[-self._looks]
        self._looks -= 1
        await asyncio.sleep(min(soon, self.interval))

    async def _hear_stream(self, kind: str, reader: LineReader) -> None:
        accepted = "text/event-stream" if kind == "sse" else "application/x-ndjson"
        target = self._web.target(f"lines/{self._id}/{kind}", after=self._count)
        response = await self._web.stream(Ask("GET", target, headers=(("Accept", accepted),), hear=reader.feed))
        if response.status in (405, 406, 415, 501):
            raise _Unfit
        _check(response)

    async def _poll(self, wait: float) -> None:
        target = self._web.target(f"lines/{self._id}/poll", after=self._count, wait=round(wait * 1000))
        response = await self._web.ask(Ask("GET", target), wait + _SPARE)
        if response.status == 504:
            raise TimeoutError(f"no answer to a poll of {wait:g} s on its way here: 504")
        _check(response)
        for message in in_array(response.body) if response.body else ():
            self._take(message)

    def _take(self, message: str) -> None:
        if self._ended:
            return
        end = farewell(message)
        if end is not None:
            self._end(*end)
            self._web.close()
            return
        self._count += 1
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None
        if not self._proof:
            self._proof, self._before = True, None
            self.proven(self.mode)
            self._plan()
        self._heard(message)

    # The ladder.

    def _expect(self) -> None:
        """Something was said, and has an answer: what does not bring it in time is kept back by somebody."""
        if self._proof or self._probe is not None or self._ended:
            return
        if self.mode in ("stream", "sse") or self._before is not None:
            self._probe = asyncio.get_running_loop().call_later(PROBE, self._late)

    def _late(self) -> None:
        self._probe = None
        if not self._proof:
            self._climb_down(kept_back=True)
            if self._hearing is not None:
                self._hearing.cancel()

    def _climb_down(self, *, kept_back: bool = False) -> None:
        if self._before is not None:
            self._mode, self._before = self._before, None
            self._proof, self._failures = True, 0
            self._plan()
        elif self._mode + 1 < len(self.modes):
            polls = self.modes.index("poll") if kept_back and "poll" in self.modes else 0
            self._mode = max(self._mode + 1, polls)
            self._proof, self._failures = False, 0
            self._expect()

    def _plan(self) -> None:
        if self._mode and self._better is None:
            self._better = asyncio.get_running_loop().call_later(self._patience, self._climb)
            self._patience = min(2 * self._patience, _BETTER[1])

    def _climb(self) -> None:
        """Try the next better mode; what we say is answered over it, or it still does not work."""
        self._better = None
        if not self._proof:
            return  # a worse one is tried: that has its own end
        self._before = self._mode
        self._mode, self._proof = self._mode - 1, False
        self.send(f'{{"type":"ping","id":{_PING}}}')
        if self._hearing is not None:
            self._hearing.cancel()


def _line_id(body: bytes) -> str:
    """Give the id in the answer to the opening of a line, which goes into addresses; `HandshakeError` where there is none."""
    try:
        said = msgspec.json.decode(body, type=_Opened).line
    except msgspec.DecodeError:
        raise HandshakeError("the server opens lines of another kind", 201) from None
    return quote(said, safe="")


class _Opened(msgspec.Struct):
    line: str


class _Closed(msgspec.Struct):
    code: int
    reason: str = ""


def _check(response: Response) -> None:
    """Raise what a response to a GET stands for, unless it is an answer."""
    if response.status in PASSING:
        raise Broken(f"{response.status} {response.reason}")
    if response.status not in (200, 204):
        raise _ended(response)


def _ended(response: Response) -> _Over:
    """Say how a line has ended, by what is answered to its requests."""
    if response.status == 413:
        return _Over(CloseCode.MESSAGE_TOO_BIG, "a command was too big for the server")
    if response.status == 410:
        try:
            said = msgspec.json.decode(response.body, type=_Closed)
        except msgspec.DecodeError:
            pass
        else:
            return _Over(said.code, said.reason)
    return _Over(CloseCode.ABNORMAL, f"the line is gone: {response.status} {response.reason}")
