"""Clients without sockets, in the process that measures: frames are fed to their WebSockets, and what those write is counted.

Nothing of the kernel's is in what is measured so. The least of several rounds counts, since others may be at work on the machine.
"""

import argparse
import asyncio
import cProfile
import pstats
import time
from collections.abc import Callable

from everywire.app import Everywire
from everywire.engine.websocket import WebSocket
from everywire.http.head import Headers
from everywire.http.request import Request
from everywire.hub.settings import Settings
from everywire.ws.connection import Manner
from everywire.ws.frames import Limits, masked_frame
from everywire.ws.link import Link

__all__ = ["UNLIMITED", "Script", "measure", "options"]

UNLIMITED = Settings(commands=None, received=None)
UPGRADE = [("upgrade", "websocket"), ("connection", "upgrade")]
ROUNDS = 40

Script = tuple[str, list[str], int]
"""What one client does before it is measured: the target that it asks for, what it says, how many messages it is told by then."""


class Sink(Link):
    """Takes what is written, and counts it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0
        self.last = b""

    def write(self, data: bytes) -> None:
        self.written += 1
        self.last = data

    def write_both(self, header: bytes, body: bytes | str) -> None:
        self.written += 1

    def queued(self) -> int:
        return 0


def options(at_once: int) -> argparse.ArgumentParser:
    """The options that all have."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=16_000)
    parser.add_argument("--at-once", type=int, default=at_once)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--profile", action="store_true")
    return parser


def measure(
    app: Everywire, given: argparse.Namespace, script: Callable[[int], Script], said: Callable[[int], str]
) -> None:
    """Print what each message costs of `at_once` in one read, the nth of them `said(n)`; each is answered by one."""
    asyncio.run(_measure(app, given, script, said))


async def _measure(
    app: Everywire, given: argparse.Namespace, script: Callable[[int], Script], said: Callable[[int], str]
) -> None:
    gateway = app.start()
    clients = [_connected(gateway, *script(number)) for number in range(given.clients)]
    batch = b"".join(_frame(said(number)) for number in range(given.at_once))
    spent = sorted(_round(clients, batch, given.at_once, given.calls) for _ in range(ROUNDS))
    print(f"{spent[0] * 1e6:.2f} µs a message (median {spent[ROUNDS // 2] * 1e6:.2f})")
    if given.profile:
        profile = cProfile.Profile()
        profile.runcall(_round, clients, batch, given.at_once, given.calls)
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)


def _frame(text: str) -> bytes:
    return masked_frame(0x81, text.encode(), 0x6B73616D)


def _connected(gateway, target: str, says: list[str], told: int) -> tuple[WebSocket, Sink]:
    websocket, sink = WebSocket(False, Manner(Limits(1 << 20, 1024), time.monotonic), None, None, None), Sink()
    sink.put(websocket)
    websocket.opened_by = Request("GET", target, Headers(UPGRADE))
    websocket.on_message = gateway.received
    gateway.opened(websocket)
    for text in says:
        websocket.feed(_frame(text))
    assert sink.written == told, sink.last
    sink.written = 0
    return websocket, sink


def _round(clients: list[tuple[WebSocket, Sink]], batch: bytes, at_once: int, calls: int) -> float:
    turns = calls // at_once // len(clients)
    begun = time.process_time()
    for _ in range(turns):
        for websocket, _ in clients:
            websocket.feed(batch)
    spent = time.process_time() - begun
    for _, sink in clients:
        assert sink.written == turns * at_once, sink.last
        sink.written = 0
    return spent / (turns * at_once * len(clients))
