"""What an acknowledged event of Socket.IO costs in user space: from the frame in the receive buffer to the frame in the queue.

`python bench/experiments/socketio_call.py [--calls N] [--at-once N] [--clients N] [--name NAME] [--profile]`: calls of a handler, in a process
of its own, without sockets, so that nothing of the kernel's is in it. The least of several rounds, since others may be at work on the machine.

On two cores shared with much else (AMD EPYC, Python 3.11): 12.5 µs before calls were answered as they come; 7.6 then; 5.6 with a reader without
expressions and fewer steps; 3.5 compiled; a WebSocket's echo is 0.5 of them. docs/decisions/013 says what each compiled module brings.
"""

import argparse
import asyncio
import cProfile
import pstats
import time

from everywire import Caller
from everywire.app import Everywire
from everywire.engine.websocket import WebSocket
from everywire.http.head import Headers
from everywire.http.request import Request
from everywire.hub.settings import Settings
from everywire.ws.connection import Manner
from everywire.ws.frames import Limits, masked_frame
from everywire.ws.link import Link

UNLIMITED = Settings(commands=None, received=None)
TARGET = "/socket.io/?EIO=4&transport=websocket"
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
    app.socketio()

    @app.on("echo", inline=True)
    def echo(text: str) -> str:
        return text

    @app.on("whoami", inline=True)
    def whoami(caller: Caller, text: str) -> str:
        return caller.session

    @app.on("task")
    async def task(text: str) -> str:
        return text

    return app


def frame(text: str) -> bytes:
    return masked_frame(0x81, text.encode(), 0x6B73616D)


def connected(gateway) -> tuple[WebSocket, Sink]:
    websocket, sink = WebSocket(False, Manner(Limits(1 << 20, 1024), time.monotonic), None, None, None), Sink()
    sink.put(websocket)
    websocket.opened_by = Request("GET", TARGET, Headers([("upgrade", "websocket")]))
    websocket.on_message = gateway.received
    gateway.opened(websocket)
    websocket.feed(frame("40"))
    assert sink.written == 2, sink.last
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
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--name", default="echo")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    gateway = application().start()
    clients = [connected(gateway) for _ in range(given.clients)]
    batch = b"".join(frame(f'42{n}["{given.name}","' + "x" * 32 + '"]') for n in range(given.at_once))
    spent = sorted(one_round(clients, batch, given.at_once, given.calls) for _ in range(ROUNDS))
    print(f"{spent[0] * 1e6:.2f} µs a call (median {spent[ROUNDS // 2] * 1e6:.2f})")
    if given.profile:
        profile = cProfile.Profile()
        profile.runcall(one_round, clients, batch, given.at_once, given.calls)
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)


asyncio.run(main())
