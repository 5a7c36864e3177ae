"""The server's end of HTTP/2: each stream a request, which is answered or becomes a WebSocket (RFC 9113 8, RFC 8441)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from inspect import isawaitable
from typing import Any, cast

from h2.errors import ErrorCodes

from everywire.engine.answers import Accepted, Answer, Site, excuse, given_up
from everywire.engine.body import BodyLink
from everywire.engine.h2_trunk import H2Trunk
from everywire.http.h2 import Fields, Meter, check_length, connection, read_request, response_fields
from everywire.http.handed import Handed
from everywire.http.head import BadRequest
from everywire.http.incoming import Incoming
from everywire.http.request import Request, Response
from everywire.http.streamed import Streamed
from everywire.ws.link import PlainLink

__all__ = ["Exchange", "H2Link"]

log = logging.getLogger("everywire.http")

_PREFACE = 24  # bytes, RFC 9113 3.4
_BODIES = 4  # bodies of the greatest size that may be kept for one connection's unfinished requests


class H2Link(H2Trunk):
    """A connection of the `site`: has it answer the requests, closes it when it is idle.

    Invariant: the site knows of it until it is lost or has said its last word.
    """

    idle = True  # it may be told to finish at any time, and finishes what it has begun
    pending = False

    def __init__(self, site: Site, engine: Any) -> None:
        super().__init__(connection(site.limits), Meter(preface=_PREFACE), engine.clock)
        self.site = site
        self.engine = engine
        self.since = 0.0
        self.used = False
        self.kept = 0  # bytes of bodies
        self.answering: set[asyncio.Future[Answer]] = set()
        self._joined: Any = site
        cast(Any, site).joined(self)

    def requested(self, stream_id: int, fields: Fields) -> None:
        """Begin with a request."""
        stream: Any = self.open(stream_id)
        if self.leaving:
            stream.refuse(ErrorCodes.REFUSED_STREAM)  # RFC 9113 8.7: the client may try again elsewhere
            return
        self.used = True
        exchange = Exchange(self.site, self.engine)
        stream.put(exchange)
        exchange.begin(fields)

    def tasks(self) -> list[asyncio.Future[Answer]]:
        """Give the answers that are awaited."""
        return list(self.answering)

    def emptied(self) -> None:
        """Be idle from now on."""
        self.since = 0.0

    def sweep(self, now: float) -> None:
        """Look after the time without any stream: before the first, and between two."""
        super().sweep(now)
        patience = self.site.idle_timeout if self.used else self.site.open_timeout
        if self.streams or self.over:
            return
        if self.since == 0.0:
            self.since = now
        elif patience is not None and now - self.since > patience:
            self.finish()

    def end(self) -> None:
        """Close; the site need not abort what ends by itself."""
        super().end()
        self._leave_site()

    def lost(self, reason: BaseException | None) -> None:
        """The connection is gone."""
        super().lost(reason)
        self._leave_site()

    def _slow(self) -> list[Exchange]:
        tops = [stream.above for stream in self.streams.values()]
        return [top for top in tops if isinstance(top, Exchange) and top.slow()]

    def slow(self) -> bool:
        """Say whether a request's body is waited for that was before the latest sweep."""
        return bool(self._slow())

    def turn_away(self) -> None:
        """Wait no longer for any of them."""
        for exchange in self._slow():
            exchange.turn_away()

    def _leave_site(self) -> None:
        site, self._joined = self._joined, None
        if site is not None:
            site.left(self)


