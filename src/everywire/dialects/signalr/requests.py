"""Which requests are for a hub, and what they want."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Protocol

from everywire.dialects.base import (
    Carry,
    Deliver,
    Hear,
    Heartbeat,
    Intent,
    Leave,
    NewId,
    Open,
    OpenLine,
    Preflight,
    Renew,
    Reply,
)
from everywire.dialects.signalr.bodies import CONFLICT, ENDED, POLL, STREAM, TAKEN, denied, left, plain, polled, sent
from everywire.dialects.signalr.handshake import HANDSHAKE
from everywire.dialects.signalr.negotiating import (
    Fault,
    Redirect,
    connecting,
    flag,
    offer,
    parameters,
    said,
    token,
    version,
)
from everywire.dialects.signalr.reading import SignalRDecoder
from everywire.dialects.signalr.refreshing import refreshed, unrefreshed
from everywire.http.request import Request

__all__ = ["Hub", "accept", "negotiate", "refresh"]

_LINE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")


class Hub(Protocol):
    """What is served at a path, which is its sessions' space."""

    @property
    def path(self) -> str: ...

    @property
    def heartbeat(self) -> Heartbeat: ...

    @property
    def transports(self) -> Collection[str]: ...

    @property
    def stateful(self) -> bool: ...

    @property
    def recovery(self) -> bool: ...

    @property
    def max_payload(self) -> int: ...

    @property
    def max_streams(self) -> int: ...

    def redirect(self, request: Request) -> Redirect | None:
        """Say where a client is to go instead."""


def negotiate(request: Request, new_id: NewId, hub: Hub) -> Intent:
    """Say what a request before all others wants."""
    if request.method == "OPTIONS":
        return Preflight(denied, any_header=True)
    if request.method != "POST":
        return plain(405)
    params = parameters(request)
    try:
        anew = new_id() if version(params) else None
        connect = connecting(params, token(request, params), hub.path, anew, recovery=hub.recovery)
    except Fault as fault:
        return said({"error": str(fault)})
    elsewhere = hub.redirect(request)
    if elsewhere is not None:
        return said({"url": elsewhere.url, **_shown(elsewhere)})
    stateful = hub.stateful and flag(params, "usestatefulreconnect")

    def answer(line: str) -> Reply:
        return offer(line, connect.name, params, hub.transports, stateful=stateful)

    decoder = SignalRDecoder(connect, hub.max_payload, stateful=stateful, max_streams=hub.max_streams)
    return OpenLine(HANDSHAKE, decoder, answer, denial=denied, agrees=True, asks=connect, heartbeat=hub.heartbeat)


def _shown(elsewhere: Redirect) -> dict[str, str]:
    return {} if elsewhere.access_token is None else {"accessToken": elsewhere.access_token}


def accept(request: Request, hub: Hub) -> Intent:
    """Say what a request for the hub itself wants."""
    if request.method == "OPTIONS":
        return Preflight(denied, any_header=True)
    params = parameters(request)
    match request.method:
        case "GET" if "text/event-stream" in _accepted(request):
            return _hear(request, params, hub, "ServerSentEvents")
        case "GET" | "CONNECT" if "websocket" in request.headers.tokens("upgrade"):  # RFC 8441 4
            return _upgrade(request, params, hub)
        case "GET":
            return _hear(request, params, hub, "LongPolling")
        case "POST":
            line = _line(params)
            shown = token(request, params)
            return line if isinstance(line, Reply) else Deliver(line, None, (request.body,), TAKEN, sent, shown)
        case "DELETE":
            line = _line(params)
            return line if isinstance(line, Reply) else Leave(line, plain(202), left, token(request, params))
        case _:
            return plain(405)


def refresh(request: Request) -> Intent:
    """Say what a request wants that shows a newer token, and nothing else."""
    if request.method == "OPTIONS":
        return Preflight(unrefreshed, any_header=True)
    if request.method != "POST":
        return plain(405)
    params = parameters(request)
    line = params.get("id")
    if not line:
        return unrefreshed(400, 0, "The 'id' query string parameter is required.")
    if not _LINE.match(line):
        return unrefreshed(404, 0, "")
    return Renew(line, token(request, params), refreshed, unrefreshed)


def _accepted(request: Request) -> list[str]:
    return [each.partition(";")[0].strip() for each in request.headers.tokens("accept")]


def _line(params: Mapping[str, str]) -> str | Reply:
    """Give the line that a request names, or why it names none."""
    line = params.get("id")
    if not line:
        return plain(400, "Connection ID required")
    return line if _LINE.match(line) else denied(404, 0, "")


def _hear(request: Request, params: Mapping[str, str], hub: Hub, transport: str) -> Intent:
    line = _line(params)
    if isinstance(line, Reply):
        return line
    if transport not in hub.transports:
        return _unsupported(transport)
    shown = token(request, params)
    if transport == "ServerSentEvents":
        return Hear(line, STREAM, None, denial=denied, occupied=CONFLICT, token=shown)
    wait = hub.heartbeat.every + hub.heartbeat.patience
    return Hear(line, POLL, None, wait, polled, at_first=True, displaced=ENDED, token=shown)


def _upgrade(request: Request, params: Mapping[str, str], hub: Hub) -> Intent:
    """Carry the line on that was negotiated, or begin without one."""
    shown = token(request, params)
    line = _line(params) if params.get("id") else None
    if isinstance(line, Reply):
        return line
    if "WebSockets" not in hub.transports:
        return _unsupported("WebSockets")
    if line is not None:
        return Carry(line, denied, shown, patient=True)
    try:
        connect = connecting(params, shown, hub.path)
    except Fault as fault:
        return plain(400, str(fault))
    decoder = SignalRDecoder(connect, hub.max_payload, max_streams=hub.max_streams)
    return Open(HANDSHAKE, decoder, agrees=True, patient=True, heartbeat=hub.heartbeat)


def _unsupported(transport: str) -> Reply:
    return plain(404, f"{transport} transport not supported by this end point type")
