"""`everywire run --workers N`: the supervisor's process, and what `everywire run` does inside a worker."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from everywire.app import Everywire
from everywire.cli.hosting import Served
from everywire.cli.numbers import Finite
from everywire.cli.options import given_by_hand, with_options
from everywire.cli.serving import (
    Place,
    addresses,
    mistake,
    serve_options,
    set_up_logging,
    settle_memory,
    sockets,
    unstarted,
    where,
)
from everywire.cli.target import check_environment
from everywire.servers import here, listening
from everywire.servers.host.lifespan import StartupFailed
from everywire.servers.notifying import READY, STOPPING, notify
from everywire.servers.workers import Plan, Ready, Supervisor, Worker

__all__ = ["Several", "announcements", "count", "serve_in_worker", "several_options", "supervise"]

F = TypeVar("F", bound=Callable[..., Any])

_MOST = 1024  # workers
_OPTIONS = {"forced": "fsync", "pid_file": "pid-file"}  # that are not called as their parameter


@dataclass(frozen=True, slots=True)
class Several:
    """How many workers, and how they are replaced: `drain` seconds at most, `pace` clients of each per second, `finish` seconds for what is under way."""

    workers: int
    drain: float = 10.0
    pace: float = 100.0
    finish: float = 30.0
    history: str | None = None
    forced: bool = False
    pid_file: str | None = None

    @classmethod
    def taken(cls, given: dict[str, Any], *, inside: bool = False) -> Several | None:
        """Take its options out of those of the command; None where no workers were asked for.

        `inside` a worker some of them may come from the supervisor's environment, and mean nothing.
        """
        options = {name: given.pop(name) for name in cls.__slots__}
        if inside:
            return None
        if options["workers"] is None:
            if alone := next((name for name in options if options[name] and given_by_hand(name)), None):
                raise click.UsageError(f"--{_OPTIONS.get(alone, alone)} goes with --workers")
            return None
        if options["forced"] and options["history"] is None:
            raise click.UsageError("--fsync goes with --history: what is in memory survives no loss of power")
        return cls(**options)


def several_options(command: F) -> F:
    """Give a click command the options of `Several`, by the same names."""
    options = [
        click.option(
            "--workers", metavar="N|auto", callback=_count, help="So many processes on one port; auto: one per core."
        ),
        click.option(
            "--drain",
            default=10.0,
            show_default=True,
            type=Finite(0),
            help="Seconds over which the clients of a worker that is replaced are let go, at most.",
        ),
        click.option(
            "--pace",
            default=100.0,
            show_default=True,
            type=Finite(1),
            help="How many of them per second, where that is over sooner.",
        ),
        click.option(
            "--finish",
            default=30.0,
            show_default=True,
            type=Finite(0),
            help="Seconds that calls and streams under way have then, before their clients are let go too.",
        ),
        click.option("--history", metavar="FILE", help="Keep history in this file, so that it survives a restart."),
        click.option(
            "--fsync",
            "forced",
            is_flag=True,
            help="Acknowledge what is published only when it would survive a loss of power, too.",
        ),
        click.option("--pid-file", metavar="FILE", help="Write the process id there, for everywire reload."),
    ]
    return with_options(command, options)


def _count(ctx: click.Context, parameter: click.Parameter, said: str | None) -> int | None:
    return None if said is None else count(said)


def announcements(target: str, place: Place, socks: Sequence[socket.socket], ready: Ready) -> list[str]:
    """Write where clients connect, those of other dialects, too; and where a browser finds something, if it does."""
    lines = []
    if not ready.path:  # an application of others, wherever its clients connect
        lines = [f"{target} is at {page}  ({where()}; Ctrl-C stops it)" for page in addresses(socks, place, "http")]
        return [*lines, f"  and {ready.beside}"] if ready.beside else lines
    for address, page in zip(addresses(socks, place, "ws"), addresses(socks, place, "http"), strict=True):
        if address.startswith("unix:"):
            shown = f"{address}, path {ready.path}"
        else:
            shown = f"{address}{ready.path}" + (f", its page at {page}/" if ready.page else "")
        lines.append(f"{target} is at {shown}  ({where()}; Ctrl-C stops it)")
    if ready.beside:
        lines.append(f"  and {ready.beside}")
    return lines


def count(said: str) -> int:
    """Read a number of workers; auto is one per core that this process may use."""
    if said == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if said.isdecimal() and 0 < int(said) <= _MOST:
        return int(said)
    raise click.BadParameter(f"{said} is neither a number of workers, 1..{_MOST}, nor auto")


def supervise(target: str, place: Place, several: Several, command: Sequence[str]) -> int:
    """Run the workers, each by `command`, until SIGINT or SIGTERM; SIGHUP replaces them."""
    check_environment()  # here, and not by each of them
    slots = _slots(place, several.workers)
    plan = Plan(
        command,
        slots,
        history=several.history,
        forced=several.forced,
        window=several.drain,
        pace=several.pace,
        finish=several.finish,
        grace=place.grace,
        prelude=f"from everywire.ops import logs; logs.set_up(json_lines={place.log == 'json'}); ",
    )

    def started(ready: Ready) -> None:
        for line in announcements(target, place, slots[0], ready):
            click.echo(
                line.replace("engine;", f"engine, {several.workers} worker{'s' if several.workers > 1 else ''};")
            )
        sys.stdout.flush()
        notify(READY)

    set_up_logging(place.log)
    with _pid_file(several.pid_file):
        return asyncio.run(_supervised(plan, started))


def _slots(place: Place, workers: int) -> list[list[socket.socket]]:
    """Open each slot's sockets: own ones on one port; a Unix socket, or what systemd opened, is everybody's."""
    inherited = listening.inherited(dict(os.environ), os.getpid())
    if inherited or place.unix is not None:
        shared = inherited or sockets(place)
        return [shared] * workers
    probe = sockets(place)  # alone: beside another server's shared port one would get a part of its clients
    port = _port(probe)
    for sock in probe:
        sock.close()
    try:
        return [listening.tcp(place.host, port, reuse_port=True) for _ in range(workers)]
    except OSError as error:
        raise mistake(error.strerror or str(error)) from None


def _port(found: Sequence[socket.socket]) -> int:
    return int(found[0].getsockname()[1])


async def _supervised(plan: Plan, started: Callable[[Ready], None]) -> int:
    supervisor = Supervisor(plan, started)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        notify(STOPPING)
        supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, supervisor.reload)
    return await supervisor.run()


@contextlib.contextmanager
def _pid_file(path: str | None) -> Iterator[None]:
    """Keep this process's id in a file while it runs, for `everywire reload`."""
    if path is None:
        yield
        return
    try:
        held = _held(path)
    except OSError as error:
        raise mistake(f"cannot write {path}: {error.strerror}") from None
    with held:
        try:
            yield
        finally:
            if _is(path, held.fileno()):
                Path(path).unlink(missing_ok=True)


