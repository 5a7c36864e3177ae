"""A small HTTP/1.1 client on the engine: requests over kept connections, responses whole or as they come."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httptools

from everywire import engine as engines
from everywire.client.address import Address, parse
from everywire.client.reaching import reach
from everywire.client.waiting import within
from everywire.engine.tls import TlsLink
from everywire.errors import EverywireError
from everywire.http.request import Response, one_head
from everywire.servers import alpn
from everywire.ws.link import PlainLink

__all__ = ["Ask", "Broken", "Http"]

_HEAD = 64 * 1024  # bytes of a response before its body
_BODY = 64 << 20  # bytes of a body that is wanted whole
_IDLE = 4  # connections kept for the next request
_FIN = 2.0  # seconds of a socket's last moment


class Broken(EverywireError, ConnectionError):
    """The connection ended before the response did, or what came is no HTTP/1.1: asking again may help."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: `target` as it is written in it, `hear` for a body that is wanted as it comes."""

    method: str
    target: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    hear: Callable[[bytes], object] | None = None


class _Conversation(PlainLink):
    """One connection: one request after the other, each answered before the next. What llhttp reads comes by the `on_…` methods.

    Invariants: `_answer` is there from `ask` until the response is whole, or the connection gone; only without one it is `idle`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.up = True
        self._answer: asyncio.Future[Response] | None = None
        self._headed: asyncio.Future[Response] | None = None
        self._hear: Callable[[bytes], object] | None = None
        self._fields: list[tuple[str, str]] = []
        self._reason = ""
        self._body = bytearray()
        self._head_size = 0
        self._response: Response | None = None
        self._parser = httptools.HttpResponseParser(self)

    @property
    def idle(self) -> bool:
        """Whether it takes another request."""
        return self.up and self._answer is None

    def ask(self, head: bytes, ask: Ask) -> tuple[asyncio.Future[Response], asyncio.Future[Response]]:
        """Send a request; gives futures of the response's head and of all of it."""
        loop = asyncio.get_running_loop()
        self._headed, self._answer = loop.create_future(), loop.create_future()
        self._hear, self._fields, self._reason, self._body = ask.hear, [], "", bytearray()
        self._head_size, self._response = 0, None
        self.write(head + ask.body)
        return self._headed, self._answer

    def feed(self, data: bytes) -> None:
        """Take bytes of the response."""
        if self._answer is None:
            self.abort()  # nobody asked
            return
        if self._response is None:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError) as error:
            self._fail(Broken(f"malformed response: {error}"))
            self.abort()
            return
        if self._response is None and self._head_size > _HEAD:
            self._fail(Broken("the response head is too large"))
            self.abort()

    def on_status(self, status: bytes) -> None:
        """Take the reason phrase."""
        self._reason += status.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field."""
        self._fields.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head is there."""
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._response = Response(status, headers=self._fields, reason=self._reason)
        if self._headed is not None and not self._headed.done():
            self._headed.set_result(self._response)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if self._hear is not None and self._response is not None and self._response.status == 200:
            self._hear(body)
            return
        self._body += body
        if len(self._body) > _BODY:
            raise ValueError("the response body is too large")

    def on_message_complete(self) -> None:
        """The response is whole; one that is not the answer yet (RFC 9110 15.2) is passed over."""
        if self._response is None:
            self._fields, self._reason = [], ""
            return
        self.up = self.up and self._parser.should_keep_alive()
        self._complete()

    def _complete(self) -> None:
        answer, self._answer = self._answer, None
        if self._response is not None:
            self._response.body = bytes(self._body)
        if answer is not None and not answer.done():
            answer.set_result(self._response)  # type: ignore[arg-type]
        if not self.up:
            self.finish()

    def ended(self) -> None:
        """The server says no more; a body without a length is whole then (RFC 9112 6.3)."""
        self._gone(None)
        self.finish()

    def lost(self, reason: BaseException | None) -> None:
        """The connection is gone."""
        self.below = None
        self._gone(reason)

    def _gone(self, reason: BaseException | None) -> None:
        self.up = False
        response = self._response
        if response is not None and self._answer is not None:
            framed = "content-length" in response.headers or "transfer-encoding" in response.headers
            if not framed:
                self._complete()
        self._fail(Broken(f"the connection was lost: {reason or 'closed by the server'}"))

    def _fail(self, error: BaseException) -> None:
        self.up = False
        for future in (self._headed, self._answer):
            if future is not None and not future.done():
                future.set_exception(error)
                future.exception()  # whoever waited may have gone
        self._answer = None


