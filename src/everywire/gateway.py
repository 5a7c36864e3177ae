"""Carries out what dialects want: the one place that knows transports, dialects and the hub at once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from everywire.dialects.base import Decoder, Dialect, Intent, Open, Reply
from everywire.errors import ProtocolError
from everywire.http.request import Request, Response
from everywire.hub.attachment import Attachment
from everywire.hub.hub import Hub
from everywire.payloads import Transport
from everywire.transports.websocket import WebSocketTransport

__all__ = ["Gateway", "Line"]

_log = logging.getLogger("everywire.gateway")

_LATER = "10"  # seconds until a crowded address may try again


class _WebSocket(Protocol):
    @property
    def request(self) -> Request: ...

    def drain(self) -> Awaitable[None]: ...

    def close(self, code: int = 1000, reason: str = "") -> Any: ...


class Line:
    """One transport with its decoder and its attachment: where payloads become commands."""

    __slots__ = ("_attachment", "_decoder")

    def __init__(self, attachment: Attachment, decoder: Decoder) -> None:
        self._attachment = attachment
        self._decoder = decoder

    def receive(self, data: str | bytes) -> None:
        """Take one payload; what it says is handled command by command, what it cannot say closes."""
        if not self._attachment.pay(len(data)):
            return
        try:
            for command in self._decoder.decode(data):
                self._attachment.receive(command)
        except ProtocolError as fault:
            _log.info("closing a transport: %s", fault.reason)
            self._attachment.close(fault.code, fault.reason)

    def lost(self, code: int) -> None:
        """Take notice that the transport is gone."""
        self._attachment.lost(code)


class Gateway:
    """Takes requests and connections from servers, asks the dialects, and acts for them on the hub.

    A server calls `accept` before it upgrades, then `opened`, `received` and `closed` for each connection.

    Invariants: `_lines` holds the connections between their `opened` and their `closed`.
    """

    def __init__(self, hub: Hub, dialects: Sequence[Dialect]) -> None:
        self.hub = hub
        self._dialects = tuple(dialects)
        self._lines: dict[Any, Line] = {}

    def accept(self, request: Request) -> Response | Open | None:
        """Say what becomes of `request`: an answer, an upgrade, or None where it is no dialect's."""
        intent = self._decide(request)
        if isinstance(intent, Reply):
            return Response(intent.status, intent.body, intent.headers)
        if intent is not None and (reason := self.hub.crowded(request)) is not None:
            return Response(429, reason + "\n", [("Retry-After", _LATER)])
        return intent

    def _decide(self, request: Request) -> Intent | None:
        """Ask the dialects in turn; the first that knows what to do with the request has it."""
        asked = (dialect.accept(request, self.hub.world.new_id) for dialect in self._dialects)
        return next((intent for intent in asked if intent is not None), None)

    def open(self, transport: Transport, request: Request) -> Line | None:
        """Make `transport` a client's, as `request` asked for; None where nothing was to be opened."""
        match self._decide(request):
            case Open() as intent:
                attachment = self.hub.attach(transport, intent.codec, request)
                transport.send(intent.greeting)
                return Line(attachment, intent.decoder)
            case _:
                return None

    # What a server calls for each WebSocket connection.

    def opened(self, websocket: _WebSocket) -> None:
        """Take up an open connection, which `accept` let through."""
        line = self.open(WebSocketTransport(websocket), websocket.request)
        if line is None:
            websocket.close(1011, "nothing here to talk to")
        else:
            self._lines[websocket] = line

    def received(self, websocket: _WebSocket, message: str | bytes) -> None:
        """Take one message."""
        line = self._lines.get(websocket)
        if line is not None:
            self.hub.metrics.payloads_received += 1
            self.hub.metrics.bytes_received += len(message)
            line.receive(message)

    def closed(self, websocket: _WebSocket, code: int, reason: str = "") -> None:
        """Take notice that a connection is over, with the code it ended with."""
        line = self._lines.pop(websocket, None)
        if line is not None:
            line.lost(code)
