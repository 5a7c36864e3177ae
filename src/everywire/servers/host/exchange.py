# cython: nonecheck=True
"""One request's way through an ASGI application: its `receive` and `send`, and what they make (HTTP message format 2.5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from everywire.engine.inbox import READY
from everywire.errors import Disconnected
from everywire.http.raw import RawResponse, RawStreamed
from everywire.http.redaction import shown
from everywire.http.request import Request, Response
from everywire.http.streamed import Outlet
from everywire.servers.host.conversation import failing
from everywire.servers.host.heads import Common, checked, head

__all__ = ["Exchange"]

log = logging.getLogger("everywire.app")

_HIGH = 1 << 16  # bytes of the body that wait for a client, above which the application does
_BODILESS = (204, 304)

# state    | what the application may say                  | next
# ---------+-----------------------------------------------+---------------------------------
# FRESH    | start; early hints                            | STARTED
# STARTED  | body, a file, early hints                     | STARTED; TRAILING or OVER with the last piece
# TRAILING | trailers                                      | OVER with the last of them
# OVER     | anything, which is ignored                    | -
FRESH, STARTED, TRAILING, OVER = range(4)


class Exchange:
    """What an application says of one request, and hears: `run` has it answer, and `answer` is there when its first words were enough for one.

    Whole bodies become a response with a length; the others are streamed, and `send` waits while 64 KiB of them are unread. An application that breaks the
    order gets a RuntimeError, one whose client is gone a `Disconnected`; one that fails or ends before its response does, is told in the log, once.

    Invariants: `state` only grows. `answer` is set once something may leave, and is not replaced once it is `given`. `held` are pieces for an `outlet` that is
    not there yet; `left` counts what Content-Length still promises, None where it promises nothing.
    """

    __slots__ = (
        *(
            "answer",
            "common",
            "future",
            "broken",
            "given",
            "head",
            "held",
            "left",
            "loop",
            "outlet",
            "parted",
            "read",
            "request",
        ),
        *("room", "scope", "state", "trailers", "trailing", "waiting"),
    )

    def __init__(
        self, request: Request, scope: dict[str, Any], loop: asyncio.AbstractEventLoop, common: Common
    ) -> None:
        self.request = request
        self.scope = scope
        self.loop = loop
        self.common = common
        self.state = FRESH
        self.read = False  # the whole body was told
        self.parted = False
        self.broken = False
        self.given = False
        self.answer: Response | RawStreamed | None = None
        self.future: asyncio.Future[Any] | None = None
        self.head: Any = None
        self.left: int | None = None
        self.held: list[bytes] = []
        self.outlet: Outlet | None = None
        self.room: asyncio.Future[None] | None = None
        self.waiting: list[asyncio.Future[None]] | None = None
        self.trailing = False
        self.trailers: list[tuple[bytes, bytes]] = []

    async def run(self, app: Callable[..., Awaitable[object]]) -> None:
        """Have the application answer; whatever it does, there is an answer or a broken-off body at the end."""
        try:
            await app(self.scope, self.receive, self.send)
        except (Exception, SystemExit) as error:  # who exits in a view means that view
            self._failed(error)
        except BaseException as error:
            self._failed(error)
            raise
        else:
            if self.state != OVER and not self._left_alone():
                log.error("the application ended before its answer to %s", shown(self.request.target))
                self._break_off()

    # What the application hears

    async def receive(self) -> dict[str, Any]:
        """Give the next event: "http.request" until the whole body was told, then "http.disconnect" once the client is gone or has its answer."""
        if not self.read:
            event = await self._more()
            if event is not None:
                return event
        self.request.held = True  # who ends its side of the connection now is gone
        while not self._over():
            await self._news()
        return {"type": "http.disconnect"}

    def _over(self) -> bool:
        """Say whether the response is complete, or nobody is there any more."""
        exchange = self.request.exchange
        if self.state == OVER or self._left_alone():
            return True
        return self.read and exchange is not None and exchange.parting

    def _left_alone(self) -> bool:
        """Say whether the client is gone; that its body will never be complete, `receive` may have told before `gone` is called."""
        incoming = self.request.incoming
        return self.parted or (incoming is not None and incoming.gone)

    async def _more(self) -> dict[str, Any] | None:
        """Give more of the body; None where it is of no use any more."""
        incoming = self.request.incoming
        if self._over():
            return None
        if incoming is None:
            self.read = True
            return {"type": "http.request", "body": self.request.body, "more_body": False}
        incoming.news = self._wake
        incoming.want()
        while not (incoming.size or incoming.done or self._over()):
            await self._news()
        if self._over() or self.read:  # another one that waited has told the end
            return None
        body = incoming.take()
        self.read = incoming.done
        return {"type": "http.request", "body": body, "more_body": not self.read}

    async def _news(self) -> None:
        """Wait until there is something new to be heard."""
        waiter = self.loop.create_future()
        if self.waiting is None:
            self.waiting = []
        self.waiting.append(waiter)
        try:
            await waiter
        finally:
            if (
                waiter.cancelled() and self.waiting is not None
            ):  # an application may look in a thousand times and never wait
                self.waiting.remove(waiter)

    def _wake(self) -> None:
        waiting, self.waiting = self.waiting, None
        for waiter in waiting or ():
            if not waiter.done():
                waiter.set_result(None)

    # What it says

    def send(self, message: dict[str, Any]) -> Awaitable[None]:
        """Take an event; awaiting waits while the client does not read, and raises what was wrong with it."""
        try:
            return self._say(message)
        except Exception as error:
            return failing(error)

    def _say(self, message: dict[str, Any]) -> Awaitable[None]:
        kind = message["type"]
        if self._left_alone():
            raise Disconnected("the client is gone")
        if self.state == OVER:
            return READY
        if kind == "http.response.body" and self.state == STARTED:
            self._piece(message.get("body", b""), message.get("more_body", False))
            return self._drain() if self.state != OVER and self._crowded() else READY
        if kind == "http.response.start" and self.state == FRESH:
            self.start(message)
        elif kind == "http.response.early_hint" and self.state in (FRESH, STARTED):
            self._hint(message["links"])
        elif kind == "http.response.trailers" and self.state == TRAILING:
            self._trail(message)
        elif kind in ("http.response.pathsend", "http.response.zerocopysend") and self.state == STARTED:
            from everywire.servers.host import files

            return (files.by_path if kind == "http.response.pathsend" else files.by_descriptor)(self, message)
        else:
            raise RuntimeError(f"the application says {kind!r} out of order, or it is no such message")
        return READY

    def start(self, message: dict[str, Any]) -> None:
        """Take the head; nothing leaves before something of the body is there."""
        made = head(message["status"], message.get("headers", ()), self.common)
        self.trailing = bool(message.get("trailers", False))
        self.head = made
        self.left = made.length
        self.state = STARTED

    def count(self, size: int, more: object) -> bool:
        """Count `size` bytes of the body; RuntimeError where that is not what Content-Length says. Gives whether they are to be sent."""
        if self.request.method == "HEAD":  # an application may write into its scope
            return False
        if self.head.status in _BODILESS:
            if size:
                raise RuntimeError(f"a response with status {self.head.status} has no body")
            return False
        if self.left is not None:
            if size > self.left:
                raise RuntimeError("the body is longer than Content-Length")
            self.left -= size
            if self.left and not more:
                raise RuntimeError("the body is shorter than Content-Length")
        return True

    def _piece(self, body: Any, more: object) -> None:
        if type(body) is not bytes:
            if isinstance(body, str) or body is None:
                raise TypeError(f"the body of a response is bytes, not {type(body).__name__}")
            body = bytes(memoryview(body))
        if not self.count(len(body), more) and self.answer is None and (more or self.trailing):
            self.give(RawResponse(self.head, b""))
        if self.answer is None:
            if not more and not self.trailing:
                self.state = OVER
                self.give(RawResponse(self.head, body))
                self._wake()
                return
            self.stream()
        self.write(body)
        if not more:
            self.last()

    def finish_bare(self) -> None:
        """Complete a response of which nothing but the head is sent."""
        if self.answer is None:
            self.give(RawResponse(self.head, b""))
        self.last()

    def stream(self) -> None:
        """Have the body leave piece by piece from now on."""
        self.give(RawStreamed(self.head, self._begin, self.gone))

    def write(self, data: bytes) -> None:
        """Write a piece of the body, or hold it until there is an outlet."""
        if self.outlet is not None:
            self.outlet.write(data)
        elif data and isinstance(self.answer, RawStreamed):
            self.held.append(data)

    def last(self) -> None:
        """The body is complete; so is the response, unless trailers follow."""
        if self.trailing:
            self.state = TRAILING
            return
        self.state = OVER
        if self.outlet is not None:
            self.outlet.end(self.trailers)
        self._wake()

    def _trail(self, message: dict[str, Any]) -> None:
        """Take trailers, which leave where the client says that it takes them."""
        self.trailers += checked(message.get("headers", ()))
        if message.get("more_trailers", False):
            return
        if "trailers" not in self.request.headers.tokens("te"):
            self.trailers = []
        self.trailing = False
        self.last()

    def _hint(self, links: Iterable[bytes]) -> None:
        """Send an early hint (RFC 8297), unless the answer has begun."""
        fields = checked((b"link", link) for link in links)
        exchange = self.request.exchange
        if exchange is not None and self.answer is None:
            exchange.inform(103, fields)

    # The answer

    def give(self, answer: Response | RawStreamed) -> None:
        """Answer: at once where somebody waits, else when `run` comes back."""
        self.answer = answer
        future = self.future
        if future is not None and not future.done():
            self.given = True
            future.set_result(answer)

    def later(self) -> asyncio.Future[Any]:
        """Give what the answer will be in; who cancels that is gone."""
        future = self.future = self.loop.create_future()
        future.add_done_callback(self._decided)
        return future

    def _decided(self, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            self.gone()

    def _begin(self, outlet: Outlet) -> Exchange:
        self.outlet = outlet
        if self.broken:
            outlet.abort()
            return self
        held, self.held = self.held, []
        for data in held:
            outlet.write(data)
        if self.state == OVER:
            outlet.end(self.trailers)
        elif outlet.queued() <= _HIGH:
            self.drained()
        else:
            outlet.crowd(_HIGH // 2)
        return self

    def _crowded(self) -> bool:
        """Say whether the client has much to read yet."""
        if self.outlet is None:
            return isinstance(self.answer, RawStreamed) and sum([len(data) for data in self.held]) > _HIGH
        return self.outlet.queued() > _HIGH

    async def _drain(self) -> None:
        """Wait while the client does not read."""
        outlet = self.outlet
        if outlet is None:
            await self.opened()
            return
        outlet.push()
        if outlet.queued() > _HIGH:
            outlet.crowd(_HIGH // 2)
            await self._roomy()

    async def opened(self) -> None:
        """Wait until what is streamed has an outlet."""
        while self.outlet is None:
            await self._roomy()

    async def emptied(self) -> None:
        """Wait until all that was written has left."""
        assert self.outlet is not None
        while self.outlet.queued():
            self.outlet.push()
            if self.outlet.queued():
                self.outlet.crowd(0)
                await self._roomy()

    async def _roomy(self) -> None:
        if self.parted:
            raise Disconnected("the client is gone")
        if self.room is None:
            self.room = self.loop.create_future()
        await asyncio.shield(self.room)
        if self.parted:
            raise Disconnected("the client is gone")

    async def write_on(self, data: bytes) -> None:
        """Write a piece, and wait while the client does not read."""
        self.write(data)
        if self._crowded():
            await self._drain()
        if self.parted:
            raise Disconnected("the client is gone")

    # What an outlet tells

    def drained(self) -> None:
        """Let the application go on."""
        room, self.room = self.room, None
        if room is not None and not room.done():
            room.set_result(None)

    def gone(self) -> None:
        """Learn that the client is gone."""
        self.parted = True
        self.drained()
        self._wake()

    # Its failures

    def _failed(self, error: BaseException) -> None:
        """The application raised: say so, unless that is only what we told it ourselves."""
        if not _told_by_us(error):
            log.error("the application failed at %s", shown(self.request.target), exc_info=error)
        if self.state != OVER and not self._left_alone():
            self._break_off()

    def _break_off(self) -> None:
        """Answer with 500 where nothing has left yet, else have the client see that this is not all."""
        begun = self.given or self.outlet is not None
        self.state = OVER
        self.held = []
        if not begun:
            self.give(Response(500, "Internal Server Error"))
        elif self.outlet is not None:
            self.outlet.abort()
        else:
            self.broken = True
        self._wake()


def _told_by_us(error: BaseException | None) -> bool:
    """Say whether an error is `Disconnected`, or followed from it."""
    while error is not None:
        if isinstance(error, Disconnected):
            return True
        error = error.__cause__ or error.__context__
    return False
