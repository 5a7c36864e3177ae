"""An application as a program: it runs until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import fields
from typing import Any, Protocol, runtime_checkable

from everywire.configuration import Configuration
from everywire.ops import logs
from everywire.servers.host.hosting import LIMITS, Hosted, Hosting
from everywire.servers.host.lifespan import Application, StartupFailed
from everywire.servers.options import Options
from everywire.servers.websocket import Server

__all__ = ["FINISH", "Servable", "hosting", "run", "settled"]

_EVERYWHERE = ("", "0.0.0.0", "::")
FINISH = 5.0  # seconds for what is under way when it is to end
_UNSTARTED = 3  # the exit code of an application that says that it cannot start
_log = logging.getLogger("everywire")


@runtime_checkable
class Servable(Protocol):
    """What can be served: an `Everywire`, or an ASGI application as `Hosted`."""

    path: str

    @property
    def has_page(self) -> bool:
        """Whether a browser finds a page at /."""

    @property
    def beside(self) -> str:
        """Who else is served, for people."""

    def serving(
        self, host: str | None = ..., port: int = ..., *, finish: float = ..., **options: Any
    ) -> AbstractAsyncContextManager[Server]:
        """Serve while the context lasts."""


def run(app: Servable | Application, host: str | None = "127.0.0.1", port: int = 8000, **options: Any) -> None:
    """Serve `app`, an `Everywire` or any ASGI 3 application, until SIGINT or SIGTERM, then drain: what is under way has `finish` seconds (5).

    `options` are those of `hosting`. The log `everywire` says where. Where no logging is set up, what is said from INFO on goes to stderr. Where there is
    nothing to listen on (the port is taken, for instance), that is said there in one line, and the process ends with exit code 2; with 3 where the application
    says that it cannot start.
    """
    aloud = logging.getLogger().hasHandlers() and not _log.isEnabledFor(logging.INFO)
    try:
        logs.set_up(Configuration.found().value("log"))
        served = _servable(app, options)
        asyncio.run(_run(served, host, port, options, aloud=aloud))
    except StartupFailed as error:
        sys.stderr.write(f"Error: {error.in_words()}\n")
        raise SystemExit(_UNSTARTED) from None
    except (OSError, ValueError) as error:
        if (why := _unavailable(error, host)) is None:
            raise
        sys.stderr.write(f"Error: {why}\n")
        raise SystemExit(2) from None


@asynccontextmanager
async def hosting(
    app: Servable | Application, host: str | None = "127.0.0.1", port: int = 0, **options: Any
) -> AsyncIterator[Server]:
    """Serve any ASGI 3 application while the context lasts: `async with everywire.hosting(app, port=8000) as server`.

    `options` are those of `everywire.serve` that say where and how much (`ssl`, `path`, `sock`, limits), `finish` (seconds for what is under way at the end),
    and the fields of `Hosting`: `lifespan`, `root_path`, `trusted_proxies`, `proxy_headers`, `access_log`, `shutdown`, `name` (docs/asgi-server.md); an
    `Everywire` takes none of these. A `port` of 0 is any that is free: `server.port` says which.

    Raises `StartupFailed` where the application says that it cannot start, `OSError` where there is nothing to listen on, `TypeError` for an option that
    there is not, `ValueError` for what makes no sense.
    """
    async with _servable(app, options).serving(host, port, **options) as server:
        yield server


def settled(given: dict[str, Any]) -> dict[str, Any]:
    """Give the options of a server that hosts an application of others: those `given`, and what is said from outside the program."""
    found = Configuration.found()
    engine = found.value("engine")
    return {**({"engine": engine} if engine else {}), **found.options("server", given, Options(head_limits=LIMITS))}


def _servable(app: Servable | Application, options: dict[str, Any]) -> Servable:
    """Give what serves `app`, with those of the options that are about hosting; the others are filled from outside, where that says more."""
    if isinstance(app, Servable):
        return app
    hosted = Hosted(app, **{each.name: options.pop(each.name) for each in fields(Hosting) if each.name in options})
    options |= settled(options)
    return hosted


async def _run(app: Servable, host: str | None, port: int, options: dict[str, Any], *, aloud: bool) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    options.setdefault("finish", FINISH)
    async with app.serving(host, port, **options) as server:
        given = None if "sock" in options else host
        shown = _shown(app, _address(server, given), secure=bool(options.get("ssl")))
        _log.info("serving %s; Ctrl-C stops it", shown)
        if aloud:  # an application that logs warnings alone has not asked for a server that says nothing
            sys.stderr.write(f"serving {shown}; Ctrl-C stops it\n")
        await told.wait()


def _shown(app: Servable, place: str, *, secure: bool) -> str:
    """Say where clients connect, and where a browser finds something."""
    letter = "s" if secure else ""
    beside = f", {app.beside}" if app.beside else ""
    if place.startswith("unix:"):
        return place + (f", path {app.path}" if app.path else "") + beside
    if not app.path:
        return f"http{letter}://{place}{beside}"
    page = f", its page at http{letter}://{place}/" if app.has_page else ""
    return f"ws{letter}://{place}{app.path}{page}{beside}"


def _unavailable(error: Exception, host: str | None) -> str | None:
    """Say why there is nothing to listen on, and what helps; None for any other error."""
    if isinstance(error, socket.gaierror):
        return f"cannot listen on {host}: {error.strerror}"
    if isinstance(error, OSError):
        said = error.strerror or ""
        cured = error.errno != errno.EADDRINUSE or "app.admin" in said
        cure = "" if cured else "; app.run(port=…) takes another, 0 any that is free"
        return f"{said}{cure}" if said.startswith("cannot listen on") else None
    return str(error) if str(error).startswith("EVERYWIRE_LOG=") else None


def _address(server: Server, host: str | None) -> str:
    """Name the first place where `server` listens as a client here would: a host and a port, or a Unix socket."""
    name = server.sockets[0].getsockname()
    if not isinstance(name, tuple):
        return f"unix:{name}"
    shown = name[0] if host is None or host in _EVERYWHERE else host
    if shown in _EVERYWHERE:
        shown = "localhost"
    return f"{f'[{shown}]' if ':' in shown else shown}:{name[1]}"
