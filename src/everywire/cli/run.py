"""`everywire run`: serves an application."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from everywire.app import Everywire
from everywire.cli.serving import (
    HANDED_OVER,
    Place,
    addresses,
    listen_options,
    run_server,
    serve_options,
    sockets,
    where,
)
from everywire.cli.target import load
from everywire.reload import Reloader
from everywire.servers.websocket import Server

__all__ = ["run"]


@click.command(short_help="Serve your application.")
@click.argument("target", metavar="MODULE:APP")
@listen_options
@click.option("--reload", "reloading", is_flag=True, help="Start again whenever a source file here changes.")
def run(target: str, *, reloading: bool, **given: Any) -> None:
    """Serve the application APP (app, where it is left out) of the module MODULE, found from the current directory.

    \b
    Examples:
        everywire run app:app --reload
        everywire run shop.live:make_app --host 0.0.0.0 --port 443 --certfile chain.pem --keyfile key.pem

    Sockets that systemd opened (LISTEN_FDS) are used where there are any.
    """
    place = Place(**given)
    if reloading:
        sys.exit(_reload(target, place))
    app = load(target, Path.cwd())
    options = serve_options(place, sockets(place))

    def announce(server: Server) -> None:
        for address, page in zip(addresses(server, place, "ws"), addresses(server, place, "http"), strict=True):
            click.echo(_announcement(app, target, address, page))

    run_server(lambda: app.serving(**options), place, announce)


def _announcement(app: Everywire, target: str, address: str, page: str) -> str:
    """Write where clients connect; and where a browser finds something, if it does."""
    if address.startswith("unix:"):
        shown = f"{address}, path {app.path}"
    else:
        shown = f"{address}{app.path}" + (f", its page at {page}/" if app.has_page else "")
    return f"{target} is at {shown}  ({where()}; Ctrl-C stops it)"


def _reload(target: str, place: Place) -> int:
    """Run it in a child process; the listening sockets stay here, so that nobody who connects meanwhile is turned away."""
    found = sockets(place)
    command = [
        sys.executable,
        "-m",
        "everywire",
        "run",
        target,
        "--host",
        place.host,
        "--grace",
        str(min(place.grace, 2.0)),
    ]
    for option, value in (("--certfile", place.certfile), ("--keyfile", place.keyfile)):
        command += [option, value] if value is not None else []
    numbers = [sock.fileno() for sock in found]
    environment = {**os.environ, HANDED_OVER: ",".join(map(str, numbers))}
    # As options of the outer command these were obeyed already.
    for name in ("EVERYWIRE_RUN_RELOAD", "EVERYWIRE_RUN_CERTFILE", "EVERYWIRE_RUN_KEYFILE", "EVERYWIRE_RUN_UNIX"):
        environment.pop(name, None)
    reloader = Reloader(command, Path.cwd(), lambda text: click.secho(text, fg="yellow", err=True))
    return reloader.run(environment, numbers)
