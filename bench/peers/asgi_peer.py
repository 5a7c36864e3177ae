"""An ASGI application by one of those who serve such: uvicorn with each of its WebSocket implementations and with ours, Hypercorn, Granian, Daphne."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from harness.serving import options, run, serve_asgi
from peers.asgi_app import app

given = options()


def later(serve: Callable[[int], object]) -> None:
    """Have `serve` listen on a free port, and say so when it does."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]

    def announce() -> None:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    signal.signal(signal.SIGUSR2, lambda *_: gc.collect())
    threading.Thread(target=announce, daemon=True).start()
    serve(port)


def hypercorn(port: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.backlog = 4096
    never: Any = asyncio.Event
    run(serve(app, config, shutdown_trigger=lambda: never().wait()), given.loop)  # type: ignore[arg-type]


def granian(port: int) -> None:
    from granian import Granian  # type: ignore[attr-defined]
    from granian.constants import Interfaces, Loops

    server = Granian(
        "peers.asgi_app:app",
        port=port,
        interface=Interfaces.ASGINL,
        loop=Loops.uvloop,
        backlog=4096,
        log_enabled=False,
    )
    server.serve()


def daphne(port: int) -> None:
    from daphne.server import Server

    Server(app, endpoints=[f"tcp:{port}:interface=127.0.0.1:backlog=4096"], signal_handlers=False).run()


OTHERS = {"hypercorn": hypercorn, "granian": granian, "daphne": daphne}

if __name__ == "__main__":
    if given.by in OTHERS:
        later(OTHERS[given.by])
    else:
        run(serve_asgi(app, given), given.loop)
