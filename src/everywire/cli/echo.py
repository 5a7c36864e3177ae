"""`everywire echo`: a bare echo server on the callback face."""

from __future__ import annotations

from typing import Any

import click

import everywire
from everywire.cli.numbers import Whole
from everywire.cli.serving import Place, addresses, listen_options, run_server, serve_options, sockets, where
from everywire.engine.websocket import WebSocket

__all__ = ["echo"]

FAN = "/fan"


class Fan:
    """What one member sends goes to all others."""

    def __init__(self) -> None:
        # A dict keeps the order of arrival, which is that of descriptors: the fastest to visit.
        self.members: dict[WebSocket, None] = {}

    def on_message(self, ws: WebSocket, message: str | bytes) -> None:
        """Pass a message on."""
        others = self.members.copy()
        del others[ws]
        everywire.broadcast(others, message)


fan = Fan()


def on_message(ws: WebSocket, message: str | bytes) -> None:
    """Answer a message with itself."""
    ws.send(message)


def on_open(ws: WebSocket) -> None:
    """Choose by the path what becomes of a connection's messages."""
    if ws.request is not None and ws.request.path == FAN:
        fan.members[ws] = None
        ws.on_message = fan.on_message


def on_close(ws: WebSocket, code: int, reason: str) -> None:
    """Let go of a connection."""
    fan.members.pop(ws, None)


async def handle(ws: WebSocket) -> None:
    """Do the same as a coroutine."""
    async for message in ws:
        if ws in fan.members:
            fan.on_message(ws, message)
        else:
            await ws.send(message)


@click.command(short_help="Serve a WebSocket echo.")
@listen_options
@click.option("--async", "as_coroutine", is_flag=True, help="Echo in `async for` handlers instead of callbacks.")
@click.option("--engine", type=click.Choice(["native", "portable"]), help="Default: the best there is.")
@click.option("--max-size", default=1 << 20, show_default=True, type=Whole(1), help="Bytes of one message.")
@click.option("--compression/--no-compression", default=True, show_default=True, help="permessage-deflate.")
def echo(*, as_coroutine: bool, engine: str | None, max_size: int, compression: bool, **given: Any) -> None:
    """Serve a WebSocket echo: every message comes back.

    On the path /fan, what one client sends goes to all others instead.

    \b
    Examples:
        everywire echo --port 9001
        everywire connect ws://localhost:9001       in another terminal
        everywire connect ws://localhost:9001/fan   in two of them
    """
    place = Place.taken(given)
    options = serve_options(place, sockets(place))
    options |= {"on_open": on_open, "on_close": on_close, "engine": engine, "max_size": max_size}
    options |= {"write_limit": max(1 << 20, 4 * max_size), "compression": "deflate" if compression else None}
    callbacks = {"handler": handle} if as_coroutine else {"on_message": on_message}

    def announce(server: everywire.Server) -> None:
        for address in addresses(server.sockets, place, "ws"):
            click.echo(
                f"echo on {address}  ({engine + ' engine' if engine else where()}; {FAN} for broadcast; Ctrl-C stops it)"
            )

    run_server(lambda: everywire.serve(**callbacks, **options), place, announce)
