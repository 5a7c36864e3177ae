"""WebSockets by everywire's protocol core for those who keep uvicorn: `uvicorn --ws everywire.uvicorn:WebSocketProtocol app:app`."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from everywire import engine as engines
from everywire.engine.borrowed import Borrowed
from everywire.engine.opening import Opening
from everywire.engine.websocket import WebSocket
from everywire.errors import CloseCode, ConnectionClosed, closed
from everywire.http.head import HeadLimits
from everywire.http.request import Headers, Request, Response
from everywire.http.streamed import Streamed
from everywire.servers.host.conversation import OVER, TALKING
from everywire.servers.host.scope import Facts, scope
from everywire.servers.host.websocket import Guest
from everywire.servers.options import Options
from everywire.servers.websocket import Callbacks, Early, Server
from everywire.ws.deflate import Deflate

__all__ = ["WebSocketProtocol"]

log = logging.getLogger("uvicorn.error")

_ANY = HeadLimits(head=1 << 24, fields=1 << 16)  # uvicorn has read the head already, and set its own bounds to it
_EXTENSIONS: dict[str, Any] = {"websocket.http.response": {}}
_DEFLATE = Deflate(server_window=12, memory=5)  # uvicorn's own

_servers: WeakKeyDictionary[Any, dict[type, Server]] = WeakKeyDictionary()


class WebSocketProtocol(asyncio.Protocol):
    """What uvicorn makes for each WebSocket request, and hands the request's head and the transport to.

    `config.ws_max_size`, `ws_ping_interval`, `ws_ping_timeout` and `ws_per_message_deflate` are uvicorn's options of these names. `ws_max_queue` has no
    meaning here: reading stops while `read_limit` bytes of messages wait for the application (256 KiB). A closing handshake has `close_timeout`
    seconds (10). A subclass may say others.

    What an application does that ASGI does not allow is an exception in it; its traceback goes to the logger `uvicorn.error`, as with uvicorn's own.
    """

    read_limit = 1 << 18
    close_timeout = 10.0

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        if not config.loaded:
            config.load()
        self.config = config
        self.state = server_state
        self.app_state = app_state
        self.transport: Any = None
        self.guest: _Guest | None = None
        self.server = self._server()
        self.engine = self.server.prepare()
        sweeping = engines.current("portable")
        sweeping.watch(self.server.options.shortest())
        self.ground = Borrowed(sweeping, self.server.options.fin_timeout, self)

    # What uvicorn and its transport call

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self.state.connections.add(self)
        self.ground.connection_made(transport)
        self.ground.put(Opening(self.server, self.engine))

    def data_received(self, data: bytes) -> None:
        """Take the request, and what comes before the WebSocket is open."""
        self.ground.data_received(data)

    def eof_received(self) -> bool:
        """Learn of the peer's half-close."""
        return self.ground.eof_received()

    def pause_writing(self) -> None:
        """Let the application wait."""
        self.ground.pause_writing()

    def resume_writing(self) -> None:
        """Let it go on."""
        self.ground.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.ground.connection_lost(exc)

    def shutdown(self) -> None:
        """Learn that the server goes away: close with 1012, or answer 500."""
        if self.guest is None:
            self.ground.finish()
        else:
            self.guest.shut_down()

    # What the lowest storey tells

    def opened(self, websocket: WebSocket) -> None:
        """Have the WebSocket's bytes take the shortest way: the native engine reads the socket itself, as it does on our own server; else the transport calls
        the lowest storey."""
        if self.engine.name == "native" and self._move(websocket):
            return
        if (set_protocol := getattr(self.transport, "set_protocol", None)) is not None:
            set_protocol(self.ground)

    def _move(self, websocket: WebSocket) -> bool:
        """Put the WebSocket on the native engine, on the same socket by another descriptor; not where TLS is on it, or something still has to leave.

        The transport stays as it is, and does nothing, until the WebSocket is over.
        """
        transport = self.transport
        found = transport.get_extra_info("socket")
        if found is None or transport.get_extra_info("sslcontext") is not None or transport.get_write_buffer_size():
            return False
        try:
            sock = socket.fromfd(found.fileno(), found.family, found.type)
        except OSError:
            return False
        transport.pause_reading()
        held = self.ground.surrender()
        adopting = self.engine.adopt(sock, websocket, self.server.options.fin_timeout)
        try:
            adopting.send(None)  # there is nothing that it waits for
        except StopIteration:
            pass
        websocket.below.write(held)
        return True

    def closed(self) -> None:
        """Learn that the WebSocket is over."""
        self.state.connections.discard(self)
        if not self.transport.is_closing():
            self.transport.abort()

    def leaving(self) -> None:
        """Tell the application at once, not when a slow transport is gone."""
        guest = self.guest
        if guest is not None and guest.websocket is not None and guest.inbox.error is None and not guest.is_open():
            guest.inbox.end(guest.websocket.outcome())

    def left(self) -> None:
        """Learn that the connection is gone."""
        self.state.connections.discard(self)

    # How its requests are answered

    def _server(self) -> Server:
        """Give what answers the handshakes of this configuration; it listens nowhere."""
        config = self.config
        servers = _servers.setdefault(config, {})
        found = servers.get(type(self))
        if found is None:
            options = Options(
                max_size=config.ws_max_size,
                read_limit=self.read_limit,
                ping_interval=config.ws_ping_interval or None,
                ping_timeout=config.ws_ping_timeout or None,
                close_timeout=self.close_timeout,
                compression=_DEFLATE if config.ws_per_message_deflate else None,
                open_timeout=None,
                head_limits=_ANY,
                streamed_bodies=True,  # a body is refused with its head: of what comes behind that, uvicorn has read some itself
                server_header=None,
            )
            found = servers[type(self)] = Server(Callbacks(_nobody), options, _ask, None)
        return found

    def ask(self, request: Request) -> asyncio.Future[Early]:
        """Have the application asked about a request."""
        self.server.check(request)
        config = self.config
        facts = Facts(config.root_path, self.app_state, extensions=_EXTENSIONS)
        made = scope(request, "websocket", facts)
        made["asgi"]["version"] = config.asgi_version
        guest = self.guest = _Guest(config.loaded_app, made, self.engine.loop, self.server.options.read_limit)
        guest.protocol = self
        task = guest.begin()
        self.state.tasks.add(task)
        task.add_done_callback(self.state.tasks.discard)
        return guest.answer


