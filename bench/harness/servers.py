"""The servers that are compared, and how each is started for a scenario."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.places import BENCH, BUILD, CERTIFICATE, KEY, NODE_MODULES
from harness.scenarios import Scenario


@dataclass(frozen=True)
class Server:
    """A program that prints the port it has bound: one script per kind of work, "" where it has none.

    `collects`: SIGUSR2 makes it collect garbage. `instead`: what this entry does differently from the scenario it is
    listed in, so that two kinds of work can be compared round by round.
    """

    name: str
    title: str
    echo: str
    fan: str
    hub: str = ""
    options: tuple[str, ...] = ()
    collects: bool = True
    instead: Mapping[str, Any] = field(default_factory=dict)

    def adapt(self, scenario: Scenario) -> Scenario:
        """The work that this entry does when `scenario` is measured."""
        return replace(scenario, **self.instead)

    def command(self, scenario: Scenario, python: str) -> list[str]:
        """The command line that serves `scenario`; `python` runs the Python servers."""
        script = {"fan": self.fan, "hub": self.hub}.get(scenario.mode, self.echo)
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
        return [os.environ.get("BENCH_NODE_BINARY", "node"), "--expose-gc", str(BENCH / script)]
    return [str(BUILD / script)]


def environment() -> dict[str, str]:
    """What servers find in their environment besides ours."""
    return {**os.environ, "BENCH_NODE": str(NODE_MODULES), "PYTHONPATH": str(BENCH)}


def _everywire(name: str, title: str, *options: str, coroutine: bool = False) -> Server:
    if coroutine:
        return Server(name, title, "servers/ew_async.py", "", options=options)
    return Server(name, title, "servers/ew_callback.py", "servers/ew_fan.py", "servers/ew_hub.py", options)


def _peer(name: str, title: str, script: str, *options: str) -> Server:
    return Server(name, title, script, script, options=options)


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
)
BY_NAME = {server.name: server for server in SERVERS}
