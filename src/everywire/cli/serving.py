"""What all commands that serve have in common: where to listen, what to print, how to end."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import ssl as tls
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from everywire import engine as engines
from everywire.cli.numbers import Finite, Whole
from everywire.cli.options import given_by_hand, with_options
from everywire.ops import logs
from everywire.servers import listening
from everywire.servers.host.lifespan import StartupFailed
from everywire.servers.notifying import READY, STOPPING, notify
from everywire.servers.websocket import Server

__all__ = [
    "Place",
    "addresses",
    "context",
    "fail",
    "listen_options",
    "mistake",
    "run_server",
    "serve_options",
    "sockets",
    "unstarted",
    "where",
]

F = TypeVar("F", bound=Callable[..., Any])

HANDED_OVER = "EVERYWIRE_RELOAD_FDS"  # the reloader's listening sockets, by descriptor
_LATE = 1.0  # seconds that the rest of the end may take once the deadline for the connections has passed
_USUAL = (700, 10, 10)  # of the garbage collector: allocations until it looks at the youngest, and so on
_SELDOM = (20_000, 20, 20)
_ANYWHERE = ("", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command listens, how long its end may take (seconds), and how it writes its log."""

    host: str = "localhost"
    port: int = 8000
    unix: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    grace: float = 10.0
    log: str = "text"

    @classmethod
    def taken(cls, given: dict[str, Any]) -> Place:
        """Make one of a command's options; raises `UsageError` for both a port and a Unix socket."""
        if given["unix"] is not None and given_by_hand("port"):
            raise click.UsageError("either --port or --unix: a Unix socket has no port")
        return cls(**given)

    @property
    def secure(self) -> bool:
        """Whether TLS is asked for."""
        return self.certfile is not None


def listen_options(command: F) -> F:
    """Give a click command the options of a `Place`, by the same names."""
    options = [
        click.option("--host", default="localhost", show_default=True, help="Name or address; 0.0.0.0 is everywhere."),
        click.option("--port", default=8000, show_default=True, type=Whole(0, 65535), help="0 is any free one."),
        click.option("--unix", metavar="PATH", help="A Unix socket instead of a port."),
        click.option("--certfile", metavar="FILE", help="PEM certificate chain: serves wss and https."),
        click.option("--keyfile", metavar="FILE", help="Its key, where that is not in the same file."),
        click.option(
            "--grace",
            default=10.0,
            show_default=True,
            type=Finite(0),
            help="Seconds that Ctrl-C and SIGTERM leave to connections to close.",
        ),
        click.option(
            "--log",
            default="text",
            show_default=True,
            type=click.Choice(["text", "json"]),
            help="How the log is written; EVERYWIRE_LOG says how much of it.",
        ),
    ]
    return with_options(command, options)


def fail(message: str) -> click.ClickException:
    """Give the exception that ends a command with one line."""
    return click.ClickException(message)


class Mistake(click.ClickException):
    """What a command was told to do cannot be done."""

    exit_code = 2


def mistake(message: str) -> click.ClickException:
    """Give the exception that ends a command with one line, and with exit code 2."""
    return Mistake(message)


class Unstarted(click.ClickException):
    """The application says that it cannot start."""

    exit_code = 3


def unstarted(error: StartupFailed) -> click.ClickException:
    """Give the exception that ends a command with what the application said, and with exit code 3."""
    return Unstarted(error.in_words())


def context(place: Place) -> tls.SSLContext | None:
    """Load the certificate, if there is one."""
    if place.certfile is None:
        if place.keyfile is not None:
            raise click.UsageError("--keyfile goes with --certfile")
        return None
    holder = place.keyfile or place.certfile
    if b"-BEGIN CERTIFICATE-" not in _content(place.certfile):
        raise mistake(f"{place.certfile} has no PEM certificate in it")
    if b"PRIVATE KEY-" not in _content(holder):
        raise mistake(
            f"{holder} has no PEM private key in it" + ("" if place.keyfile else "; give its file by --keyfile")
        )
    made = tls.create_default_context(tls.Purpose.CLIENT_AUTH)
    try:
        made.load_cert_chain(place.certfile, place.keyfile)
    except tls.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise mistake(f"the key in {holder} does not belong to the certificate in {place.certfile}") from None
        raise mistake(f"cannot use {' with '.join({place.certfile: 0, holder: 0})}: {error.reason or error}") from None
    return made


