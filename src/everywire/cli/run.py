"""`everywire run`: serves an application."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from everywire.cli.elsewhere import Welcoming
from everywire.cli.hosting import Manner, Served, hosting_options
from everywire.cli.options import written
from everywire.cli.serving import (
    HANDED_OVER,
    Place,
    listen_options,
    run_server,
    serve_options,
    sockets,
)
from everywire.cli.target import find
from everywire.cli.workers import Several, announcements, serve_in_worker, several_options, supervise
from everywire.reload import Reloader
from everywire.servers.websocket import Server
from everywire.servers.workers import Ready, Worker

__all__ = ["run"]


@click.command(cls=Welcoming, short_help="Serve your application.")
@click.argument("target", metavar="MODULE:APP")
@listen_options
@click.option("--reload", "reloading", is_flag=True, help="Start again whenever a source file here changes.")
@hosting_options
@several_options
def run(target: str, *, reloading: bool, **given: Any) -> None:
    """Serve the application APP of the module MODULE, found from the current directory: an Everywire(), or any ASGI 3 application, as those of FastAPI,
    Starlette, Litestar, Quart and Django are. Where APP is left out it is app, or application.

    \b
    Examples:
        everywire run app:app --reload
        everywire run app:app --workers auto
        everywire run mysite.asgi --trusted-proxies 127.0.0.1 --access-log
        everywire run shop.live:make_app --host 0.0.0.0 --port 443 --certfile chain.pem --keyfile key.pem

    Sockets that systemd opened (LISTEN_FDS) are used where there are any.
    """
    worker = Worker.found(os.environ)
    several = Several.taken(given, inside=worker is not None)
    manner = Manner.taken(given)
    place = Place.taken(given)
    reloading = reloading and HANDED_OVER not in os.environ  # a file says it to the process that is started again, too

    def loaded() -> Served:
        return manner.served(find(target, Path.cwd()), target, place)

    if worker is not None:
        serve_in_worker(worker, loaded, place, manner.options)
        return
    if reloading and several is not None:
        raise click.UsageError("--reload goes without --workers; SIGHUP replaces workers")
    if reloading:
        sys.exit(_reload(target, place, manner))
    if several is not None:
        sys.exit(supervise(target, place, several, _again(target, place, manner)))
    app = loaded()
    options = {**serve_options(place, sockets(place)), **manner.options(app)}

    def announce(server: Server) -> None:
        for line in announcements(target, place, server.sockets, Ready(app.path, app.has_page, app.beside)):
            click.echo(line)

    run_server(lambda: app.serving(finish=place.grace / 2, **options), place, announce)


def _again(target: str, place: Place, manner: Manner) -> list[str]:
    """Give the command by which another process serves the same; its sockets are handed to it."""
    options = [*written(place, but=("port", "unix")), *written(manner)]
    return [sys.executable, "-m", "everywire", "run", target, *options]


def _reload(target: str, place: Place, manner: Manner) -> int:
    """Run it in a child process; the listening sockets stay here, so that nobody who connects meanwhile is turned away."""
    found = sockets(place)
    command = _again(target, replace(place, grace=min(place.grace, 2.0)), manner)
    numbers = [sock.fileno() for sock in found]
    environment = {**os.environ, HANDED_OVER: ",".join(map(str, numbers))}
    # As options of the outer command these were obeyed already.
    for name in ("EVERYWIRE_RUN_RELOAD", "EVERYWIRE_RUN_CERTFILE", "EVERYWIRE_RUN_KEYFILE", "EVERYWIRE_RUN_UNIX"):
        environment.pop(name, None)
    reloader = Reloader(command, Path.cwd(), lambda text: click.secho(text, fg="yellow", err=True))
    return reloader.run(environment, numbers)
