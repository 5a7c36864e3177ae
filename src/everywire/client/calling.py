"""The storey that sends a client's handshake and reads the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import httptools

from everywire.errors import HandshakeError
from everywire.http.head import BadRequest, HeadLimits, ResponseReader
from everywire.http.request import Headers, Request, Response, one_head
from everywire.ws.link import PlainLink

__all__ = ["Calling", "NoTunnel", "leads_elsewhere"]

_BODY = 64 * 1024  # bytes of a refusal's body that are kept
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_REDIRECTS = (301, 302, 303, 307, 308)


class NoTunnel(HandshakeError):
    """The server speaks HTTP/2 but does not carry WebSocket over it (RFC 8441 3)."""


class Calling(PlainLink):
    """Writes `request`, and sets `done` to the Response when its head has come.

    A refusal's body goes on coming: `text` waits for it. What follows a 101 belongs to the WebSocket that takes this one's place.
    """

    __slots__ = ("done", "limits", "reader", "request", "response", "wanted", "whole")

    def __init__(self, request: Request, limits: HeadLimits, done: asyncio.Future[Response]) -> None:
        super().__init__()
        self.request = request
        self.limits = limits
        self.reader = ResponseReader(limits)
        self.done = done
        self.response: Response | None = None  # a refusal
        self.wanted: _Length | _Chunks = _Length(0)
        self.whole: asyncio.Future[None] = done.get_loop().create_future()  # the refusal's body

    def begin(self) -> None:
        """Send the request."""
        request = self.request
        lines = [
            f"{request.method} {request.target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in request.headers),
        ]
        try:
            self.write(one_head(lines))
        except ValueError as error:
            self._fail(error)

    def feed(self, data: bytes) -> None:
        """Take bytes of the answer."""
        if self.response is not None:
            self._add(self.response, data)
            return
        if self.done.done():  # what has already come for the WebSocket
            self.reader.rest += data
            return
        try:
            found = self.reader.feed(data)
            while found is not None and 100 <= found[0] < 200 and found[0] != 101:  # not the answer yet. RFC 9110 15.2
                rest, self.reader = self.reader.rest, ResponseReader(self.limits)
                found = self.reader.feed(rest)
        except BadRequest as error:
            self._fail(HandshakeError(error.reason))
            return
        if found is not None:
            self._answered(*found)

    def _answered(self, status: int, reason: str, headers: Headers) -> None:
        self.answered(Response(status, headers=headers, reason=reason), opened=status == 101)

    def answered(self, response: Response, *, opened: bool) -> None:
        """Take the answer's head: the WebSocket is `opened`, or it is a refusal, whose text follows."""
        if opened:
            self.reading(False)  # what follows waits until the WebSocket is in place
        else:
            self.response = response
            self.wanted = _body(response)
            rest, self.reader.rest = self.reader.rest, b""
            self._add(response, rest)
        if not self.done.done():
            self.done.set_result(response)

    def _add(self, response: Response, data: bytes) -> None:
        if self.whole.done():
            return
        ended = self.wanted.feed(data)
        response.body = bytes(self.wanted.body[:_BODY])
        if ended or len(self.wanted.body) >= _BODY:
            self._end_text()

    def _end_text(self) -> None:
        if not self.whole.done():
            self.whole.set_result(None)

    async def text(self, patience: float) -> None:
        """Wait until a refusal's text is in its response, or no more than `patience` seconds: then there is what has come."""
        await asyncio.wait([self.whole], timeout=patience)

    def become(self, websocket: Any) -> None:
        """Give the place to `websocket`, with the bytes that are its already."""
        below, self.below = self.below, None
        if below is None:
            raise HandshakeError("the server closed the connection right after the handshake")
        below.put(websocket)
        below.reading(True)
        if self.reader.rest:
            websocket.feed(self.reader.rest)

    def ended(self) -> None:
        """The server ended the connection, and with it a refusal's text."""
        self._gone(None)

    def lost(self, reason: BaseException | None) -> None:
        """The connection is gone."""
        self.below = None
        self._gone(reason)

    def _gone(self, reason: BaseException | None) -> None:
        self._end_text()
        self._fail(reason or HandshakeError("the server closed the connection during the handshake"))

    def _fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # whoever waited may have gone


def leads_elsewhere(response: Response) -> bool:
    """Say whether `response` is a redirect."""
    return response.status in _REDIRECTS and "location" in response.headers


def _body(response: Response) -> _Length | _Chunks:
    """Choose how to read a refusal's body (RFC 9112 6.3)."""
    length = response.headers.get("content-length") or ""
    if response.status in (204, 304):
        return _Length(0)
    if response.headers.tokens("transfer-encoding")[-1:] == ["chunked"]:
        return _Chunks()
    if "transfer-encoding" not in response.headers and length.isascii() and length.isdigit():
        return _Length(int(length[:20]))  # int() refuses thousands of digits
    return _Length(_BODY)  # until the end of the connection


class _Length:
    """A body of so many bytes. `feed` says whether it is complete."""

    def __init__(self, length: int) -> None:
        self.body = bytearray()
        self._length = length

    def feed(self, data: bytes) -> bool:
        self.body += data[: min(self._length, _BODY) - len(self.body)]
        return len(self.body) >= self._length


class _Chunks:
    """A body in chunks, read by llhttp (RFC 9112 7.1). `feed` says whether it is complete, or will never be."""

    def __init__(self) -> None:
        self.body = bytearray()
        self._ended = False
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(_CHUNKED)

    def feed(self, data: bytes) -> bool:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            return True
        return self._ended

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self._ended = True