class Exchange(PlainLink):
    """One request on a stream: waits for its body, has the `site` answer it, gives its place to the WebSocket that it becomes.

    Invariants: `request` is None before `begin` has read it and after it was answered. What comes after a WebSocket's handshake is kept in `parts`.
    `task` is set exactly while an answer is awaited, and held by the trunk as well.
    """

    __slots__ = ("engine", "incoming", "left", "parts", "request", "since", "site", "size", "task", "tunnel")

    above: Any
    below: Any
    parting = False

    def __init__(self, site: Site, engine: Any) -> None:
        self.above = None
        self.below = None
        self.site = site
        self.engine = engine
        self.request: Request | None = None
        self.incoming: Incoming | None = None
        self.left = site.limits.body  # bytes that may come of it
        self.tunnel = False
        self.task: asyncio.Future[Answer] | None = None
        self.parts: list[bytes] = []
        self.size = 0
        self.since = 0.0

    def begin(self, fields: Fields) -> None:
        """Read the head; a WebSocket's handshake is answered at once, any other request when it is complete."""
        try:
            request = read_request(fields, self.site.limits)
            check_length(request, self.site.limits, whole=self.below.trunk.whole)
        except BadRequest as error:
            self._refuse(error.status, error.reason)
            return
        self.request = request
        request.facts = self.below.trunk  # which outlives the stream
        self.tunnel = "upgrade" in self.request.headers
        if self.tunnel:
            self._handle(self.request)
        elif self.site.streamed_bodies:
            self._attend(self.request)
            self._handle(self.request)
        elif self._expects(self.request):
            self.below.inform([(b":status", b"100")])  # RFC 9110 10.1.1

    def _expects(self, request: Request) -> bool:
        """Say whether the client waits for leave to send the body."""
        return request.headers.tokens("expect") == ["100-continue"] and not self.below.eof

    def _attend(self, request: Request) -> None:
        """Have what the site wants of the body come true."""
        request.exchange = self
        if not self.below.trunk.whole:
            ask = (lambda: self.inform(100, ())) if self._expects(request) else None
            self.incoming = request.incoming = Incoming(self.below.reading, ask)

    def inform(self, status: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Send an informational response, while there is no other."""
        if self.request is not None and self.below is not None:
            self.below.inform([(b":status", b"%d" % status), *fields])

    def feed(self, data: bytes) -> None:
        """Keep bytes of the body."""
        if self.incoming is not None:
            self._bring(self.incoming, data)
            return
        self.parts.append(data)
        self.size += len(data)
        self.below.trunk.kept += len(data)
        if self.tunnel or self.request is None:
            return
        if self.size > self.site.limits.body:
            self._refuse(413, "request body too large")
        elif self.below.trunk.kept > self.site.limits.body * _BODIES:
            self._refuse(503, "too many requests at once")

    def _bring(self, incoming: Incoming, data: bytes) -> None:
        """Bring more of a body that is taken as it comes, up to the limit."""
        self.left -= len(data)
        if self.left >= 0:
            incoming.put(data)
            incoming.news()
        elif not incoming.gone:
            incoming.lose()
            self._give_up()
            if self.request is not None:
                self._refuse(413, "request body too large")

    def _take(self) -> bytes:
        """Give what was kept, and keep it no longer."""
        body = b"".join(self.parts)
        self.parts.clear()
        self.below.trunk.kept -= self.size
        self.size = 0
        return body

    def ended(self) -> None:
        """The request is complete; a handshake's client that ends the stream does not want it any more."""
        if self.tunnel:
            self._give_up()
            self.below.abort()
        elif self.incoming is not None:
            self.incoming.end()
        elif self.request is not None and not self.site.streamed_bodies:
            self.request.body = self._take()
            self._handle(self.request)

    def _handle(self, request: Request) -> None:
        try:
            answer = self.site.answer(request, self.engine)
        except Exception as error:
            answer = excuse(request, error)
        if isawaitable(answer):
            self.below.reading(not self.tunnel)
            answering = self.below.trunk.answering
            self.task = asyncio.ensure_future(answer, loop=self.engine.loop)
            answering.add(self.task)
            self.task.add_done_callback(answering.discard)
            self.task.add_done_callback(lambda task: self._awaited(request, task))
        else:
            self._answer(request, answer)

    def _give_up(self) -> None:
        """End the awaiting of an answer that nobody wants any more."""
        task, self.task = self.task, None
        if task is not None:
            task.cancel()

    def _awaited(self, request: Request, task: asyncio.Future[Answer]) -> None:
        if self.task is None or self.below is None or self.below.over:
            given_up(request, task)
            return
        self.task = None
        try:
            answer = task.result()
        except (Exception, asyncio.CancelledError) as error:
            answer = excuse(request, error)
        below = self.below
        try:
            self._answer(request, answer)
        except Exception:
            log.exception("an error that nobody handled; the stream is reset")
            below.abort()

    def _answer(self, request: Request, answer: Answer) -> None:
        if isinstance(answer, Handed):  # a stream has no socket of its own
            answer = answer.refusal
        response: Any = answer.response if isinstance(answer, Accepted) else answer
        if self.tunnel and not isinstance(answer, Accepted) and response.status < 300:
            response = answer = _no_tunnel()
        if isinstance(answer, Streamed) and request.method == "HEAD":
            response = answer = Response(answer.status, b"", answer.headers)
        try:
            unsized = not isinstance(answer, Response) or (request.method == "HEAD" and not answer.body)
            fields = response_fields(response, unsized=unsized)
        except ValueError as error:
            response = answer = excuse(request, error)
            fields = response_fields(response)
        if isinstance(answer, Accepted):
            self._become(request, answer, fields)
            return
        self.request = None
        self.below.patience = self.site.idle_timeout  # a page may be read slowly
        if isinstance(answer, Streamed):
            self._stream(answer, fields)
            return
        bare = request.method == "HEAD" or not response.body
        self.below.head(fields, end=bare)
        self.below.write(response.body)
        self.below.finish()

    def _stream(self, answer: Streamed, fields: Fields) -> None:
        """Give the place to a body that is produced from now on."""
        below: Any = self.below
        self.below = None
        body = StreamBody(below.finish, self.incoming, self.left)
        below.head(fields)
        below.put(body)
        body.begin(answer)

    def _become(self, request: Request, accepted: Accepted, fields: Fields) -> None:
        websocket: Any = accepted.websocket
        below: Any = self.below
        early = self._take()
        self.below = request.exchange = None
        websocket.opened_by = _head(request) if request.user is None and request.scope is None else request
        below.head(fields)
        below.put(websocket)
        below.reading(True)
        opened: Any = accepted.opened
        opened(websocket)
        if early:
            websocket.feed(early)

    def _refuse(self, status: int, reason: str) -> None:
        log.info("refused a request: %d %s", status, reason)
        self.request = None
        self._take()
        response = Response(status, reason + "\n")
        self.below.head(response_fields(response))
        self.below.write(response.body)
        self.below.finish()

    def sweep(self, now: float) -> None:
        """Look after a body that does not come, and a handshake that is not answered; the time of other answers is the application's."""
        patience = self.site.open_timeout
        if self.since == 0.0:
            self.since = now
            return
        if (
            self.request is None
            or patience is None
            or now - self.since < self.site.limits.patience(patience, self.size)
        ):
            return
        if self.incoming is not None:
            self._sweep_body(self.incoming, now)
        elif self.task is None:
            self._refuse(408, "the request did not come in time")
        elif self.tunnel:
            self._give_up()
            self._refuse(503, "the handshake was not answered in time")

    def _sweep_body(self, incoming: Incoming, now: float) -> None:
        """Look after a body that does not come, unless it is kept from coming."""
        if incoming.done:
            return
        patience: Any = self.site.open_timeout
        if incoming.paused or incoming.ask is not None:
            self.since = now
            incoming.came = 0
        elif now - self.since >= self.site.limits.patience(patience, incoming.came):
            self._lose_body()
            self._give_up()
            self._refuse(408, "the request did not come in time")

    def _lose_body(self) -> None:
        if self.incoming is not None:
            self.incoming.lose()

    def slow(self) -> bool:
        """Say whether the body is waited for, and was before the latest sweep."""
        return self.request is not None and self.task is None and not self.tunnel and self.since != 0.0

    def turn_away(self) -> None:
        """Wait no longer for the body."""
        self._lose_body()
        self._refuse(429, "too many requests of this address do not come to their end")

    def lost(self, reason: BaseException | None) -> None:
        """The stream is gone before the answer."""
        if self.incoming is not None:
            self.incoming.lose()
        self._give_up()
        self._take()
        self.below = None
        self.request = None


class StreamBody(BodyLink):
    """A body that is produced on a stream, of which the request's own may still come: `left` bytes at most."""

    __slots__ = ("incoming", "left")

    def __init__(self, finished: Callable[[], object], incoming: Incoming | None, left: int) -> None:
        super().__init__(finished, chunked=False)
        self.incoming = incoming
        self.left = left

    def feed(self, data: bytes) -> None:
        """Bring more of the request; beyond the limit the answer, which has begun, is broken off."""
        if self.incoming is None or self.over:
            return
        self.left -= len(data)
        if self.left < 0:
            self.below.abort()
        else:
            self.incoming.put(data)
            self.incoming.news()

    def ended(self) -> None:
        """The request is complete."""
        if self.incoming is not None:
            self.incoming.end()

    def lost(self, reason: BaseException | None) -> None:
        """The client is gone."""
        if self.incoming is not None:
            self.incoming.lose()
        super().lost(reason)

    def _end(self, trailers: Iterable[tuple[bytes, bytes]]) -> None:
        if trailers:
            self.below.trail(list(trailers))


def _no_tunnel() -> Response:
    """Make the answer to a handshake where there is a page or a stream, but no WebSocket: any 2xx would open the tunnel (RFC 8441 5)."""
    return Response(400, "there is no WebSocket here\n")


def _head(request: Request) -> bytes:
    """Write the head as HTTP/1.1 would have it, the compact form in which it is kept."""
    lines = [f"GET {request.target} HTTP/2", *(f"{name}: {value}" for name, value in request.headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
