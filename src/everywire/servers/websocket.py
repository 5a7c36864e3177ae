"""The WebSocket server of the library face: `serve`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import socket
import ssl as tls
from collections.abc import Awaitable, Callable, Generator, Sequence
from inspect import isawaitable
from types import TracebackType
from typing import Any

from everywire import engine as engines
from everywire.engine.answers import Accepted, Answer, given_up
from everywire.engine.opening import Opening
from everywire.engine.websocket import WebSocket, start_handler
from everywire.errors import AbortHandshake
from everywire.http.handed import Handed
from everywire.http.request import Request, Response
from everywire.http.streamed import Streamed
from everywire.servers import alpn, listening
from everywire.servers.options import Options
from everywire.servers.slow import SlowRequests
from everywire.ws import bootstrap, handshake
from everywire.ws.deflate import Compressor, Deflate, Inflation, Parameters
from everywire.ws.frames import SERVER

__all__ = ["Early", "ProcessRequest", "Server", "Welcome", "serve"]

log = logging.getLogger("everywire.server")

Handler = Callable[[WebSocket], Awaitable[object]]

_MADE = 2  # turns of the loop until each connection that was accepted has begun, on asyncio's transports


class Welcome:
    """A request that becomes a WebSocket as somebody wants it who knows better than the server's options: whoever sent it, with this `subprotocol`.

    `headers` go with the 101. `opened(websocket)` has the connection, and all that comes of it; its `on_close` is the server's, to be called by whoever sets
    another. `missed()` is called in its place where there will be none.
    """

    __slots__ = ("headers", "missed", "opened", "subprotocol")

    def __init__(
        self,
        opened: Callable[[WebSocket], object],
        subprotocol: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
        missed: Callable[[], object] | None = None,
    ) -> None:
        self.opened = opened
        self.subprotocol = subprotocol
        self.headers = headers
        self.missed = missed


Early = Response | Streamed | Handed | Welcome
ProcessRequest = Callable[[Request], Early | Awaitable[Early | None] | None]


class Callbacks:
    """What an application gave: a handler coroutine, or callbacks."""

    __slots__ = ("handler", "on_close", "on_message", "on_open")

    def __init__(
        self, handler: Handler | None, on_open: Any = None, on_message: Any = None, on_close: Any = None
    ) -> None:
        if (handler is None) == (on_message is None):
            raise TypeError("give serve() either a handler coroutine or on_message")
        self.handler = handler
        self.on_open = on_open
        self.on_message = on_message
        self.on_close = on_close


class Server:
    """A running server: its sockets, its connections, its end.

    Use it as `async with serve(...) as server:`, or await it and call `close`.
    """

    def __init__(
        self, callbacks: Callbacks, options: Options, process_request: ProcessRequest | None, engine_kind: str | None
    ) -> None:
        self.options = options
        self.limits = options.head_limits
        self.streamed_bodies = options.streamed_bodies
        self.open_timeout = options.open_timeout
        self.idle_timeout = math.inf if options.idle_timeout is None else options.idle_timeout
        self.connections: set[WebSocket] = set()
        self.sockets: list[socket.socket] = []
        self.files = contextlib.ExitStack()  # removes the Unix socket that was made for it
        self._callbacks = callbacks
        self._process_request = process_request
        self._engine_kind = engine_kind
        self._openings: set[Any] = set()  # Opening, or H2Link
        self._slow = SlowRequests(lambda: [*self._openings], options.slow_requests)
        self._listeners: dict[socket.socket, Any] = {}
        self._compressors: dict[int, Compressor] = {}  # by window, without contexts
        self._inflations: dict[int, Inflation] = {}
        self._engine: Any = None
        self._make: Any = None  # what a new connection begins with
        self._manner: Any = None
        self._closing: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()  # the closing
        self._emptied = asyncio.Event()  # of the openings, while closing
        self._late: set[asyncio.Task[Any]] = set()  # handlers whose connection is over
        self._on_close = self._closed  # one bound method for all connections

    async def start(self, sockets: Sequence[socket.socket], context: tls.SSLContext | None) -> None:
        """Listen on `sockets`, which are taken over: on all of them or, after an error, on none."""
        self.sockets = list(sockets)
        try:
            self.prepare()
            self._make = self._factory(context)
            for sock in sockets:
                await self.listen(sock)
            self._slow.start(self.options.shortest())
        except BaseException:
            self.stop_listening()
            for sock in sockets:
                sock.close()
            raise

    def prepare(self) -> Any:
        """Be ready to answer the requests of connections; give the engine. `start` does it; one that does not listen needs no more than this."""
        self._engine = engines.current(self._engine_kind)
        self._engine.watch(self.options.shortest())
        self._manner = self.options.manner(self._engine.clock)
        return self._engine

    async def listen(self, sock: socket.socket, *, plain: bool = False) -> None:
        """Accept on another listening socket, which is taken over, as on the others; `plain`: without TLS whatever they have."""
        make = self._factory(None) if plain else self._make
        self._listeners[sock] = await self._engine.listen(sock, make, self.options.fin_timeout)

    async def adopt(self, sock: socket.socket, read: bytes) -> None:
        """Take over a connection that another process accepted, and of which that has `read` these bytes, as one of our own; without TLS."""
        opening = Opening(self, self._engine)
        opening.begin_with(read)
        try:
            await self._engine.adopt(sock, opening, self.options.fin_timeout)
        except BaseException:
            self.left(opening)
            sock.close()
            raise
        opening.resume()

    def refrain(self, sock: socket.socket) -> None:
        """Accept no more on `sock`, and close it; its connections stay."""
        if (listener := self._listeners.pop(sock, None)) is not None:
            listener.abort()

    def stop_listening(self) -> None:
        """Accept nothing more; what is connected stays."""
        for sock in [*self._listeners]:
            self.refrain(sock)
        self.files.close()

    def _factory(self, context: tls.SSLContext | None) -> Callable[[], Any]:
        if context is None:
            return lambda: self._heeded(Opening(self, self._engine))
        from everywire.engine.tls import TlsLink

        alpn.offer(context, http2=self.options.http2)
        return lambda: TlsLink(self._engine, context, self._top, server_side=True, timeout=self.open_timeout)

    def _top(self, link: Any) -> Any:
        """Choose what sits on TLS, by what ALPN agreed on."""
        if link.alpn == "h2":
            from everywire.engine.h2 import H2Link

            top: Any = H2Link(self, self._engine)
        else:
            top = Opening(self, self._engine)
        top.since = link.since  # the handshake's time began with that of TLS
        return self._heeded(top)

    def _heeded(self, top: Any) -> Any:
        """Give what sits on a new connection. One that was accepted before the server's end, and begins after it, is not kept: nobody would end it."""
        if self._closing is not None and self._closing.done():
            self._engine.loop.call_soon(top.abort)  # it is not on its transport yet
        return top

    @property
    def port(self) -> int:
        """The port of the first TCP socket."""
        return int(next(sock for sock in self.sockets if sock.family != socket.AF_UNIX).getsockname()[1])

    # Answering requests (the `Site` of the openings)

    def joined(self, opening: Opening) -> None:
        """Learn of a new connection."""
        self._openings.add(opening)

    def left(self, opening: Opening) -> None:
        """Learn that one is gone or has become a WebSocket."""
        self._openings.discard(opening)
        if self._closing is not None and not self._openings:
            self._emptied.set()

    def answer(self, request: Request, engine: Any) -> Answer | Awaitable[Answer]:
        """Answer a request: what `process_request` says, else the handshake."""
        if self._process_request is not None:
            early = self._process_request(request)
            if isinstance(early, Response):
                return early
            if isawaitable(early):
                return self._answer_later(request, early)
            if early is not None:
                return self._welcome(request, early) if isinstance(early, Welcome) else early
        return self._upgrade(request)

    def _answer_later(self, request: Request, early: Awaitable[Early | None]) -> asyncio.Future[Answer]:
        """Answer when `early` has come; who cancels the answer cancels that."""
        asked = asyncio.ensure_future(early)
        answer: asyncio.Future[Answer] = asked.get_loop().create_future()

        def said(_: object) -> None:
            if answer.cancelled():
                given_up(request, asked)
                return
            try:
                early = asked.result() or self._upgrade(request)
                answer.set_result(self._welcome(request, early) if isinstance(early, Welcome) else early)
            except asyncio.CancelledError:
                answer.cancel()
            except Exception as error:
                answer.set_exception(error)

        asked.add_done_callback(said)
        answer.add_done_callback(lambda _: asked.cancel())
        return answer

    def _upgrade(self, request: Request) -> Accepted:
        self.check(request)
        handshake.check_origin(request, self.options.origins)
        upgrade = self._agree(request, self._subprotocol(request))
        return Accepted(self._response(request, upgrade), self.make(upgrade), self.opened)

    def _welcome(self, request: Request, welcome: Welcome) -> Accepted:
        try:
            self.check(request)
            upgrade = self._agree(request, welcome.subprotocol)
            response = self._response(request, upgrade, welcome.headers)
        except BaseException:
            if welcome.missed is not None:
                welcome.missed()
            raise

        def opened(websocket: WebSocket) -> None:
            self.connections.add(websocket)
            websocket.on_close = self._left
            welcome.opened(websocket)

        return Accepted(response, self.make(upgrade), opened, welcome.missed)

    def check(self, request: Request) -> None:
        """Raise `AbortHandshake` for a request that cannot become a WebSocket, or not any more."""
        if self._closing is not None:
            raise AbortHandshake(503, "the server is going away", (("Retry-After", "1"),))
        if request.version == "2":
            bootstrap.check_request(request)
        else:
            handshake.check_request(request)

    def _agree(self, request: Request, subprotocol: str | None) -> handshake.Upgrade:
        deflate = handshake.choose_deflate(request.headers, self.options.compression)
        return handshake.Upgrade(subprotocol, deflate)

    def _response(
        self, request: Request, upgrade: handshake.Upgrade, more: Sequence[tuple[str, str]] = ()
    ) -> Response | bytes:
        headers = [*more]
        if self.options.server_header and not any(name.lower() == "server" for name, _ in more):
            headers.insert(0, ("Server", self.options.server_header))
        if request.version == "2":
            return bootstrap.answer(upgrade, headers)
        return handshake.answer(request.headers["sec-websocket-key"], upgrade, headers)

    def _subprotocol(self, request: Request) -> str | None:
        values = request.headers.get_all("sec-websocket-protocol")
        if not values:
            return None
        offered = handshake.parse_protocols(values)
        if self.options.select_subprotocol is not None:
            return self.options.select_subprotocol(offered)
        return next((name for name in self.options.subprotocols if name in offered), None)

    def make(self, upgrade: handshake.Upgrade) -> WebSocket:
        """Make the connection that was agreed on."""
        compressor = inflation = None
        if upgrade.deflate is not None:
            compressor, inflation = self._compression(upgrade.deflate)
        websocket = WebSocket(SERVER, self._manner, compressor, inflation, self._engine)
        websocket.subprotocol = upgrade.subprotocol
        return websocket

    def _compression(self, parameters: Parameters) -> tuple[Compressor, Inflation]:
        """Share what compresses, and what inflates, among all connections without a context of their own in that direction."""
        deflate = self.options.compression or Deflate()
        compressor = self._compressors.get(parameters.server_window)
        if compressor is None or parameters.server_takeover:
            compressor = Compressor(parameters.server_window, deflate, takeover=parameters.server_takeover)
            if not parameters.server_takeover:
                self._compressors[parameters.server_window] = compressor
        inflation = self._inflations.get(parameters.client_window)
        if inflation is None or parameters.client_takeover:
            inflation = Inflation(parameters.client_window, takeover=parameters.client_takeover)
            if not parameters.client_takeover:
                self._inflations[parameters.client_window] = inflation
        return compressor, inflation

    def opened(self, websocket: WebSocket) -> None:
        """Begin with a connection that is open now."""
        callbacks = self._callbacks
        self.connections.add(websocket)
        websocket.on_close = self._on_close
        websocket.on_message = callbacks.on_message
        try:
            if callbacks.on_open is not None:
                callbacks.on_open(websocket)
        except Exception as error:
            websocket.broken(error)
            return
        if callbacks.handler is not None:
            start_handler(websocket, callbacks.handler)

    def outlive(self, task: asyncio.Task[Any]) -> None:
        """Let a task go on while the server closes, for `close_timeout` seconds after the last connection; then cancel it."""
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def forget(self, websocket: WebSocket) -> None:
        """Let go of a WebSocket that is over."""
        self.connections.discard(websocket)

    def _left(self, websocket: WebSocket, code: int, reason: str) -> None:
        self.forget(websocket)

    def _closed(self, websocket: WebSocket, code: int, reason: str) -> None:
        self._left(websocket, code, reason)
        task = websocket.task
        if task is not None and not task.done():  # a handler may have work left after its connection
            self.outlive(task)
        if self._callbacks.on_close is not None:
            self._callbacks.on_close(websocket, code, reason)

    # The end

    def close(self, code: int = 1001, reason: str = "") -> None:
        """Stop listening and close every connection with `code`; `wait_closed` waits for that."""
        if self._closing is None:
            self.stop_listening()
            self._slow.stop()
            self._closing = asyncio.get_running_loop().create_task(self._drain(code, reason))
            self._begun.set()

    async def _drain(self, code: int, reason: str) -> None:
        for _ in range(_MADE):
            await asyncio.sleep(0)
        for opening in list(self._openings):
            if isinstance(opening, Opening) and not opening.pending:
                opening.leave()
            elif not opening.pending:
                opening.finish()  # HTTP/2 says goodbye and ends what it has begun
        websockets = list(self.connections)
        for websocket in websockets:
            websocket.start_close(code, reason)
        if websockets:
            waiting = [asyncio.ensure_future(_closed(websocket)) for websocket in websockets]
            _, late = await asyncio.wait(waiting, timeout=self.options.close_timeout)
            for websocket in list(self.connections):
                websocket.abort()
            if late:
                await asyncio.wait(late, timeout=1)
        await self._end_handlers()
        await self._end_openings()

    async def _end_handlers(self) -> None:
        """Give the handlers `close_timeout` seconds after the end of their connections, then cancel them."""
        if self._late:
            _, late = await asyncio.wait(self._late, timeout=self.options.close_timeout)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)

    async def _end_openings(self) -> None:
        """Let the answers that are under way go out, for `close_timeout` seconds at most."""
        tasks = [task for opening in self._openings for task in opening.tasks()]
        if tasks:
            await asyncio.wait(tasks, timeout=self.options.close_timeout)
        for opening in list(self._openings):
            if isinstance(opening, Opening):
                opening.leave()
        if self._openings:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._emptied.wait()
        for opening in list(self._openings):
            opening.abort()

    async def wait_closed(self) -> None:
        """Wait until `close` has done its work."""
        await self._begun.wait()
        assert self._closing is not None
        await asyncio.shield(self._closing)

    async def serve_forever(self) -> None:
        """Serve until cancelled, then close."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.close()
            await self.wait_closed()


async def _closed(websocket: WebSocket) -> None:
    await websocket.wait_closed()


class serve:  # noqa: N801 - used like a function
    """Start a WebSocket server: `async with serve(handler, "localhost", 8000) as server: await server.serve_forever()`.

    `handler(ws)` is a coroutine function, called for each connection; when it returns the connection is closed with 1000, when it raises with 1011. Or give
    `on_message(ws, message)`, with `on_open(ws)` and `on_close(ws, code, reason)`: plain callbacks, the fastest; an `async def on_message` works too.

    Where: `host` and `port`, a Unix socket's `path`, or `sock`, a socket that is bound, or several (see `everywire.servers.listening.inherited`). `ssl` is an
    `ssl.SSLContext`; its ALPN is set here. `process_request(request)` (plain or async) may return a `Response` or a
    `Streamed` to answer over HTTP instead, or None to go on.
    `engine` is "native" or "portable"; everything else is a field of `Options`.

    By default a request with cookies must come from an Origin on the same host; `origins` lists who may connect instead (None in it: no Origin at all).
    """

    def __init__(
        self,
        handler: Handler | None = None,
        host: str | Sequence[str] | None = None,
        port: int = 0,
        *,
        on_open: Callable[[WebSocket], object] | None = None,
        on_message: Callable[[WebSocket, Any], object] | None = None,
        on_close: Callable[[WebSocket, int, str], object] | None = None,
        process_request: ProcessRequest | None = None,
        path: str | None = None,
        sock: socket.socket | Sequence[socket.socket] | None = None,
        ssl: tls.SSLContext | None = None,
        reuse_port: bool = False,
        backlog: int = 4096,
        engine: str | None = None,
        **options: Any,
    ) -> None:
        callbacks = Callbacks(handler, on_open, on_message, on_close)
        self._server = Server(callbacks, Options(**options), process_request, engine)
        self._ssl = ssl
        self._sockets: Callable[[], list[socket.socket]]
        if sock is not None:
            given = [sock] if isinstance(sock, socket.socket) else list(sock)
            self._sockets = lambda: listening.begun(given, backlog)
        elif path is not None:
            self._sockets = lambda: [self._unix(path, backlog)]
        else:
            self._sockets = lambda: listening.tcp(host, port, backlog=backlog, reuse_port=reuse_port)

    def _unix(self, path: str, backlog: int) -> socket.socket:
        sock = listening.unix(path, backlog=backlog)
        self._server.files.enter_context(listening.removed(os.path.abspath(path)))
        return sock

    async def _start(self) -> Server:
        await self._server.start(self._sockets(), self._ssl)
        return self._server

    def __await__(self) -> Generator[Any, None, Server]:
        return self._start().__await__()

    async def __aenter__(self) -> Server:
        return await self._start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()
