"""The gateway: asks the dialects what a request wants, and does that."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from everywire.dialects.base import (
    Ask,
    Bygone,
    Carry,
    Deliver,
    Dialect,
    Embed,
    Hear,
    Intent,
    Leave,
    Move,
    Open,
    OpenLine,
    Preflight,
    Renew,
    Reply,
    Watch,
)
from everywire.gateway.agreeing import start
from everywire.gateway.alone import Alone
from everywire.gateway.bygone import greeted
from everywire.gateway.carrying import Carrying
from everywire.gateway.crowd import Crowd
from everywire.gateway.exchange import Exchange
from everywire.gateway.foreign import Foreign
from everywire.gateway.line import Line, Rest
from everywire.gateway.lines import Lines
from everywire.gateway.moving import Moving
from everywire.gateway.relay import Answer, Relay
from everywire.gateway.settings import HttpSettings, address
from everywire.http.handed import Handed
from everywire.http.origin import allowed, cors, framing, preflight
from everywire.http.request import Request, Response
from everywire.hub.codes import Close, Code
from everywire.hub.hub import Hub
from everywire.messages import Closing
from everywire.payloads import Transport
from everywire.transports.foreign import ForeignTransport, ForeignWebSocket
from everywire.transports.websocket import WebSocketTransport

__all__ = ["Gateway"]

_LATER = ("Retry-After", "10")  # seconds until a crowded address may try again
_log = logging.getLogger("everywire.gateway")

Carried: TypeAlias = OpenLine | Deliver | Hear | Leave | Renew | Ask | Watch | Preflight


class _WebSocket(Protocol):
    below: Any

    @property
    def request(self) -> Request: ...

    def drain(self) -> Awaitable[None]: ...

    def close(self, code: int = 1000, reason: str = "") -> Any: ...

    def ended(self) -> None: ...


class Gateway:
    """Takes requests and connections from servers, asks the dialects, and acts for them on the hub.

    A server calls `accept` before it upgrades, then `opened`, `received` and `closed` for each connection. `relay`, where there are other nodes, is
    asked when a request's line is not held here; what is `Handed` then, the server gives it.

    Invariants: `_connections` holds the connections between their `opened` and their `closed`; `_abrupt` the transports of those that would not
    hear a close frame.
    """

    def __init__(self, hub: Hub, dialects: Sequence[Dialect], settings: HttpSettings | None = None) -> None:
        self.hub = hub
        settings = settings or HttpSettings()
        if settings.address is address:  # the hub knows whom to trust
            settings = replace(settings, address=hub.limiting.address)
        self.settings = settings
        self._dialects = tuple(dialects)
        self._connections: dict[Any, Line | Moving | Carrying] = {}
        self._abrupt: dict[Any, WebSocketTransport] = {}
        self._crowd = Crowd(self.settings.max_lines)
        self.lines = Lines(hub, self.settings, self._crowd)
        self._alone = Alone(hub, self.settings, self._crowd)
        self.foreign = Foreign(hub.limiting.address)

    @property
    def relay(self) -> Relay | None:
        """Who passes requests on to other nodes."""
        return self.lines.relay

    @relay.setter
    def relay(self, relay: Relay | None) -> None:
        self.lines.relay = relay

    def accept(self, request: Request) -> Answer | Handed | Awaitable[Answer | None] | Open | Move | Carry | None:
        """Say what becomes of `request`: an answer, an upgrade (None where that took time), or None where it is no dialect's."""
        intent = self._decide(request)
        match intent:
            case None:
                return None
            case Reply():
                return Response(intent.status, intent.body, (*intent.headers, *self._readable(request, intent)))
            case Embed(page):
                return Response(page.status, page.body, (*page.headers, *framing(request, self.settings.pages)))
            case Bygone():
                return self._refusal(request) or greeted(intent, self.hub.world)
            case Open():
                return self._refusal(request) or intent
            case Move() | Carry():
                exchange = Exchange(request, self.settings.pages, intent.denial)
                handed = self._refusal(request) or self.lines.elsewhere(exchange, intent)
                return handed or self.lines.refusal(exchange, intent) or intent
            case _:
                return self._answer(request, intent)

    def _readable(self, request: Request, reply: Reply) -> list[tuple[str, str]]:
        """Give what lets an allowed page of another origin read an answer: why not, or where to go instead; some say themselves who may."""
        if any(name == "Access-Control-Allow-Origin" for name, _ in reply.headers):
            return []
        return cors(request, self.settings.pages) if allowed(request, self.settings.pages) else [("Vary", "Origin")]

    def _refusal(self, request: Request) -> Response | None:
        """Say why there is no WebSocket for `request`; the page that asks is judged as for any other transport."""
        if not allowed(request, self.settings.pages):
            self.foreign.tell(request, "a WebSocket")
            return Response(403, self.foreign.reason(request, "connect") + "\n", [("Vary", "Origin")])
        if (reason := self.hub.crowded(request)) is not None:
            _log.info("refused a WebSocket: %s", reason, extra=self.foreign.who(request))
            return Response(429, reason + "\n", [_LATER])
        return None

    def _decide(self, request: Request) -> Intent | None:
        """Ask the dialects in turn; the first that knows what to do with the request has it."""
        asked = (dialect.accept(request, self.hub.world.new_id) for dialect in self._dialects)
        return next((intent for intent in asked if intent is not None), None)

    def _answer(self, request: Request, intent: Carried) -> Answer | Awaitable[Answer]:
        """Carry out what a request wants that is not to become a WebSocket."""
        origins = self.settings.pages
        if not allowed(request, origins):
            self.foreign.tell(request, "a request")
            no = intent.denial(403, Code.DENIED, self.foreign.reason(request, "ask here"))
            return Response(no.status, no.body, (*no.headers, ("Vary", "Origin")))
        exchange = Exchange(request, origins, intent.denial, intent.fields if isinstance(intent, Hear) else ())
        request.held = isinstance(intent, Hear) and intent.opens is not None
        begins = isinstance(intent, OpenLine | Ask | Watch)
        if begins and (reason := self.hub.crowded(request)) is not None:
            _log.info("refused a line: %s", reason, extra=self.foreign.who(request))
            return exchange.reply(intent.denial(429, Code.LIMIT, reason), [_LATER])
        match intent:
            case Preflight():
                return Response(204, b"", preflight(request, origins, any_header=intent.any_header))
            case OpenLine():
                return self.lines.open(exchange, intent)
            case Ask():
                return self._alone.ask(exchange, intent)
            case Watch():
                return self._alone.watch(exchange, intent)
            case _:
                return self.lines.carry(exchange, intent)

    def refrain(self) -> None:
        """Open no more lines, and answer no more with events: a client that comes back over a connection that it kept finds another worker."""
        self._crowd.over = True

    def close(self, code: int = Close.GOING_AWAY, reason: str = "the server is going away") -> None:
        """Close every transport that HTTP requests carry, and open no more: their responses would keep a server waiting, as would who hears no close frame.

        Who is told in words that it is closed is so, and closed, here; a server closes the others.
        """
        self.refrain()
        for line in [*self._connections.values()]:
            if isinstance(line, Line) and line.attachment.open and line.attachment.codec.encode(Closing(code, reason)):
                line.attachment.goodbye(code, reason)
        for transport in [*self._abrupt.values()]:
            transport.close(code, reason)
        self.lines.close(code, reason)
        self._alone.close(code, reason)

    def stop(self) -> None:
        """Close, and stop all timers."""
        self.close()
        self.lines.stop()

    def open(self, transport: Transport, request: Request) -> Line | None:
        """Make `transport` a client's, as `request` asked for; None where nothing was to be opened."""
        intent = self._decide(request)
        return self._open(transport, request, intent) if isinstance(intent, Open) else None

    def _open(self, transport: Transport, request: Request, intent: Open) -> Line:
        line = start(self.hub, transport, request, intent, self.settings.limits)
        transport.send(intent.greeting)
        if intent.begins is not None:
            line.attachment.receive(intent.begins)
        return line

    # What a server calls for each WebSocket connection.

    def opened(self, websocket: _WebSocket) -> None:
        """Take up an open connection, which `accept` let through."""
        match self._decide(websocket.request):
            case Open() as intent:
                transport = self._transport(websocket, intent)
                self._connections[websocket] = self._open(transport, websocket.request, intent)
            case Move() as intent:
                self._connections[websocket] = Moving(self.lines, self._transport(websocket, intent), intent)
            case Carry() as intent:
                self._connections[websocket] = Carrying(self.lines, self._transport(websocket, intent), intent)
            case _:
                websocket.close(1011, "nothing here to talk to")

    def _transport(self, websocket: _WebSocket, intent: Open | Move | Carry) -> WebSocketTransport:
        abrupt = not isinstance(intent, Carry) and intent.abrupt
        patient = not isinstance(intent, Move) and intent.patient
        kind = ForeignTransport if isinstance(websocket, ForeignWebSocket) else WebSocketTransport
        transport = kind(websocket, abrupt=abrupt, later=self.hub.world.later if patient else None)
        if abrupt:
            self._abrupt[websocket] = transport
        return transport

    def received(self, websocket: _WebSocket, message: str | bytes) -> Rest:
        """Take one message; what follows waits for what is given."""
        line = self._connections.get(websocket)
        if line is None:
            return None
        metrics = self.hub.metrics
        metrics.payloads_received += 1
        metrics.bytes_received += len(message)
        return line.receive(message)

    def closed(self, websocket: _WebSocket, code: int, reason: str = "") -> None:
        """Take notice that a connection is over, with the code it ended with."""
        self._abrupt.pop(websocket, None)
        line = self._connections.pop(websocket, None)
        if line is not None:
            line.lost(code)
