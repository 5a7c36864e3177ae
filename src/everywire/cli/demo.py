"""`everywire demo`: the chat, ready made."""

from __future__ import annotations

import asyncio
import webbrowser
from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource

from everywire.cli.serving import Place, addresses, listen_options, next_free, run_server, serve_options, sockets, where
from everywire.cli.target import check_environment
from everywire.servers.websocket import Server

__all__ = ["demo"]


@click.command(short_help="Serve a chat, ready made.")
@listen_options
@click.option("--open", "open_page", is_flag=True, help="Open it in the browser.")
@click.pass_context
def demo(ctx: click.Context, /, *, open_page: bool, **given: Any) -> None:
    """Serve a chat: rooms, who is here, history, and a connection that may come and go.

    \b
    Examples:
        everywire demo                  then open the two addresses that it tells
        everywire demo --host 0.0.0.0   for the phone in the same network
    """
    check_environment()  # before there is an application
    from everywire.demo import chat

    place = Place.taken(given)
    chosen = ctx.get_parameter_source("port") is not ParameterSource.DEFAULT
    try:
        found = sockets(place)
    except click.ClickException:
        port = 0 if chosen or place.unix is not None else next_free(place)
        if not port:
            raise
        click.echo(f"Port {place.port} is taken, so this is port {port}.", err=True)
        place = replace(place, port=port)
        found = sockets(place)
    options = serve_options(place, found)
    app = chat()

    def announce(server: Server) -> None:
        places = addresses(server.sockets, place, "http")
        click.echo(introduction(places))
        if open_page:
            asyncio.get_running_loop().run_in_executor(None, webbrowser.open, places[0])

    run_server(lambda: app.serving(**options), place, announce)


def introduction(places: list[str]) -> str:
    """Write what is printed at the start."""
    first, *others, guest = [
        click.style(address, fg="cyan", bold=True)
        for address in [*(f"{place}/" for place in places), f"{places[0]}/?guest"]
    ]
    lines = ["", f"  The chat is at  {first}", *(f"          and at  {other}" for other in others)]
    lines += [
        "",
        f"  Open it, and in another tab, to be somebody else there,  {guest}",
        f"  {where()[0].upper()}{where()[1:]}. Ctrl-C stops it.",
        "",
    ]
    return "\n".join(lines)
