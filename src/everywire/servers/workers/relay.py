"""Requests on their way to the worker that holds their line: whole HTTP requests over that worker's private Unix socket."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections import deque
from pathlib import Path
from typing import Any, cast

import httptools

from everywire.gateway import Answer
from everywire.http.request import Headers, Request, Response, one_head
from everywire.http.streamed import Outlet, Streamed
from everywire.servers.workers.handing import hand, landing

__all__ = ["WorkerRelay", "private"]

_log = logging.getLogger("everywire.workers")

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# What belongs to one connection, not to the request (RFC 9110 7.6.1).
_OWN = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "expect"}
)
_IDLE = 8  # connections kept per node
_PATIENCE = 40.0  # seconds until an answer begins, beyond those for which it may be held back
_MUCH = 1 << 18  # bytes of an answer that may wait for a slow client, before its holder has to


def private(folder: Path, node: str) -> Path:
    """Give the path of a node's private socket."""
    return folder / f"{node}.node"


class _Lost(Exception):
    """The connection ended before its answer did; `begun` says whether that had begun."""


class _Exchange(asyncio.Protocol):
    """A connection to another worker, with one request under way at most.

    Invariants: `_answer` is there from `ask` until the head of the answer is; `_outlet` while a body is streamed.
    """

    def __init__(self, relay: WorkerRelay, node: str) -> None:
        self._relay = relay
        self._node = node
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._answer: asyncio.Future[Answer] | None = None
        self._fields: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._held: list[bytes] = []  # of a streamed body, until its client's outlet is there
        self._outlet: Outlet | None = None
        self._streams = self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    @property
    def usable(self) -> bool:
        """Whether another request can go over it."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: Request, wait: float) -> Answer:
        """Send a request, whose answer may be held for `wait` seconds; gives the answer, or its head with a body to come."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._fields, self._body, self._held = [], [], []
        self._outlet, self._streams, self._over = None, False, False
        self._transport.write(_written(request))
        try:
            async with asyncio.timeout(_PATIENCE + wait):
                return await self._answer
        except (asyncio.CancelledError, TimeoutError):
            self.close()  # what still comes would be taken for the answer to the next request
            raise

    def data_received(self, data: bytes) -> None:
        """Read the answer."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End what is under way."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(_Lost())
        if self._outlet is not None and not self._over:
            self._outlet.abort()

    # httptools calls these

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field."""
        self._fields.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Give the head of an answer that has no length; its body is streamed."""
        headers = Headers(self._fields)
        if "chunked" in headers.tokens("transfer-encoding"):
            self._streams = True
            self._done(Streamed(self._parser.get_status_code(), self._begin, _passed(headers)))

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if not self._streams:
            self._body.append(data)
        elif self._outlet is None:
            self._held.append(data)
        else:
            self._outlet.write(data)
            self._look()

    def on_message_complete(self) -> None:
        """Give the whole answer, or end the streamed one; the connection is free again."""
        self._over = True
        if not self._streams:
            fields = _passed(Headers(self._fields))
            self._done(Response(self._parser.get_status_code(), b"".join(self._body), fields))
        elif self._outlet is not None:
            self._outlet.end()
        self._outlet = None
        if self._parser.should_keep_alive():
            self._relay.keep(self._node, self)
        else:
            self.close()

    def _done(self, answer: Answer) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    # The client of a streamed answer

    def _begin(self, outlet: Outlet) -> _Exchange:
        for piece in self._held:
            outlet.write(piece)
        self._held.clear()
        if self._over:
            outlet.end()
        elif not self.usable:
            outlet.abort()
        else:
            self._outlet = outlet
            self._look()
        return self

    def _look(self) -> None:
        """Let the holder wait while the client does not keep up."""
        if self._outlet is not None and self._outlet.queued() > _MUCH and self._transport is not None:
            self._transport.pause_reading()
            self._outlet.crowd(_MUCH // 2)

    def drained(self) -> None:
        """Read on."""
        if self._transport is not None:
            self._transport.resume_reading()

    def gone(self) -> None:
        """End it: the holder learns that the client is gone."""
        self._outlet = None
        if not self._over:
            self.close()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()


class WorkerRelay:
    """Passes requests on to the other workers of this machine, whose private sockets are in `folder`.

    Invariants: `_idle` holds connections without a request; `_fresh` sockets that were connected to see whether anybody is there, and
    are used by the next request.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._idle: dict[str, deque[_Exchange]] = {}
        self._fresh: dict[str, socket.socket] = {}

    def takes(self, node: str) -> bool:
        """Say whether `node` is a worker that lives. `node` is what a client sent."""
        if _NAME.fullmatch(node) is None:
            return False
        return self._pooled(node) is not None or self._connected(node)

    async def forward(self, node: str, request: Request, *, once: bool = False, wait: float = 0.0) -> Answer:
        """Have `node` answer; 404 where it is gone, 502 where it ends before its answer does, 504 where it takes too long beyond `wait` seconds.

        A kept connection may have ended unseen: then another is tried once, where saying the same twice does no harm. With `once` it would:
        such a request goes over a connection of its own, and is not said again.
        """
        if once:
            self._forget(node)  # whatever is older may have been let go by now
        for attempt in range(1 if once else 2):
            exchange = None if once or attempt else self._take(node)
            if exchange is None:
                exchange = await self._connect(node)
            if exchange is None:
                return Response(404, "the worker that held this line is gone")
            try:
                return await exchange.ask(request, wait)
            except _Lost:
                continue
            except TimeoutError:
                return Response(504, "the worker that holds this line does not answer in time")
        return Response(502, "the worker that holds this line does not answer")

    def hand(self, node: str, descriptor: int, read: bytes) -> bool:
        """Give `node` a connection that was accepted here; False where it is gone, or `node` is the name of none."""
        return _NAME.fullmatch(node) is not None and hand(landing(self._folder, node), descriptor, read)

    def keep(self, node: str, exchange: _Exchange) -> None:
        """Take back a connection whose request is answered."""
        idle = self._idle.setdefault(node, deque())
        if len(idle) < _IDLE:
            idle.append(exchange)
        else:
            exchange.close()

    def close(self) -> None:
        """End all connections without a request."""
        for idle in self._idle.values():
            for exchange in idle:
                exchange.close()
        for sock in self._fresh.values():
            sock.close()
        self._idle.clear()
        self._fresh.clear()

    def _pooled(self, node: str) -> _Exchange | None:
        """Give the kept connection that is to be used next, without those that ended."""
        idle = self._idle.get(node)
        while idle:
            if idle[-1].usable:
                return idle[-1]
            idle.pop()
        self._idle.pop(node, None)
        return None

    def _forget(self, node: str) -> None:
        """Close the connection that nobody has used yet."""
        if (sock := self._fresh.pop(node, None)) is not None:
            sock.close()

    def _take(self, node: str) -> _Exchange | None:
        exchange = self._pooled(node)
        if exchange is not None:
            self._idle[node].pop()
        return exchange

    def _connected(self, node: str) -> bool:
        """See whether the worker accepts: a Unix socket says so at once."""
        if node in self._fresh:
            return True
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            sock.connect(str(private(self._folder, node)))
        except OSError:
            sock.close()
            return False
        self._fresh[node] = sock
        return True

    async def _connect(self, node: str) -> _Exchange | None:
        if not self._connected(node):
            return None
        sock = self._fresh.pop(node)
        loop = asyncio.get_running_loop()
        _, exchange = await loop.create_connection(lambda: _Exchange(self, node), sock=sock)
        return exchange


def _written(request: Request) -> bytes:
    """Write a request as it came, but for what was its connection's own."""
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers if name.lower() not in _OWN]
    if "host" not in request.headers:
        lines.append("Host: ")  # HTTP/1.0 has none; HTTP/1.1 may say that there is none (RFC 9112 3.2)
    lines.append(f"Content-Length: {len(request.body)}")
    return one_head(lines) + request.body


def _passed(headers: Headers) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _OWN]