def _ask(request: Request) -> asyncio.Future[Early]:
    assert request.facts is not None
    ground: Any = request.facts.extra("ground")
    asked: asyncio.Future[Early] = ground.owner.ask(request)
    return asked


async def _nobody(websocket: object) -> None:
    """Stand for the handler that every server has: here all requests are the application's."""


class _Guest(Guest):
    """An application under uvicorn: what it does is told in uvicorn's log, and what it leaves open ends with its transport, without a close frame."""

    protocol: WebSocketProtocol

    def welcome(self, subprotocol: str | None, headers: Sequence[tuple[str, str]]) -> None:
        """Answer the request by a WebSocket."""
        self._tell_outcome("[accepted]")
        super().welcome(subprotocol, [*self._defaults(), *headers])

    def opened(self, websocket: WebSocket) -> None:
        """Go on with the WebSocket."""
        websocket.on_close = self._closed
        self.protocol.opened(websocket)
        super().opened(websocket)

    def _closed(self, websocket: WebSocket, code: int, reason: str) -> None:
        self.protocol.server.forget(websocket)
        self.protocol.closed()

    def deny(self, response: Response | Streamed) -> None:
        """Answer the request without one."""
        if not self.answer.done():
            if response.status != 500:
                self._tell_outcome(str(response.status))
            given = {name.lower() for name, _ in response.headers}
            defaults = [pair for pair in self._defaults() if pair[0].lower() not in given]
            response.headers = Headers([*defaults, *response.headers])
        super().deny(response)

    def _defaults(self) -> list[tuple[str, str]]:
        found = self.protocol.state.default_headers
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in found]

    def _tell_outcome(self, outcome: str) -> None:
        path = quote(self.scope["path"])
        if self.scope["query_string"]:
            path += "?" + self.scope["query_string"].decode("latin-1")
        client = self.scope["client"]
        log.info('%s - "WebSocket %s" %s', "{}:{}".format(*client) if client else "", path, outcome)

    def tell(self, what: str, error: BaseException | None = None) -> None:
        """Say what the application did wrong."""
        if error is None:
            log.error("ASGI callable returned without completing handshake.")
        else:
            log.error("Exception in ASGI application\n", exc_info=error)

    def returned(self, result: object) -> None:
        """End the transport for an application that returned without having closed."""
        if result is not None and self.phase in (TALKING, OVER):
            log.error("ASGI callable should return None, but returned '%s'.", result)
        super().returned(result)

    def failed(self) -> None:
        """End the transport."""
        self.websocket.below.leave()

    def parted_silently(self) -> None:
        """End the transport."""
        self.websocket.below.leave()

    def shut_down(self) -> None:
        """Close with 1012, or answer 500."""
        if self.is_open():
            self.websocket.start_close(CloseCode.SERVICE_RESTART, "")
            self.inbox.end(closed(CloseCode.SERVICE_RESTART))
            self.websocket.below.finish()
        elif not self.answer.done():
            self.deny(Response(500, "Internal Server Error"))
        elif self.websocket is None or self.websocket.below is None:
            self.protocol.ground.leave()
        else:
            self.websocket.below.leave()
            self.websocket.below.push()

    def ended(self, error: ConnectionClosed) -> Any:
        """Make the last event; that of a shutdown has no reason."""
        event = super().ended(error)
        if not error.reason and error.code == CloseCode.SERVICE_RESTART:
            del event["reason"]
        return event
