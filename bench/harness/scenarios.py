"""The kinds of work that are measured, and by which servers each is done."""

from __future__ import annotations

from dataclasses import dataclass

ALL = ("floor", "everywire", "picows", "websockets", "aiohttp", "uvicorn", "ws")
NATIVE = ("floor", "everywire", "picows")
HUBS = ("hub", "hub-msgpack", "everywire-broadcast")
SOCKETIO = ("socketio", "socketio-async", "socketio-node", "socketio-python")
SIGNALR = ("signalr", "signalr-msgpack", "native", "native-msgpack")
SOCKJS = ("sockjs", "sockjs-node")
ASGI = (
    "uvicorn-sansio",
    "uvicorn-websockets",
    "uvicorn-wsproto",
    "hypercorn",
    "granian",
    "daphne",
    "dropin",
    "dropin-asyncio",
    "host",
    "host-uvloop",
)
HTTP = ("uvicorn-httptools", "hypercorn", "granian", "daphne", "host", "host-uvloop")
DIALECTS = ("socketio", "signalr", "sockjs")  # the languages that are a part of the benchmark each


@dataclass(frozen=True)
class Scenario:
    """One kind of work. `connections` excludes the publisher of a fan or hub; `size` is in bytes."""

    name: str
    title: str
    mode: str
    servers: tuple[str, ...]
    connections: int = 100
    size: int = 32
    window: int = 1
    path: str = ""  # where no mode or language has another
    tls: bool = False
    deflate: bool = False
    binary: bool = False
    language: str = "json"  # of a hub's clients, where the server does not say another
    rooms: int = 1  # channels that a hub's subscribers spread over
    channels: int = 0  # further ones that each of them listens to alone
    hold: bool = False  # the figure is memory: subscribers, and nothing is said
    secondary: bool = False  # nothing is aimed at there: fewer runs suffice

    @property
    def unit(self) -> str:
        """What the figure of this scenario counts."""
        units = {"churn": "µs/handshake", "fan": "µs/delivery", "hub": "µs/delivery", "storm": "µs/client"}
        return "B/connection" if self.memory else units.get(self.mode, "µs/message")

    @property
    def part(self) -> str:
        """The part of the benchmark that it belongs to: "core" (connections and messages), "hub" (channels), "asgi", or a dialect."""
        if self.path:
            return "asgi"
        if self.language in DIALECTS:
            return self.language
        return "hub" if self.mode in ("hub", "storm") else "core"

    @property
    def memory(self) -> bool:
        """Whether memory is measured, not time."""
        return self.hold or self.mode == "idle"


