"""The gateway: asks the dialects what a request wants, and does that."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from everywire.dialects.base import Dialect, Intent, Open, Reply
from everywire.gateway.line import Line
from everywire.gateway.relay import Relay
from everywire.http.request import Request, Response
from everywire.hub.hub import Hub
from everywire.payloads import Transport
from everywire.transports.websocket import WebSocketTransport

__all__ = ["Gateway"]


class _WebSocket(Protocol):
    @property
    def request(self) -> Request: ...

    def drain(self) -> Awaitable[None]: ...

    def close(self, code: int = 1000, reason: str = "") -> Any: ...


class Gateway:
    """Takes requests and connections from servers, asks the dialects, and acts for them on the hub.

    A server calls `accept` before it upgrades, then `opened`, `received` and `closed` for each connection.

    `relay`, where there are other nodes, is asked when a request's line is not held here.

    Invariants: `_lines` holds the connections between their `opened` and their `closed`.
    """

    def __init__(self, hub: Hub, dialects: Sequence[Dialect]) -> None:
        self.hub = hub
        self._dialects = tuple(dialects)
        self.relay: Relay | None = None
        self._lines: dict[Any, Line] = {}

    def accept(self, request: Request) -> Response | Open | None:
        """Say what becomes of `request`: an answer, an upgrade, or None where it is no dialect's."""
        intent = self._decide(request)
        if isinstance(intent, Reply):
            return Response(intent.status, intent.body, intent.headers)
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
