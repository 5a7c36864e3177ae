"""What every Python server of the benchmark does: read its options, say its port, collect garbage when asked.

Servers are started with bench/ on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import ssl
import sys
from collections.abc import Coroutine
from typing import Any


def options() -> argparse.Namespace:
    """The options that run.py passes; a server that cannot do one of them is never given it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert", help="PEM certificate: serve TLS")
    parser.add_argument("--key", help="PEM key of that certificate")
    parser.add_argument("--deflate", action="store_true", help="negotiate permessage-deflate")
    parser.add_argument("--engine", choices=["native", "portable"], help="everywire's engine")
    parser.add_argument("--presence", action="store_true", help="everywire's hub: list who is in a channel")
    parser.add_argument("--coroutines", action="store_true", help="everywire's handlers: coroutines, each in a task")
    parser.add_argument(
        "--by", default="websockets-sansio", help="which WebSocket implementation of uvicorn, or server"
    )
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="uvloop")
    return parser.parse_args()


def tls_context(given: argparse.Namespace) -> ssl.SSLContext | None:
    """A TLS 1.3 server context when a certificate was given."""
    if not given.cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(given.cert, given.key)
    return context


def announce(port: int) -> None:
    """Prints the port and makes SIGUSR2 collect garbage, so that memory is read in a settled state."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, gc.collect)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


async def serve_asgi(app: Any, given: argparse.Namespace) -> None:
    """Serves an ASGI application with uvicorn as the peers recommend it: httptools, by default websockets-sansio, no logging."""
    import uvicorn

    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        ws=given.by,
        http="httptools",
        lifespan="off",
        backlog=4096,
        log_level="error",
        access_log=False,
        ws_per_message_deflate=given.deflate,
        ssl_certfile=given.cert,
        ssl_keyfile=given.key,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    announce(server.servers[0].sockets[0].getsockname()[1])
    await serving


def run(main: Coroutine[Any, Any, None], loop: str) -> None:
    """Runs the coroutine `main` on uvloop or on the standard loop."""
    if loop == "uvloop":
        import uvloop

        uvloop.run(main)
    else:
        asyncio.run(main)