def _held(path: str) -> TextIO:
    """Open the file, lock it for as long as this process lives, and write into it; what a dead server left there is overwritten.

    The lock, not the number, says whether a server lives: its number may be another process's by now, or our own in another container.
    """
    while True:
        held = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - held by the caller
        try:
            _lock(path, held)
            if _is(path, held.fileno()):  # else the server that had it removed it meanwhile
                held.truncate(0)
                held.write(f"{os.getpid()}\n")
                held.flush()
                return held
        except BaseException:
            held.close()
            raise
        held.close()


def _lock(path: str, held: TextIO) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.seek(0)
        number = held.read().strip()
        raise mistake(
            f"--pid-file {path} is that of another server that runs{f', process {number}' if number else ''}: "
            "stop that one, or name another file"
        ) from None


def _is(path: str, number: int) -> bool:
    """Whether the open file `number` is the one that is at `path` now."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(number))
    except FileNotFoundError:
        return False


def serve_in_worker(
    worker: Worker, load: Callable[[], Served], place: Place, more: Callable[[Served], dict[str, Any]]
) -> None:
    """Serve what `load` gives as one of several, with `more` options, until the supervisor says that it is enough, or is gone."""
    here.settle(worker)
    set_up_logging(place.log)
    app = load()
    try:
        asyncio.run(_serve(worker, app, {**serve_options(place, worker.sockets()), **more(app)}))
    except StartupFailed as error:
        raise unstarted(error) from None
    except OSError as error:
        if not (error.strerror or "").startswith("cannot listen on"):
            raise  # the application's own
        raise mistake(str(error.strerror)) from None


async def _serve(worker: Worker, app: Served, options: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, worker.told.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C is the supervisor's affair
    async with app.serving(**options) as server:
        settle_memory()
        ready = Ready(app.path, app.has_page, app.beside)
        await worker.begin(server, ready, app.gateway if isinstance(app, Everywire) else None)
        await worker.told.wait()
        await worker.end()
    worker.ports.close()
