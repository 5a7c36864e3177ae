"""The plain WebSocket client: `connect`."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import ssl as tls
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from types import TracebackType
from typing import Any

from everywire import engine as engines
from everywire.client.address import Address, parse, redirected
from everywire.client.backoff import Backoff
from everywire.client.calling import Calling, NoTunnel, leads_elsewhere
from everywire.client.reaching import reach
from everywire.client.refusal import refusal
from everywire.client.returning import returning
from everywire.client.waiting import within
from everywire.engine.tls import TlsLink
from everywire.engine.websocket import WebSocket
from everywire.errors import HandshakeError, RedirectError
from everywire.http.redaction import shown
from everywire.servers import alpn
from everywire.servers.options import Options
from everywire.ws import bootstrap, handshake
from everywire.ws.deflate import Compressor, Deflate, Inflation
from everywire.ws.frames import CLIENT, mask_source
from everywire.ws.link import PlainLink

__all__ = ["connect"]

_PATIENCE = 1.0  # seconds that a refusal's text may take once its head is there
_USER_AGENT = "everywire"
_masks = mask_source(os.urandom)
os.register_at_fork(after_in_child=lambda: globals().__setitem__("_masks", mask_source(os.urandom))) if hasattr(
    os, "register_at_fork"
) else None


class connect:  # noqa: N801 - used like a function
    """Open a WebSocket: `ws = await connect(uri)`, `async with connect(uri) as ws:`, or, to come back again and again, `async for ws in connect(uri):`.

    `uri` is ws:// or wss://, with user:password@ for basic authentication. `subprotocols` are offered in order; `headers` are sent along; `origin` is the
    Origin header. `proxy` is a URL (http, https, socks5, socks5h, socks4), None for none, True for what the environment says (HTTPS_PROXY and so on). `ssl` is
    an `ssl.SSLContext`; `server_hostname` the name to check. `sock` is a connected socket, `path` a Unix socket to use instead of TCP. Redirects are followed,
    at most `max_redirects`. `on_message(ws, message)` and `on_close(ws, code, reason)` are callbacks, as in `serve`. Everything else is a field of `Options`
    (max_size, ping_interval, compression, …); `http2=True` has wss:// go over HTTP/2 where the server offers that (RFC 8441; the extra `everywire[h2]`).

    Raises `InvalidURI`, OSError (no connection), TimeoutError (`open_timeout`), `ssl.SSLError`, or `HandshakeError` with the `status` and
    `response` that the server answered.

    `async for` gives a connection, and the next one when the body has ended, after a wait with full jitter that grows until a connection lasts five seconds.
    It raises when trying again would not help: an address that is wrong, a status other than 408, 425, 429, 500, 502, 503 and 504, a bad certificate, a peer
    that speaks no TLS; and `ConnectionClosedError` after a close code that is an error and not `everywire.errors.reconnectable`. Leaving the loop closes the
    connection, in the background; `async with ws:` around the body, or `await ws.close()`, waits for that.
    """

    def __init__(
        self,
        uri: str,
        *,
        subprotocols: Sequence[str] = (),
        headers: Sequence[tuple[str, str]] | dict[str, str] = (),
        origin: str | None = None,
        user_agent: str | None = _USER_AGENT,
        proxy: str | bool | None = True,
        ssl: tls.SSLContext | None = None,
        server_hostname: str | None = None,
        sock: socket.socket | None = None,
        path: str | None = None,
        max_redirects: int = 10,
        on_message: Callable[[WebSocket, Any], object] | None = None,
        on_close: Callable[[WebSocket, int, str], object] | None = None,
        backoff: Backoff | None = None,
        engine: str | None = None,
        **options: Any,
    ) -> None:
        self._address = parse(uri)
        self._subprotocols = list(subprotocols)
        self._headers = list(headers.items()) if isinstance(headers, dict) else list(headers)
        self._origin = origin
        self._user_agent = user_agent
        self._proxy = proxy
        self._ssl = ssl
        self._server_hostname = server_hostname
        self._sock = sock
        self._path = path
        self._max_redirects = max_redirects
        self._on_message = on_message
        self._on_close = on_close
        self._backoff = backoff or Backoff(random.random)
        self._engine_kind = engine
        self._options = Options(**{"http2": False, **options})
        self._http2 = alpn.wanted(self._options.http2)
        self._websocket: WebSocket | None = None
        self.faithful = False  # what is said over it shows who we are: no redirect leads to another origin

    # Opening

    async def _open(self) -> WebSocket:
        async with within(self._options.open_timeout, f"no WebSocket to {shown(self._address.uri)}") as limit:
            address = self._address
            for _ in range(self._max_redirects + 1):
                try:
                    return await self._open_one(address, limit)
                except _Redirect as redirect:
                    if self._sock is not None or self._path is not None:
                        raise RedirectError(
                            "a redirect cannot be followed on a socket that was given", redirect.status
                        ) from None
                    address = redirected(address, redirect.location, faithful=self.faithful)
                except NoTunnel:
                    if self._http2 is False or self._sock is not None:
                        raise
                    self._http2 = False
            raise RedirectError(f"more than {self._max_redirects} redirects")

    async def _open_one(self, address: Address, limit: asyncio.Timeout) -> WebSocket:
        engine = engines.current(self._engine_kind)
        engine.watch(self._options.shortest())
        key = b64encode(os.urandom(16)).decode()
        request = handshake.make_request(
            address.host_header,
            address.target,
            key,
            protocols=self._subprotocols,
            deflate=self._options.compression,
            headers=self._fields(address),
        )
        done: asyncio.Future[Any] = engine.loop.create_future()
        calling = Calling(request, self._options.head_limits, done)
        top: Any = self._secured(engine, address, calling, done) if address.secure else calling
        lowest = await self._stand(engine, address, top)
        try:
            if address.secure:
                top.start()
            else:
                calling.begin()
            response = await done
            if leads_elsewhere(response):
                raise _Redirect(response.status, response.headers["location"])
            if calling.response is not None:  # a refusal: its status is known in time, whatever its text does
                limit.reschedule(None)
                await calling.text(_PATIENCE)
            return self._became(engine, calling, address, response, key)
        except BaseException:
            lowest.abort()
            raise

    async def _stand(self, engine: Any, address: Address, top: Any) -> Any:
        """Connect, and put `top` on the socket, which belongs to the engine from then on. Gives the lowest storey."""
        sock = await self._reach(address)
        try:
            return await engine.adopt(sock, top, self._options.fin_timeout)
        except BaseException:
            sock.close()
            raise

    def _became(self, engine: Any, calling: Calling, address: Address, response: Any, key: str) -> WebSocket:
        offered: dict[str, Any] = {"protocols": self._subprotocols, "deflate": self._options.compression}
        try:
            if calling.request.version == "2":
                agreed = bootstrap.check_response(response, **offered)
            else:
                agreed = handshake.check_response(response, key, **offered)
        except HandshakeError as error:
            raise refusal(error, address.uri, response) from None
        compressor = inflation = None
        if agreed.deflate is not None:
            compressor = Compressor(
                agreed.deflate.client_window,
                self._options.compression or Deflate(),
                takeover=agreed.deflate.client_takeover,
            )
            inflation = Inflation(agreed.deflate.server_window, takeover=agreed.deflate.server_takeover)
        websocket = WebSocket(CLIENT, self._options.manner(engine.clock, _masks), compressor, inflation, engine)
        websocket.opened_by, websocket.response = calling.request, response
        websocket.subprotocol = agreed.subprotocol
        websocket.on_message, websocket.on_close = self._on_message, self._on_close
        calling.become(websocket)
        return websocket

    def _secured(self, engine: Any, address: Address, calling: Calling, done: asyncio.Future[Any]) -> TlsLink:
        def top(link: TlsLink) -> PlainLink:
            if link.alpn == "h2":
                from everywire.client.h2 import H2Calling

                return H2Calling(calling, self._options.head_limits, engine.clock)
            engine.loop.call_soon(calling.begin)
            return calling

        def failed(error: BaseException) -> None:
            if not done.done():
                done.set_exception(error)
                done.exception()  # whoever waited may have gone

        context = self._ssl or tls.create_default_context()
        if self._http2 is not None:
            alpn.offer(context, http2=self._http2)
        return TlsLink(
            engine,
            context,
            top,
            server_side=False,
            timeout=None,
            server_hostname=self._server_hostname or address.host,
            failed=failed,
        )

    def _fields(self, address: Address) -> list[tuple[str, str]]:
        own = address.origin == self._address.origin
        fields = [] if self._user_agent is None else [("User-Agent", self._user_agent)]
        if self._origin is not None:
            fields.append(("Origin", self._origin))
        if address.authorization is not None:
            fields.append(("Authorization", address.authorization))
        # Credentials stay with the origin that they were meant for.
        return fields + [
            field
            for field in self._headers
            if own or field[0].lower() not in ("authorization", "cookie", "proxy-authorization")
        ]

    async def _reach(self, address: Address) -> socket.socket:
        """Give a connected socket."""
        if self._sock is not None:
            if self._sock.fileno() < 0:
                raise ValueError("the socket that was given is closed: there is no coming back on it")
            return self._sock
        return await reach(address, self._proxy, self._path)

    def __await__(self) -> Generator[Any, None, WebSocket]:
        return self._open().__await__()

    async def __aenter__(self) -> WebSocket:
        self._websocket = await self._open()
        return self._websocket

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._websocket is not None:
            await self._websocket.close(1000 if kind is None else 1011)

    def __aiter__(self) -> AsyncGenerator[WebSocket, None]:
        return returning(self._open, self._backoff, self._address.uri)


class _Redirect(Exception):
    def __init__(self, status: int, location: str) -> None:
        super().__init__(location)
        self.status = status
        self.location = location
