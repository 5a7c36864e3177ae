# cython: nonecheck=True
"""The storey that reads HTTP requests, until one of them becomes a WebSocket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from functools import partial
from inspect import isawaitable
from typing import Any

from everywire.engine.answers import Accepted, Answer, Site, excuse, given_up
from everywire.engine.body import BodyLink
from everywire.http.handed import Handed
from everywire.http.head import BadRequest, RequestReader
from everywire.http.incoming import Incoming
from everywire.http.redaction import shown
from everywire.http.request import KnownFacts, Request, Response, phrase
from everywire.http.streamed import Streamed
from everywire.ws.link import PlainLink

__all__ = ["Opening"]

log = logging.getLogger("everywire.http")

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_AHEAD = 1 << 14  # bytes of pipelined requests that are taken while an answer is awaited
_KNOWN = (Response, Streamed, Accepted, Handed)  # asking these whether they can be awaited takes long
_DROPPED = 1 << 18  # bytes of a body that nobody wants, above which the connection is given up rather than read on
_UNREAD = 1 << 16  # bytes of answers that a client leaves unread, above which its next request waits


class Opening(PlainLink):
    """Reads requests one after another, has the `site` answer each, and gives its place to the WebSocket that one becomes.

    Invariants: while an answer is awaited, its body produced, or too much is left unread, no further request is parsed, and no more than `_AHEAD` bytes are
    kept; `task` is set exactly in the first case, for what was `asked`, `above` in the second, `full` in the third. Where the site takes bodies as they come,
    the next request waits for the end of this one's body, too; `dropping` says that nothing else is waited for.
    """

    __slots__ = (
        "asked",
        "dropping",
        "engine",
        "full",
        "idle",
        "known",
        "parting",
        "pending",
        "reader",
        "since",
        "site",
        "task",
        "tunnel",
    )

    def __init__(self, site: Site, engine: Any) -> None:
        super().__init__()
        self.site = site
        self.engine = engine
        self.reader = RequestReader(site.limits, streamed=site.streamed_bodies)
        self.since = 0.0
        self.idle = False
        self.full = False  # the client does not read its answers
        self.dropping = False
        self.pending = False  # no further request is parsed, for now or ever
        self.parting = False  # the client has said its last word
        self.tunnel = False  # what is pending is a WebSocket's handshake
        self.task: asyncio.Future[Answer] | None = None  # an answer that is awaited
        self.asked: Request | None = None
        self.known: KnownFacts | None = None  # where many requests want to know the same
        site.joined(self)

    def feed(self, data: bytes) -> None:
        """Take bytes; answer the requests that they complete."""
        if self.pending:
            if self.reader.incoming is not None:
                self._feed_body(data)
            elif self.task is not None or self.above is not None or self.full:
                self._keep(data)
            return
        try:
            request = self.reader.feed(data)
            while request is not None and self.below is not None:
                if self.idle:
                    self.idle = False
                    self.since = 0.0
                self._handle(request)
                if self._stopped():
                    return
                rest, self.reader.rest = self.reader.rest, b""
                request = self.reader.feed(rest) if rest else None
        except BadRequest as error:
            self._refuse(error.status, error.reason)
        if self.reader.expects and self.below is not None:
            self.reader.expects = False
            self.below.write(_CONTINUE)
        if self.idle and self.reader.begun:  # the next head has no more time than the first
            self.idle = False
            self.since = 0.0

    def _keep(self, data: bytes) -> None:
        """Keep what comes ahead of an answer: reading on is how the client's going is noticed."""
        self.reader.rest += data
        if len(self.reader.rest) > _AHEAD:
            self.below.reading(False)

    def _stopped(self) -> bool:
        """Say whether no further request is parsed for now, or ever."""
        return self.pending or self.below is None

    def _feed_body(self, data: bytes) -> None:
        """Read on in a body whose request was given to the site already."""
        incoming: Any = self.reader.incoming
        try:
            self.reader.feed(data)
        except BadRequest as error:
            self._break_body(error.status, error.reason)
            return
        if self.reader.incoming is None:
            self._keep(b"")
            if self.dropping:
                self.dropping = self.pending = False
                self.since = 0.0
                self.idle = True
                self._go_on()
        elif incoming.dropped > _DROPPED:
            self.below.finish()

    def _break_body(self, status: int, reason: str) -> None:
        """Give up a body, and the connection with it; the answer says why, unless another has begun."""
        incoming, self.reader.incoming = self.reader.incoming, None
        if incoming is not None:
            incoming.lose()
        answered = self.above is not None or self.dropping
        self._give_up()
        if not answered:
            self._refuse(status, reason)
        elif self.below is not None:
            self.below.abort()

    def _attend(self, request: Request) -> None:
        """Have what the site wants of the body come true."""
        request.exchange = self
        incoming = request.incoming
        if incoming is not None:
            incoming.reading = self._read_body
            if incoming.paused:
                self._read_body(False)
            if self.reader.expects:
                self.reader.expects = False
                incoming.ask = self._give_leave

    def _read_body(self, on: object) -> None:
        if self.below is not None:
            self.below.reading(on)

    def _give_leave(self) -> None:
        if self.below is not None and self.above is None and not self.dropping:
            self.below.write(_CONTINUE)

    def inform(self, status: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Send an informational response, while there is no other."""
        if self.below is not None and self.above is None and self.asked is not None and self.asked.version != "1.0":
            lines = [f"HTTP/1.1 {status} {phrase(status)}".encode(), *(b"%b: %b" % field for field in fields), b"\r\n"]
            self.below.write(b"\r\n".join(lines))

    def _handle(self, request: Request) -> None:
        if self.reader.streamed:
            if self.known is None:
                self.known = KnownFacts(self.below)
            request.facts = self.known
            self.asked = request
            self._attend(request)
        else:
            request.facts = self.below
        try:
            answer = self.site.answer(request, self.engine)
        except Exception as error:
            answer = excuse(request, error, last="upgrade" in request.headers)
        if not isinstance(answer, _KNOWN) and isawaitable(answer):
            self.pending = True
            self.tunnel = "upgrade" in request.headers
            self.asked = request
            if not self.tunnel:
                self.since = 0.0
            self._await(request, answer)
        else:
            self._answer(request, answer)

    def _await(self, request: Request, answer: Awaitable[Answer]) -> None:
        self.task = asyncio.ensure_future(answer, loop=self.engine.loop)
        self.task.add_done_callback(partial(self._awaited, request))
        self._keep(b"")

    def _awaited(self, request: Request, task: asyncio.Future[Answer]) -> None:
        if self.task is None or self.below is None:
            given_up(request, task)
            return
        try:
            answer = task.result()
        except (Exception, asyncio.CancelledError) as error:
            answer = excuse(request, error, last="upgrade" in request.headers)
        self.pending = False
        self.task = self.asked = None
        below = self.below
        try:
            self._answer(request, answer)
            self._go_on()
        except Exception:
            log.exception("an error that nobody handled; the connection is closed")
            below.abort()

    def begin_with(self, read: bytes) -> None:
        """Have `read` come before whatever the connection brings; `resume` takes it, where nothing has come by then."""
        self.reader.rest = read

    def resume(self) -> None:
        """Answer what has come; an error that nobody handled closes the connection."""
        below = self.below
        try:
            self._go_on()
        except Exception:
            log.exception("an error that nobody handled; the connection is closed")
            below.abort()

    def _go_on(self) -> None:
        """Read the requests that have come meanwhile."""
        below = self.below
        if below is not None and not self.pending:
            below.reading(True)
            rest, self.reader.rest = self.reader.rest, b""
            if rest:
                self.feed(rest)

    def _give_up(self) -> None:
        """End the awaiting of an answer that nobody wants any more."""
        task, self.task, self.asked = self.task, None, None
        if task is not None:
            task.cancel()

    def tasks(self) -> list[asyncio.Future[Answer]]:
        """Give the answers that are awaited."""
        return [] if self.task is None else [self.task]

    def _answer(self, request: Request, answer: Answer) -> None:
        below = self.below
        if isinstance(answer, Accepted):
            below.write(answer.response if isinstance(answer.response, bytes) else answer.response.encode())
            self._become(request, answer)
            return
        if isinstance(answer, Handed):
            if self._give(request, answer):
                return
            answer = answer.refusal
        if isinstance(answer, Streamed):
            if request.method != "HEAD":
                self._stream(request, answer)
                return
            answer = Response(answer.status, b"", answer.headers)
        data, keep = self._encoded(request, answer)
        below.write(data)
        self.asked = None
        self.since = 0.0
        self.idle = True
        if not keep:
            self.pending = True  # what follows is never parsed
            below.finish()
        elif self.reader.incoming is not None:
            self._drop_body()
        elif below.queued() > _UNREAD:
            self.pending = self.full = True
            below.crowd(_UNREAD // 2)
            self._keep(b"")

    def _drop_body(self) -> None:
        """Pass over the rest of a body that was answered already."""
        self.idle = False
        self.pending = self.dropping = True
        assert self.reader.incoming is not None
        self.reader.incoming.drop()
        self.below.reading(True)

    def _give(self, request: Request, handed: Handed) -> bool:
        """Give the socket away, with all that was read of it since the request began; nothing of it may be under way, nor anything sit on it."""
        below = self.below
        descriptor = below.extra("fd")
        if descriptor is None or below.extra("ground") is not below:
            return False
        if self.parting or request.body or "transfer-encoding" in request.headers:
            return False
        below.push()  # answers to earlier requests go ahead
        if below.queued() or not handed.give(descriptor, self.reader.head + self.reader.rest):
            return False
        self.pending = True
        self.reader.rest = b""
        below.abort()  # this closes our descriptor alone: the connection has another one now
        return True

    def drained(self) -> None:
        """The client reads: go on, but not at once, as others have their turn too."""
        if self.full:
            self.full = self.pending = False
            self.engine.loop.call_soon(self._go_on)
        elif self.above is not None:
            self.above.drained()

    def _encoded(self, request: Request, response: Response) -> tuple[bytes, bool]:
        """Give the response's bytes, and whether the connection is kept for another request."""
        try:
            keep = self._kept(request) and not response.closes
            # Who takes any answer to an upgrade for a yes would say the next words in the other protocol.
            keep = keep and (response.status < 400 or "upgrade" not in request.headers)
            incoming = request.incoming
            if incoming is not None and (incoming.gone or incoming.ask is not None):
                keep = False  # whether a client that was not given leave sends its body, nobody knows (RFC 9110 10.1.1)
            return response.encode(close=not keep, head_only=request.method == "HEAD"), keep
        except Exception:  # no response at all, or one with a header that would split it
            log.exception("the answer to %s cannot be written", shown(request.target))
            return Response(500, "internal error").encode(close=True), False

    def _kept(self, request: Request) -> bool:
        """Say whether the client wants the connection for another request."""
        return request.version == "1.1" and "close" not in request.headers.tokens("connection") and not self.parting

    def _stream(self, request: Request, answer: Streamed) -> None:
        """Answer by a body that is produced from now on; its client is there as long as it does not half-close."""
        below = self.below
        if self.parting:
            if answer.missed is not None:
                answer.missed()
            below.finish()
            return
        chunked = request.version != "1.0" and not answer.sized
        unread = request.incoming is not None and request.incoming.ask is not None
        keep = self._kept(request) and not unread and not answer.closes
        keep = keep and "upgrade" not in request.headers  # as in `_encoded`
        try:
            head = answer.head(chunked=chunked, close=not keep)
        except ValueError as error:
            self._answer(request, excuse(request, error))
            return
        self.pending = True
        body = BodyLink(lambda: self._streamed(keep=keep), chunked=chunked)
        self.put(body)
        below.write(head)
        body.begin(answer)
        self._keep(b"")

    def _streamed(self, *, keep: bool) -> None:
        """Go on after a body that is complete; not at once, as whoever completed it has something else to do."""
        self.above = self.asked = None
        if keep and self.reader.incoming is not None:
            self.since = 0.0
            self._drop_body()
        elif keep:
            self.since = 0.0
            self.idle = True
            self.pending = False
            self.engine.loop.call_soon(self._go_on)
        else:
            self.below.finish()

    def _become(self, request: Request, accepted: Accepted) -> None:
        websocket = accepted.websocket
        below, self.below = self.below, None
        request.exchange = None
        bare = request.user is None and request.scope is None
        websocket.opened_by = self.reader.head if bare else request
        below.put(websocket)
        self.site.left(self)
        if len(self.reader.rest) > _AHEAD:
            below.reading(True)
        accepted.opened(websocket)
        if self.reader.rest:
            websocket.feed(self.reader.rest)

    def _refuse(self, status: int, reason: str) -> None:
        log.info("refused a request: %d %s", status, reason)
        if self.below is not None:
            self.pending = True
            self.below.write(Response(status, reason + "\n").encode(close=True))
            self.below.finish()

    def ended(self) -> None:
        """The client half-closed: a request that came before is still answered, but for one whose answer is held back; a handshake, or a body without an end,
        is of no use any more."""
        if self.above is not None:
            self.below.abort()
            return
        if self.reader.incoming is not None:
            self.reader.incoming.lose()
            self.pending = True
        elif (self.asked is not None and not self.tunnel and not self.asked.held) or (self.full and self.reader.rest):
            self.parting = True
            return
        self._give_up()
        if self.below is not None:
            self.below.finish()

    def sweep(self, now: float) -> None:
        """Look after slow heads, slow handshakes and idle connections; the time of other answers is the application's."""
        if self.since == 0.0:
            self.since = now
            return
        if self.reader.incoming is not None:
            self._sweep_body(self.reader.incoming, now)
            return
        patience = self.site.idle_timeout if self.idle else self.site.open_timeout
        if patience is None or now - self.since < self.site.limits.patience(patience, self.reader.came):
            return
        if self.task is not None and self.tunnel:
            self._give_up()
            self._refuse(503, "the handshake was not answered in time")
        elif self.pending and not self.full:
            return
        elif self.idle:
            self.below.finish()
        else:
            self._refuse(408, "the request did not come in time")

    def _sweep_body(self, incoming: Incoming, now: float) -> None:
        """Look after a body that does not come; for as long as it is kept from coming, that is not the client's doing."""
        patience = self.site.open_timeout
        if incoming.paused or incoming.ask is not None:
            self.since = now
            incoming.came = 0
        elif patience is not None and now - self.since >= self.site.limits.patience(patience, incoming.came):
            self._break_body(408, "the request did not come in time")

    def slow(self) -> bool:
        """Say whether a request is waited for that has begun, or should have, before the latest sweep."""
        answering = self.idle or self.pending or self.task is not None or self.above is not None
        return self.since != 0.0 and not answering and self.below is not None

    def turn_away(self) -> None:
        """Wait no longer for a request."""
        self._refuse(429, "too many requests of this address do not come to their end")

    def lost(self, reason: BaseException | None) -> None:
        """The connection is gone before it became anything."""
        if self.reader.incoming is not None:
            self.reader.incoming.lose()
        self._give_up()
        above, self.above = self.above, None
        if above is not None:
            above.lost(reason)
        self.below = None
        self.reader.end()
        self.site.left(self)
