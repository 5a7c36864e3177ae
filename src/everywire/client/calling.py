"""The storey that sends a client's handshake and reads the answer."""

from __future__ import annotations

import asyncio
from typing import Any

from everywire.errors import HandshakeError
from everywire.http.head import BadRequest, HeadLimits, ResponseReader
from everywire.http.request import Headers, Request, Response, one_head
from everywire.ws.link import PlainLink

__all__ = ["Calling", "NoTunnel"]

_BODY = 64 * 1024  # bytes of a refusal's body that are kept


class NoTunnel(HandshakeError):
    """The server speaks HTTP/2 but does not carry WebSocket over it (RFC 8441 3)."""


class Calling(PlainLink):
    """Writes `request`, and sets `done` to the Response when it has come.

    A refusal's body is waited for, as far as Content-Length says or until the end. What follows a 101 belongs to the WebSocket that takes this one's place.
    """

    __slots__ = ("done", "limits", "reader", "request", "response", "wanted")

    def __init__(self, request: Request, limits: HeadLimits, done: asyncio.Future[Response]) -> None:
        super().__init__()
        self.request = request
        self.limits = limits
        self.reader = ResponseReader(limits)
        self.done = done
        self.response: Response | None = None
        self.wanted = 0

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
            self.response.body += data[: _BODY - len(self.response.body)]
            self._complete(self.response)
            return
        if self.done.done():  # what has already come for the WebSocket
            self.reader.rest += data
            return
        try:
            found = self.reader.feed(data)
        except BadRequest as error:
            self._fail(HandshakeError(error.reason))
            return
        if found is None:
            return
        if 100 <= found[0] < 200 and found[0] != 101:  # not the answer yet. RFC 9110 15.2
            rest = self.reader.rest
            self.reader = ResponseReader(self.limits)
            if rest:
                self.feed(rest)
        else:
            self._answered(*found)

    def _answered(self, status: int, reason: str, headers: Headers) -> None:
        self.answered(Response(status, headers=headers, reason=reason), opened=status == 101)

    def answered(self, response: Response, *, opened: bool) -> None:
        """Take the answer's head: the WebSocket is `opened`, or it is a refusal, whose text is waited for."""
        if opened:
            self.reading(False)  # what follows waits until the WebSocket is in place
            self._done(response)
            return
        self.response = response
        length = response.headers.get("content-length") or ""
        # A body without a length lasts until the end of the connection; of a chunked one, what came with the head must do.
        endless = 0 if "transfer-encoding" in response.headers else _BODY
        self.wanted = min(int(length), _BODY) if length.isdigit() else endless
        response.body, self.reader.rest = self.reader.rest[:_BODY], b""
        self._complete(response)

    def _complete(self, response: Response) -> None:
        if len(response.body) >= self.wanted or response.status in (204, 304):
            self._done(response)

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
        """The server ended the connection: a body without a length is complete, anything else is cut."""
        if self.response is not None:
            self._done(self.response)
        else:
            self._fail(HandshakeError("the server closed the connection during the handshake"))

    def lost(self, reason: BaseException | None) -> None:
        """The connection is gone."""
        self.below = None
        if self.response is not None:
            self._done(self.response)
        else:
            self._fail(reason or HandshakeError("the server closed the connection during the handshake"))

    def _done(self, response: Response) -> None:
        if not self.done.done():
            self.done.set_result(response)

    def _fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)