class Http:
    """Asks one server, through a proxy where that is wanted. `options` are those of `everywire.connect`, as far as they are about HTTP.

    Invariants: a connection is asked one thing at a time; at most `_IDLE` wait for the next request.
    """

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self.address: Address = parse(url)
        self._options = options
        self._idle: list[_Conversation] = []
        self._all: set[_Conversation] = set()

    async def ask(self, ask: Ask, patience: float) -> Response:
        """Give the whole response, within `patience` seconds.

        Raises OSError, `ssl.SSLError`, `HandshakeError` (the proxy), `Broken`, TimeoutError.
        """
        async with within(patience, f"no response to {ask.method} from {self.address.host_header}"):
            conversation = await self._conversation()
            try:
                _, answer = conversation.ask(self._head(ask), ask)
                response = await answer
            except BaseException:
                conversation.abort()
                raise
            finally:
                self._keep(conversation)
            return response

    async def stream(self, ask: Ask) -> Response:
        """Give the response once its body has ended, however long that takes; `ask.hear` is told the body of a 200 as it comes. Raises what `ask` raises."""
        conversation = await self._conversation()
        try:
            _, answer = conversation.ask(self._head(ask), ask)
            return await answer
        except BaseException:
            conversation.abort()
            raise
        finally:
            self._keep(conversation)

    def close(self) -> None:
        """Close every connection."""
        for conversation in [*self._all]:
            conversation.abort()
        self._all.clear()
        self._idle.clear()

    def _keep(self, conversation: _Conversation) -> None:
        if conversation.idle and len(self._idle) < _IDLE and conversation in self._all:
            self._idle.append(conversation)
        else:
            self._all.discard(conversation)
            conversation.finish() if conversation.idle else conversation.abort()

    async def _conversation(self) -> _Conversation:
        while self._idle:
            conversation = self._idle.pop()
            if conversation.idle:
                return conversation
            self._all.discard(conversation)
        return await self._open()

    async def _open(self) -> _Conversation:
        engine = engines.current(self._options.get("engine"))
        conversation = _Conversation()
        sock = await reach(self.address, self._options.get("proxy", True), self._options.get("path"))
        ready: asyncio.Future[None] = engine.loop.create_future()
        top: Any = self._secured(engine, conversation, ready) if self.address.secure else conversation
        try:
            lowest = await engine.adopt(sock, top, _FIN)
        except BaseException:
            sock.close()
            raise
        if self.address.secure:
            top.start()
            try:
                await ready
            except BaseException:
                lowest.abort()
                raise
        self._all.add(conversation)
        return conversation

    def _secured(self, engine: Any, conversation: _Conversation, ready: asyncio.Future[None]) -> TlsLink:
        def top(link: TlsLink) -> PlainLink:
            if not ready.done():
                ready.set_result(None)
            return conversation

        def failed(error: BaseException) -> None:
            if not ready.done():
                ready.set_exception(error)
                ready.exception()  # whoever waited may have gone

        context = self._options.get("ssl")
        if context is None:
            context = tls.create_default_context()
            alpn.offer(context, http2=False)
        name = self._options.get("server_hostname") or self.address.host
        return TlsLink(engine, context, top, server_side=False, timeout=None, server_hostname=name, failed=failed)

    def _head(self, ask: Ask) -> bytes:
        lines = [f"{ask.method} {ask.target} HTTP/1.1", f"Host: {self.address.host_header}"]
        lines += [f"{name}: {value}" for name, value in (*self._fields(), *ask.headers)]
        if ask.body or ask.method == "POST":
            lines.append(f"Content-Length: {len(ask.body)}")
        return one_head(lines)

    def _fields(self) -> list[tuple[str, str]]:
        given = self._options.get("headers", ())
        agent, origin = self._options.get("user_agent", "everywire"), self._options.get("origin")
        fields = [("User-Agent", agent), ("Origin", origin), ("Authorization", self.address.authorization)]
        return [(name, value) for name, value in fields if value is not None] + list(
            given.items() if isinstance(given, dict) else given
        )

    def target(self, below: str, **params: Any) -> str:
        """Give the target `below` the address's path, with its query and `params`."""
        path, _, query = self.address.target.partition("?")
        said = "&".join([*([query] if query else []), *(f"{name}={value}" for name, value in params.items())])
        return f"{path.rstrip('/')}/{below}" + (f"?{said}" if said else "")
