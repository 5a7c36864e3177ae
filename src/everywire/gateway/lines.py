"""The lines of one node: opened, carried by requests, lost and closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Final

from everywire.dialects.base import Carry, Deliver, Hear, Leave, Move, OpenLine, Renew
from everywire.gateway.agreeing import AgreeingLine, start
from everywire.gateway.carrying import Carrying, settle
from everywire.gateway.crowd import Crowd
from everywire.gateway.exchange import Exchange, remembered
from everywire.gateway.fetching import Fetching
from everywire.gateway.line import Line, Rest
from everywire.gateway.named import Named, by_name
from everywire.gateway.relay import Answer, Relay
from everywire.gateway.settings import HttpSettings
from everywire.gateway.showing import Shown, let_in, look
from everywire.http.handed import Handed
from everywire.http.origin import fits, source
from everywire.http.request import Request, Response
from everywire.http.streamed import Streamed
from everywire.hub.codes import Close, Code
from everywire.hub.deadlines import Deadlines
from everywire.hub.hub import Hub
from everywire.payloads import Payload, Transport
from everywire.transports.http import LineTransport
from everywire.transports.numbered import NumberedTransport
from everywire.transports.websocket import WebSocketTransport

__all__ = ["HttpLine", "Lines", "come"]

_MOMENT = 0.05  # seconds


class HttpLine:
    """A line that HTTP requests carry: `id` is its secret, `origin` the page that opened it.

    `address` is what it is counted under, None once a WebSocket carries it: that is counted itself.

    `quiet` is its time while no request fetches anything, `dead` that after its end.

    Invariants: `fetching` is true from when a request comes for payloads that are gone once given, until no more are given to it. `taken` is the
    number of the last body that was heard; `early` holds those that wait for the ones between, by number. It is `moving` while a WebSocket has asked for
    it; from when that carries it, it is `moved`. A line whose client agrees on its codec is carried in one `way` alone: "polling", "sse" or "websocket",
    None before the first request. `carrying` is the WebSocket that does so now.
    """

    __slots__ = (
        "_freed",
        "_lines",
        "address",
        "carrying",
        "dead",
        "early",
        "fetching",
        "id",
        "line",
        "moved",
        "moving",
        "origin",
        "quiet",
        "shown",
        "taken",
        "transport",
        "way",
    )

    line: Line

    def __init__(self, lines: Lines, name: str, exchange: Exchange, address: str | None, linger: float | None) -> None:
        self._lines = lines
        self.id: Final = name
        self.quiet, self.dead = lines.deadlines(linger)
        self.origin: Final = source(exchange.request)
        self.address = address
        self.taken = 0
        self.fetching = self.moving = self.moved = False
        self.way: str | None = None
        self.carrying: Carrying | None = None
        self.shown: Shown | None = None  # by a client that was let in before there was the line
        self.early: dict[int, asyncio.Future[None]] = {}
        self._freed: asyncio.Future[None] | None = None
        self.transport = LineTransport(lines.settings.limits, lines.hub.world.later, self)

    def free(self) -> None:
        """Let another request fetch payloads."""
        self.fetching = False
        if self._freed is not None:
            come(self._freed)

    async def soon(self) -> None:
        """Wait for that, a moment at most: a client that was cut off may be back before that is noticed."""
        if self._freed is None or self._freed.done():
            self._freed = asyncio.get_running_loop().create_future()
        freed = self._freed
        timer = self._lines.hub.world.later(_MOMENT, lambda: come(freed))
        try:
            await asyncio.shield(freed)
        finally:
            timer.cancel()

    def deaf(self, *, gone: bool) -> None:
        """Let the line wait for its client to ask on; where what it was given is lost with it, that is the end."""
        if gone and self.fetching:
            self.line.attachment.close(Close.ABNORMAL, "its client is gone")
        self.free()
        self._lines.rest(self)

    def lost(self, code: int) -> None:
        """Take notice that its transport is closed."""
        self.line.lost(code)
        self._lines.bury(self)

    def move(self, transport: Transport, nudge: Payload) -> None:
        """Be carried by `transport` from now on, beginning with what no request has fetched."""
        if self.transport.heard:
            self.transport.send((nudge,))
        transport.send(self.kept(nudge))
        bundle = self.line.attachment.bundle
        assert bundle is not None
        bundle.move(transport)
        self.moved = True
        self._lines.moved(self)

    def kept(self, nudge: Payload) -> list[Payload]:
        """Give what no request has fetched, to be carried otherwise; a nudge is for requests alone."""
        return [Payload(data) for data in self.transport.release() if data != nudge.data]

    def settle(self, way: str, request: Request) -> None:
        """Be carried in this way from the first `request` that does so on, which is the one that its application sees."""
        self.way = self.transport.kind = way
        self.line.attachment.request = request

    def carry(self, carrying: Carrying, transport: WebSocketTransport) -> None:
        """Be carried by a WebSocket from now on, and no longer by another one."""
        line, before = self.line, self.carrying
        self.carrying = carrying
        self._lines.moved(self)
        if before is not None:
            before.cut_off()
        if isinstance(line, AgreeingLine) and line.numbered is not None:
            line.resume(transport)
            heartbeats = self._lines.hub.heartbeats
            heartbeats.discard(line.attachment)  # it may have begun between two of them, or have had one until now
            if line.attachment.session is not None:
                heartbeats.add(line.attachment)
        else:
            self.transport.release()
            self.moved = True
            self.settle("websocket", transport.wire.request)
            line.attachment.transport = transport

    def parted(self, code: int) -> None:
        """Take notice that the WebSocket is gone: a numbered line waits for another one, unless its client itself has closed."""
        self.carrying = None
        numbered = self.numbered
        if numbered is None or code == Close.NORMAL:
            self.lost(code)
        elif numbered.closed is None:
            numbered.part()
            self._lines.wait(self)
            self._lines.hub.heartbeats.discard(self.line.attachment)  # nobody is there to answer

    @property
    def numbered(self) -> NumberedTransport | None:
        """What keeps the line up between two WebSockets."""
        return self.line.numbered if isinstance(self.line, AgreeingLine) else None

    @property
    def lasts(self) -> bool:
        """Whether another WebSocket could go on with it."""
        return self.line.attachment.open and (self.numbered is None or self.numbered.whole)

    def close(self, code: int, reason: str) -> None:
        """Close whatever carries it."""
        self.transport.close(code, reason)
        if (numbered := self.numbered) is not None:
            numbered.close(code, reason)


class Lines:
    """Opens lines, and carries out what requests want of them.

    Invariants: `_lines` holds a line from its opening until `linger` after its end; of the deadlines, which are there for each `linger`, the first holds
    those that no request fetches anything of, the second those that are closed.
    """

    def __init__(self, hub: Hub, settings: HttpSettings, crowd: Crowd) -> None:
        self.hub: Final = hub
        self.settings: Final = settings
        self.relay: Relay | None = None
        self._crowd = crowd
        self._lines: dict[str, HttpLine] = {}
        self._deadlines: dict[float, tuple[Deadlines[HttpLine], Deadlines[HttpLine]]] = {}
        self._fetching: Final = Fetching(self)
        self._named: Final = Named(self)

    def __len__(self) -> int:
        return len(self._lines)

    def open(self, exchange: Exchange, intent: OpenLine) -> Response | Awaitable[Response]:
        """Open a line; its client has to connect within the deadline, as on a WebSocket."""
        if intent.asks is not None:
            return let_in(self, exchange, intent)
        line = self.begin(exchange, intent)
        return line if isinstance(line, Response) else exchange.reply(intent.answer(line.id))

    def begin(self, exchange: Exchange, intent: OpenLine, name: str | None = None) -> HttpLine | Response:
        """Make a line, which is greeted, unless there are too many; without a `name` by its client it has an id."""
        address = self.settings.address(exchange.request)
        if (refusal := self._crowd.enter(exchange, address)) is not None:
            return refusal
        name = name or f"{self.hub.node}.{self.hub.world.new_id()}"
        line = HttpLine(self, name, exchange, address, intent.linger)
        line.line = start(self.hub, line.transport, remembered(exchange.request), intent, self.settings.limits)
        if isinstance(line.line, AgreeingLine):
            line.line.listener = line
        line.transport.send(intent.greeting)
        self._lines[line.id] = line
        line.quiet.add(line)
        if intent.payload is not None:
            self._receive(line, intent.payload)
        return line

    def deadlines(self, linger: float | None) -> tuple[Deadlines[HttpLine], Deadlines[HttpLine]]:
        """Give the times of lines that linger for so many seconds."""
        linger = self.hub.settings.linger if linger is None else linger
        found = self._deadlines.get(linger)
        if found is None:
            world = self.hub.world
            found = Deadlines(world, linger, self._forsake), Deadlines(world, linger, self._forget)
            self._deadlines[linger] = found
        return found

    def carry(self, exchange: Exchange, intent: Deliver | Hear | Leave | Renew) -> Answer | Awaitable[Answer]:
        """Do what a request wants of a line; another node does that for its own ones."""
        if by_name(intent):
            return self._named.carry(exchange, intent)
        node = intent.line.partition(".")[0]
        if node != self.hub.node and self.relay is not None and self.relay.takes(node):
            self.hub.metrics.forwards += 1
            once = isinstance(intent, Deliver) and intent.number is None  # said twice it would be heard twice
            wait = intent.wait if isinstance(intent, Hear) else 0.0
            return self.relay.forward(node, exchange.request, once=once, wait=wait)
        line = self._lines.get(intent.line)
        return self.unknown(exchange, node) if line is None else self.held(exchange, line, intent)

    def get(self, name: str) -> HttpLine | None:
        """Give the line of this name or id that is held here."""
        return self._lines.get(name)

    def held(
        self, exchange: Exchange, line: HttpLine, intent: Deliver | Hear | Leave | Renew
    ) -> Answer | Awaitable[Answer]:
        """Do what a request wants of a line that is held here."""
        page = source(exchange.request)
        if not (
            fits(exchange.request, line.origin) or (page is None and by_name(intent))
        ):  # a program may name any page
            return exchange.deny(403, Code.DENIED, "this line is another page's")
        refusal = look(self, exchange, line, intent)
        if refusal is None:
            return self._do(exchange, line, intent)
        return refusal if isinstance(refusal, Response) else self._do_later(exchange, line, intent, refusal)

    async def _do_later(
        self,
        exchange: Exchange,
        line: HttpLine,
        intent: Deliver | Hear | Leave | Renew,
        looking: Awaitable[Response | None],
    ) -> Answer:
        if (refusal := await looking) is not None:
            return refusal
        answer = self._do(exchange, line, intent)
        return answer if isinstance(answer, Response | Streamed) else await answer

    def _do(
        self, exchange: Exchange, line: HttpLine, intent: Deliver | Hear | Leave | Renew
    ) -> Answer | Awaitable[Answer]:
        if isinstance(intent, Renew):
            return self._renew(exchange, line, intent)
        if isinstance(line.line, AgreeingLine) and (settled := settle(self, exchange, line, intent)) is not None:
            return settled
        if line.moved:
            return exchange.deny(400, Code.BAD_REQUEST, "a WebSocket carries this line")
        if not (isinstance(intent, Deliver) and intent.named):  # whose time is for those that fetch
            self.rest(line)
        match intent:
            case Hear():
                return self._fetching.hear(exchange, line, intent)
            case Deliver():
                return self._deliver(exchange, line, intent)
            case _:
                return self._leave(exchange, line, intent)

    def _renew(self, exchange: Exchange, line: HttpLine, intent: Renew) -> Response:
        """Answer a request that has shown a token, and wants nothing else."""
        if line in line.dead:
            return exchange.deny(404, Code.UNKNOWN_CHANNEL, "no such line")
        session = line.line.attachment.session
        name, left = ("", None) if session is None else (session.id, self.hub.expiries.left(session))
        return exchange.reply(intent.answer(name, self.hub.expiries.now(), left))

    def unknown(self, exchange: Exchange, node: str) -> Response:
        """Answer who names a line that is not there; somebody may be guessing those of this node."""
        if node == self.hub.node and not self.hub.limiting.guess(self.settings.address(exchange.request)):
            return exchange.deny(429, Code.LIMIT, "too many lines that are not there, from this address")
        return exchange.deny(404, Code.UNKNOWN_CHANNEL, "no such line")

    # Up

    def _deliver(self, exchange: Exchange, line: HttpLine, intent: Deliver) -> Answer | Awaitable[Answer]:
        if line.transport.closed is not None:
            if isinstance(line.line, AgreeingLine) and line.transport.closed[0] != Close.NORMAL:
                return exchange.reply(
                    intent.answer
                )  # its client is about to learn why: what it said meanwhile is no failure
            return exchange.deny(410, *line.transport.closed)
        if intent.number is None or intent.number == line.taken + 1:
            return self._take(exchange, line, intent)
        if intent.number <= line.taken:
            return exchange.reply(intent.answer)  # it was said again
        return self._wait(exchange, line, intent, intent.number)

    def _take(self, exchange: Exchange, line: HttpLine, intent: Deliver) -> Response | Awaitable[Response]:
        line.taken += 1
        waiting = [rest for payload in intent.payloads if (rest := self._receive(line, payload)) is not None]
        following = line.early.get(line.taken + 1)
        if following is not None:
            come(following)
        if line.transport.closed is not None and intent.number is not None:
            return exchange.deny(410, *line.transport.closed)
        answer = exchange.reply(intent.answer)
        return _once_read(waiting, answer) if waiting else answer

    def _receive(self, line: HttpLine, payload: str | bytes) -> Rest:
        self.hub.metrics.payloads_received += 1
        self.hub.metrics.bytes_received += len(payload)
        return line.line.receive(payload)

    async def _wait(self, exchange: Exchange, line: HttpLine, intent: Deliver, number: int) -> Answer:
        """Wait, for a moment, for the bodies between: connections may overtake each other."""
        early = line.early
        if number > line.taken + 1 and number not in early and len(early) < self.settings.max_early:
            turn = early[number] = asyncio.get_running_loop().create_future()
            timer = self.hub.world.later(self.settings.patience, lambda: come(turn))
            try:
                await turn
            finally:
                timer.cancel()
                del early[number]
        if number > line.taken + 1 and line.transport.closed is None:
            return exchange.deny(409, Code.BAD_REQUEST, f"number {line.taken + 1} has not come")
        answer = self._deliver(exchange, line, intent)
        assert isinstance(answer, Response)
        return answer

    # Moving to a WebSocket

    def elsewhere(self, exchange: Exchange, intent: Move | Carry) -> Handed | None:
        """Have the node that holds the line take the connection, and answer there; None where that is this one, or there are no others."""
        node, relay = intent.line.partition(".")[0], self.relay
        if node == self.hub.node or relay is None:
            return None

        def give(descriptor: int, read: bytes) -> bool:
            taken = relay.hand(node, descriptor, read)
            self.hub.metrics.forwards += taken
            return taken

        return Handed(give, exchange.deny(404, Code.UNKNOWN_CHANNEL, "no such line"))

    def refusal(self, exchange: Exchange, intent: Move | Carry) -> Response | Awaitable[Response | None] | None:
        """Say why the line of a WebSocket that asks for one is not to be had; None where it is."""
        line = self._lines.get(intent.line)
        if line is None:
            return self.unknown(exchange, intent.line.partition(".")[0])
        agrees = isinstance(line.line, AgreeingLine)
        over = not line.lasts if agrees else line.transport.closed is not None and not line.moved
        if over or line in line.dead or agrees != isinstance(intent, Carry):  # the last: it is another language's
            return exchange.deny(404, Code.UNKNOWN_CHANNEL, "no such line")
        if not fits(exchange.request, line.origin):
            return exchange.deny(403, Code.DENIED, "this line is another page's")
        if isinstance(intent, Carry):
            if line.way not in (None, "websocket"):
                return exchange.deny(400, Code.BAD_REQUEST, "requests carry this line")
            if line.carrying is not None and line.numbered is None:
                return exchange.deny(409, Code.CONFLICT, "another WebSocket carries this line")
            return look(self, exchange, line, intent)
        return None

    def carriable(self, name: str) -> HttpLine | None:
        """Give the line that a WebSocket may carry; None where there is none, or another one was quicker."""
        line = self._lines.get(name)
        if line is None or not line.lasts or line.way not in (None, "websocket"):
            return None
        return line if line.carrying is None or line.numbered is not None else None

    def movable(self, name: str) -> HttpLine | None:
        """Give the line that a WebSocket may carry on; None where there is none, or another WebSocket was quicker."""
        line = self._lines.get(name)
        return None if line is None or line.transport.closed is not None or line.moving else line

    def moved(self, line: HttpLine) -> None:
        """Expect no requests for a line any more."""
        line.quiet.discard(line)
        self._crowd.leave(line.address)
        line.address = None

    def wait(self, line: HttpLine) -> None:
        """Wait for another WebSocket, as long as for a request."""
        line.quiet.add(line)

    # The end

    def _leave(self, exchange: Exchange, line: HttpLine, intent: Leave) -> Response:
        if line.transport.closed is not None:
            return exchange.deny(410, *line.transport.closed)
        line.line.lost(Close.NORMAL)
        line.transport.close(Close.NORMAL)
        line.transport.acknowledge(line.transport.last)  # nobody is going to ask for the rest
        return exchange.reply(intent.answer)

    def rest(self, line: HttpLine) -> None:
        """Give the client of a line that no request fetches anything of its time anew."""
        if (
            line.transport.closed is None and not line.transport.heard
        ):  # a line that moved is closed as far as requests go
            line.quiet.add(line)

    def bury(self, line: HttpLine) -> None:
        """Tell for a while how a closed line ended, then forget it."""
        if line in line.dead:
            return
        line.quiet.discard(line)
        line.dead.add(line)
        self._crowd.leave(line.address)
        for turn in line.early.values():
            come(turn)

    def _forsake(self, line: HttpLine) -> None:
        """Lose a line as a WebSocket is lost."""
        line.line.lost(Close.ABNORMAL)
        line.close(Close.ABNORMAL, "nobody asked for it")
        self._forget(line)

    def _forget(self, line: HttpLine) -> None:
        self._lines.pop(line.id, None)
        self._named.release(line.id)

    def close(self, code: int, reason: str) -> None:
        """Close every line; none is opened any more."""
        for line in [*self._lines.values()]:
            line.line.attachment.close(code, reason)

    def stop(self) -> None:
        """Stop the timers."""
        for quiet, dead in self._deadlines.values():
            quiet.close()
            dead.close()
        self._named.stop()


def come(turn: asyncio.Future[None]) -> None:
    """Let a body that waits go on, and look."""
    if not turn.done():
        turn.set_result(None)


async def _once_read(waiting: Iterable[Awaitable[None]], answer: Response) -> Response:
    """Answer once the rest of what came is read, too: who waits for that says no more meanwhile."""
    for rest in waiting:
        await rest
    return answer