SCENARIOS = (
    Scenario(
        "echo",
        "echo, 100 connections, one in flight",
        "echo",
        (
            *ALL,
            "everywire-async",
            "everywire-uvloop",
            "everywire-portable",
            "everywire-portable-uvloop",
            "websockets-asyncio",
        ),
    ),
    Scenario("echo-16", "echo, 100 connections, 16 in flight", "echo", (*ALL, "everywire-async"), window=16),
    Scenario(
        "echo-binary",
        "echo of binary messages, 100 connections",
        "echo",
        (*NATIVE, "everywire-async"),
        binary=True,
        secondary=True,
    ),
    Scenario(
        "echo-1000",
        "echo, 1,000 connections, one in flight",
        "echo",
        (*NATIVE, "everywire-async"),
        connections=1000,
        secondary=True,
    ),
    Scenario("echo-64k", "echo of 64 KiB, 100 connections", "echo", ALL, size=65536),
    Scenario(
        "echo-64k-binary",
        "echo of binary 64 KiB, 100 connections",
        "echo",
        NATIVE,
        size=65536,
        binary=True,
        secondary=True,
    ),
    Scenario(
        "echo-tls",
        "echo over wss, 100 connections",
        "echo",
        ("everywire", "everywire-async", "picows", "websockets"),
        tls=True,
    ),
    Scenario("latency", "echo, one connection", "echo", ALL, connections=1, secondary=True),
    Scenario("fan", "broadcast to 1,000, one in flight", "fan", ALL, connections=1000),
    Scenario("fan-16", "broadcast to 1,000, 16 in flight", "fan", ALL, connections=1000, window=16),
    Scenario("fan-5000", "broadcast to 5,000, one in flight", "fan", NATIVE, connections=5000),
    Scenario("fan-1k", "broadcast of 1 KiB to 1,000", "fan", NATIVE, connections=1000, size=1024, secondary=True),
    Scenario(
        "fan-1k-deflate",
        "broadcast of 1 KiB to 1,000, permessage-deflate",
        "fan",
        ("everywire", "everywire-broadcast", "websockets", "ws"),
        connections=1000,
        size=1024,
        deflate=True,
    ),
    Scenario(
        "hub",
        "the hub: publish to 1,000 subscribers",
        "hub",
        (*HUBS, "floor-broadcast", "socketio-node", "socketio-python", "channels"),
        connections=1000,
    ),
    Scenario(
        "hub-9000",
        "the hub: publish to 9,000 subscribers",
        "hub",
        (*HUBS, "floor-broadcast"),
        connections=9000,
    ),
    Scenario(
        "hub-16",
        "the hub: publish to 1,000 subscribers, 16 in flight",
        "hub",
        (*HUBS, "socketio-node"),
        connections=1000,
        window=16,
    ),
    Scenario(
        "hub-64",
        "the hub: publish to 1,000 subscribers, 64 in flight",
        "hub",
        (*HUBS, "socketio-node"),
        connections=1000,
        window=64,
    ),
    Scenario("hub-10", "the hub: publish to 10 subscribers", "hub", ("hub", "hub-crowded"), connections=10),
    Scenario(
        "storm",
        "the hub: 1,000 clients come back at once, each missed 100 messages",
        "storm",
        ("hub", "hub-current"),
        connections=1000,
        window=100,
    ),
    Scenario(
        "subscribed",
        "the hub: 5,000 subscribers, 10 to a channel",
        "hub",
        ("hub", "hub-presence", "everywire-idle", "socketio-node", "socketio-python", "channels"),
        connections=5000,
        rooms=500,
        hold=True,
        secondary=True,
    ),
    Scenario(
        "idle",
        "10,000 idle connections",
        "idle",
        ("floor", "everywire", "everywire-async", "picows", "websockets", "ws"),
        connections=10000,
    ),
    Scenario(
        "idle-deflate",
        "10,000 idle connections that used permessage-deflate",
        "idle",
        ("everywire", "everywire-async"),
        connections=10000,
        size=1024,
        deflate=True,
    ),
    Scenario(
        "idle-tls",
        "1,000 idle wss connections",
        "idle",
        ("everywire", "everywire-async", "picows", "websockets"),
        connections=1000,
        tls=True,
    ),
    Scenario("churn", "connect, upgrade, close handshake", "churn", ALL, connections=64),
    Scenario(
        "ack", "Socket.IO: acknowledged events, 100 connections, one in flight", "call", SOCKETIO, language="socketio"
    ),
    Scenario(
        "ack-16",
        "Socket.IO: acknowledged events, 100 connections, 16 in flight",
        "call",
        SOCKETIO,
        window=16,
        language="socketio",
    ),
    Scenario(
        "room",
        "Socket.IO: broadcast to a room of 1,000, one in flight",
        "hub",
        SOCKETIO,
        connections=1000,
        language="socketio",
    ),
    Scenario(
        "room-16",
        "Socket.IO: broadcast to a room of 1,000, 16 in flight",
        "hub",
        SOCKETIO,
        connections=1000,
        window=16,
        language="socketio",
    ),
    Scenario(
        "sessions",
        "Socket.IO: 5,000 idle sessions",
        "call",
        SOCKETIO,
        connections=5000,
        hold=True,
        language="socketio",
    ),
    Scenario(
        "group",
        "SignalR: broadcast to a group of 1,000, one in flight",
        "hub",
        SIGNALR,
        connections=1000,
        language="signalr",
    ),
    Scenario(
        "group-16",
        "SignalR: broadcast to a group of 1,000, 16 in flight",
        "hub",
        SIGNALR,
        connections=1000,
        window=16,
        language="signalr",
    ),
    Scenario(
        "everybody",
        "SockJS: broadcast to 1,000, one in flight",
        "hub",
        (*SOCKJS, "native"),
        connections=1000,
        language="sockjs",
    ),
    Scenario(
        "everybody-16",
        "SockJS: broadcast to 1,000, 16 in flight",
        "hub",
        (*SOCKJS, "native"),
        connections=1000,
        window=16,
        language="sockjs",
    ),
    Scenario("back", "SockJS: echo, 100 connections, one in flight", "call", SOCKJS, language="sockjs"),
    Scenario("back-16", "SockJS: echo, 100 connections, 16 in flight", "call", SOCKJS, window=16, language="sockjs"),
)
SCENARIOS += tuple(
    Scenario(
        f"{through}{'-4k' if size > 64 else ''}{'-16' if window > 1 else ''}",
        f"ASGI, {title}: echo of {size} B, 100 connections, {'16' if window > 1 else 'one'} in flight",
        "echo",
        ASGI,
        size=size,
        window=window,
        path=path,
    )
    for through, title, path in (("asgi", "bare", "/asgi"), ("starlette", "Starlette", "/starlette"))
    for size in (64, 4096)
    for window in (1, 16)
)
SCENARIOS += tuple(
    Scenario(name, f"ASGI, HTTP/1.1: {title}, 100 connections", "http", HTTP, size=size, path=path)
    for name, title, path, size in (
        ("http", "hello, 13 B", "/http/13", 13),
        ("http-10k", "10 KB", "/http/10240", 10240),
        ("upload", "100 KB uploaded", "/upload", 102400),
    )
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
