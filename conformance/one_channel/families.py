"""The table of who meets: a line for each client, as its makers have it and as it reaches the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["FAMILIES", "PACKAGES", "Family"]

PACKAGES = (
    "socket.io-client@4.8.4",
    "socket.io-msgpack-parser@3.0.2",
    "@microsoft/signalr@10.0.0",
    "@microsoft/signalr-protocol-msgpack@10.0.0",
    "sockjs-client@1.6.1",
    "ws@8.21.3",
)

Home = Literal["node", "page", "python", "curl"]


@dataclass(frozen=True, slots=True)
class Family:
    """A client called `who`, which runs in `home` and is to be carried by `transport`; others see that it speaks `dialect`.

    `kind` and `options` are for `home`: which client it is, and how that is made.
    """

    who: str
    home: Home
    transport: str
    dialect: str = "native"
    kind: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def _python(who: str, transport: str, **options: Any) -> Family:
    return Family(who, "python", transport, options={"transports": (transport,), **options})


def _ours(who: str, home: Home, transport: str, *, packed: bool = False) -> Family:
    return Family(who, home, transport, "native", "everywire", {"transport": transport, "packed": packed})


def _socketio(who: str, home: Home, *transports: str, packed: bool = False) -> Family:
    options = {"transports": transports, "packed": packed}
    return Family(who, home, transports[-1], "socketio", "socketio", options)


def _signalr(who: str, home: Home, transport: str, *, packed: bool = False) -> Family:
    return Family(who, home, transport, "signalr", "signalr", {"transport": transport, "packed": packed})


def _sockjs(who: str, home: Home, transport: str) -> Family:
    return Family(who, home, transport, "sockjs", "sockjs", {"transport": transport})


FAMILIES = (
    _python("python", "websocket"),
    _python("python-msgpack", "websocket", codec="msgpack"),
    _python("python-stream", "stream"),
    _python("python-poll", "poll"),
    _ours("typescript", "node", "websocket"),
    _ours("typescript-msgpack", "node", "websocket", packed=True),
    _ours("typescript-stream", "node", "stream"),
    _ours("typescript-poll", "node", "poll"),
    Family("ws", "node", "websocket", "native", "plain"),
    Family("curl", "curl", "sse"),
    _socketio("socketio-polling", "node", "polling"),
    _socketio("socketio-websocket", "node", "websocket"),
    _socketio("socketio-upgraded", "node", "polling", "websocket"),
    _socketio("socketio-msgpack", "node", "polling", "websocket", packed=True),
    _signalr("signalr-websocket", "node", "WebSockets"),
    _signalr("signalr-sse", "node", "ServerSentEvents"),
    _signalr("signalr-polling", "node", "LongPolling"),
    _signalr("signalr-msgpack-websocket", "node", "WebSockets", packed=True),
    _signalr("signalr-msgpack-polling", "node", "LongPolling", packed=True),
    _sockjs("sockjs-websocket", "node", "websocket"),
    _sockjs("sockjs-xhr-streaming", "node", "xhr-streaming"),
    _sockjs("sockjs-eventsource", "node", "eventsource"),
    _sockjs("sockjs-xhr-polling", "node", "xhr-polling"),
    _ours("page-typescript", "page", "websocket"),
    Family("page-websocket", "page", "websocket", "native", "plain"),
    _socketio("page-socketio", "page", "polling", "websocket"),
    _sockjs("page-sockjs-websocket", "page", "websocket"),
    _sockjs("page-sockjs-xhr-streaming", "page", "xhr-streaming"),
    _sockjs("page-sockjs-eventsource", "page", "eventsource"),
    _sockjs("page-sockjs-xhr-polling", "page", "xhr-polling"),
    _sockjs("page-sockjs-jsonp-polling", "page", "jsonp-polling"),
    _sockjs("page-sockjs-iframe-eventsource", "page", "iframe-eventsource"),
    _sockjs("page-sockjs-iframe-htmlfile", "page", "iframe-htmlfile"),
    _sockjs("page-sockjs-iframe-xhr-polling", "page", "iframe-xhr-polling"),
    _signalr("page-signalr-websocket", "page", "WebSockets", packed=True),
    _signalr("page-signalr-sse", "page", "ServerSentEvents"),
    _signalr("page-signalr-polling", "page", "LongPolling"),
)