def _content(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise mistake(f"cannot read {file}: {error.strerror}") from None


def sockets(place: Place) -> list[socket.socket]:
    """Open the listening sockets: those that were handed to this process, else the Unix socket, else the port."""
    given = os.environ.pop(HANDED_OVER, "")
    if given:
        return [socket.socket(fileno=int(number)) for number in given.split(",")]
    inherited = listening.inherited(dict(os.environ), os.getpid())
    if inherited:
        return inherited
    try:
        if place.unix is not None:
            return [_removed_at_the_end(listening.unix(place.unix), place.unix)]
        return listening.tcp(place.host, place.port)
    except socket.gaierror as error:
        raise mistake(f"cannot listen on {place.host}: {error.strerror}") from None
    except OSError as error:
        raise mistake(_unavailable(place, error)) from None


def _removed_at_the_end(sock: socket.socket, path: str) -> socket.socket:
    """Have the running command remove the file that it made; those it hands the socket to do not."""
    if (ctx := click.get_current_context(silent=True)) is not None:
        ctx.with_resource(listening.removed(os.path.abspath(path)))
    return sock


def _unavailable(place: Place, error: OSError) -> str:
    if place.unix is not None:
        return f"cannot listen on {place.unix}: {os.strerror(error.errno or 0)}"
    if error.errno == errno.EADDRINUSE:
        return f"port {place.port} is taken on {place.host}; choose another: --port {next_free(place)}"
    if error.errno == errno.EACCES:
        return (
            f"port {place.port} needs rights that this user lacks: take one from 1024 on, or allow it by "
            f"sudo sysctl net.ipv4.ip_unprivileged_port_start={place.port}"
        )
    return error.strerror or str(error)


def next_free(place: Place) -> int:
    """Give the next port that is free now; 0, which is any, where none is near."""
    for port in range(place.port + 1, min(place.port + 100, 65536)):
        try:
            found = listening.tcp(place.host, port)
        except OSError:
            continue
        for sock in found:
            sock.close()
        return port
    return 0


def serve_options(place: Place, found: list[socket.socket]) -> dict[str, Any]:
    """Give the options of `everywire.serve` that put it there."""
    return {"sock": found, "ssl": context(place), "close_timeout": min(10.0, place.grace) or 0.1}


def addresses(socks: Sequence[socket.socket], place: Place, scheme: str) -> list[str]:
    """Give the addresses under which sockets are reached from here: `scheme` is ws or http; the best first."""
    secure = "s" if place.secure else ""
    found: list[str] = []
    for sock in socks:
        name = sock.getsockname()
        found.append(
            f"unix:{name}" if sock.family == socket.AF_UNIX else f"{scheme}{secure}://{_host(name[0], place)}:{name[1]}"
        )
    if place.host in _ANYWHERE and (near := _own_address()) is not None and found:
        found.append(f"{scheme}{secure}://{near}:{socks[0].getsockname()[1]}")
    return list(dict.fromkeys(found))


def _host(bound: str, place: Place) -> str:
    """Name a bound address as a user would type it."""
    if bound in ("127.0.0.1", "::1") and place.host == "localhost":
        return "localhost"
    if bound in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{bound}]" if ":" in bound else bound


def _own_address() -> str | None:
    """Give this machine's address in its network; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address that nobody has
            address: str = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith(("127.", "0.")) else address


def where() -> str:
    """Name the engine in use."""
    return f"{os.environ.get('EVERYWIRE_ENGINE') or engines.available()[0]} engine"


def run_server(
    starting: Callable[[], AbstractAsyncContextManager[Server]], place: Place, announce: Callable[[Server], None]
) -> None:
    """Serve until SIGINT or SIGTERM, then close every connection with 1001, for `place.grace` seconds at most.

    A second signal ends the process at once.
    """
    set_up_logging(place.log)
    try:
        asyncio.run(_serve(starting, place, announce))
    except StartupFailed as error:
        raise unstarted(error) from None
    except OSError as error:
        raise mistake(error.strerror or str(error)) from None
    except RuntimeError as error:  # an engine that is not available
        raise mistake(str(error)) from None


def settle_memory() -> None:
    """Have the garbage collector leave alone what is there now, and look less often; the application's own choice is kept.

    What a server makes from here on it mostly keeps: sessions, connections. Ten thousand clients that come at once would have all of
    it looked through a thousand times.
    """
    if gc.get_threshold() == _USUAL:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_SELDOM)


def set_up_logging(form: str = "text") -> None:
    """Send the log to stderr, as much of it as EVERYWIRE_LOG asks for, as "text" or as "json"."""
    try:
        logs.set_up(json_lines=form == "json")
    except ValueError as error:
        raise mistake(str(error)) from None


async def _serve(
    starting: Callable[[], AbstractAsyncContextManager[Server]], place: Place, announce: Callable[[Server], None]
) -> None:
    told = asyncio.Event()
    _listen_to_signals(told)
    try:
        async with asyncio.timeout(None) as limit, starting() as server:
            settle_memory()
            announce(server)
            sys.stdout.flush()
            notify(READY)
            await told.wait()
            notify(STOPPING)
            open_now = len(server.connections)
            if open_now:
                click.echo(f"closing {open_now} connection{'' if open_now == 1 else 's'} …", err=True)
            limit.reschedule(asyncio.get_running_loop().time() + place.grace + _LATE)
            _insist(place.grace + 2 * _LATE)
    except TimeoutError:
        click.echo("the deadline has passed; what is still open is cut off", err=True)


def _insist(patience: float) -> None:
    """End the process, `patience` seconds from now, also where the application does not let it: by a task that takes no cancelling, or a thread."""

    def end() -> None:
        click.echo("the application does not end; it is ended", err=True)
        sys.stdout.flush()
        os._exit(1)

    late = threading.Timer(patience, end)
    late.daemon = True
    late.start()


def _listen_to_signals(told: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def hear(number: int) -> None:
        if told.is_set():
            click.echo("stopped at once", err=True)
            sys.stdout.flush()
            os._exit(128 + number)
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, hear, number)
        except NotImplementedError:  # where signals cannot wake a loop
            signal.signal(number, lambda number, _: loop.call_soon_threadsafe(hear, number))
