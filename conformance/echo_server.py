"""An echo server in a process of its own, for the conformance and abuse suites.

    python conformance/echo_server.py --engine native --options '{"max_size": 33554432}'

Prints one JSON line, `{"port": …, "pid": …}`, when it listens; logs to standard error, one line per refused or failed
connection; ends on SIGTERM or when its standard input closes, so that it never outlives who started it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import ssl
import sys
from typing import Any

MARK = "/mark"  # a request for this path leaves a line in the log, to compare others with


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--library",
        choices=("everywire", "websockets"),
        default="everywire",
        help="websockets: the reference, to compare with",
    )
    parser.add_argument("--engine", choices=("native", "portable"), default="portable")
    parser.add_argument(
        "--style", choices=("coroutine", "callback"), default="coroutine", help="how the echo is written"
    )
    parser.add_argument("--certificate", help="a PEM file with key and certificate: serve wss")
    parser.add_argument("--h2", action="store_true", help="offer h2 in ALPN, and nothing else")
    parser.add_argument("--options", type=json.loads, default={}, help="more arguments of serve(), as JSON")
    return parser.parse_args()


def tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    """The server's TLS context; None for plain TCP."""
    if options.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate)
    if options.h2:
        context.set_alpn_protocols(["h2"])
    return context


async def echo(ws: Any) -> None:
    """Send every message back; the message `leave` ends the connection from this side."""
    async for message in ws:
        if message == "leave":
            return
        await ws.send(message)


def note_mark(request: Any) -> None:
    """Log the requests for MARK."""
    if request.target.startswith(MARK):
        logging.getLogger("echo").info("%s", request.target)


def echo_now(ws: Any, message: str | bytes) -> None:
    """Send one message back, without waiting."""
    ws.send(message)


async def listen(options: argparse.Namespace) -> Any:
    """Start the server that the command line asks for."""
    more: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "ssl": tls(options), **options.options}
    if options.library == "websockets":
        from websockets.asyncio.server import serve

        more.pop("max_fragments", None)
        return await serve(echo, **more)
    import everywire

    more["engine"], more["process_request"] = options.engine, note_mark
    if options.style == "callback":
        return await everywire.serve(on_message=echo_now, **more)
    return await everywire.serve(echo, **more)


async def main() -> None:
    """Serve until standard input ends."""
    options = arguments()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    server = await listen(options)
    port = next(iter(server.sockets)).getsockname()[1]
    print(json.dumps({"port": port, "pid": os.getpid()}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
