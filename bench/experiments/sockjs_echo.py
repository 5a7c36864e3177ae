"""What a text that SockJS carries and a handler gives back costs in user space: from the frame in the receive buffer to the frame in the queue.

`python bench/experiments/sockjs_echo.py [--calls N] [--at-once N] [--clients N] [--path /sockjs|/plain] [--profile]`: in a process of its own,
without sockets, so that nothing of the kernel's is in it. `/plain` is the same handler without SockJS. The least of several rounds counts.

On two cores shared with much else (AMD EPYC, Python 3.11): 3.97 µs, 3.55 with framing and texts compiled. Of these, framing and reading are 0.30, framing
and writing 0.37, the handler 0.33, the transport's queue 0.39; the WebSocket and its line 0.6. No part stands out, and what SockJS adds is below 0.6.
"""

import argparse
import asyncio
import cProfile
import pstats
import time

from everywire.app import Everywire
from everywire.engine.websocket import WebSocket
from everywire.http.head import Headers
from everywire.http.request import Request
from everywire.hub.settings import Settings
from everywire.ws.connection import Manner
from everywire.ws.frames import Limits, masked_frame
from everywire.ws.link import Link

UNLIMITED = Settings(commands=None, received=None)
TEXT = "x" * 32
# Its target, what it says, and how many messages there were before the first answer.
PATHS = {"/sockjs": ("/sockjs/000/{}/websocket", f'["{TEXT}"]', 1), "/plain": ("/plain", TEXT, 0)}
ROUNDS = 40


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


def application() -> Everywire:
    app = Everywire(settings=UNLIMITED)
    app.sockjs("/sockjs", speaks="text")
    app.websocket("/plain")

    @app.on("message", inline=True)
    def message(data: str) -> str:
        return data

    return app


def connected(gateway, target: str, greetings: int) -> tuple[WebSocket, Sink]:
    websocket, sink = WebSocket(False, Manner(Limits(1 << 20, 1024), time.monotonic), None, None, None), Sink()
    sink.put(websocket)
    asked = Headers([("upgrade", "websocket"), ("connection", "upgrade")])
    websocket.opened_by = Request("GET", target, asked)
    websocket.on_message = gateway.received
    gateway.opened(websocket)
    assert sink.written == greetings, sink.last
    sink.written = 0
    return websocket, sink


def one_round(clients: list[tuple[WebSocket, Sink]], batch: bytes, at_once: int, calls: int) -> float:
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


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=16_000)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--path", choices=PATHS, default="/sockjs")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    target, said, greetings = PATHS[given.path]
    gateway = application().start()
    clients = [connected(gateway, target.format(number), greetings) for number in range(given.clients)]
    batch = masked_frame(0x81, said.encode(), 0x6B73616D) * given.at_once
    spent = sorted(one_round(clients, batch, given.at_once, given.calls) for _ in range(ROUNDS))
    print(f"{spent[0] * 1e6:.2f} µs a message (median {spent[ROUNDS // 2] * 1e6:.2f})")
    if given.profile:
        profile = cProfile.Profile()
        profile.runcall(one_round, clients, batch, given.at_once, given.calls)
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


asyncio.run(main())
