"""`everywire reload`: replaces the workers of a running server."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click

from everywire.cli.numbers import Whole
from everywire.cli.serving import fail
from everywire.servers.workers.door import Outcome, ask

__all__ = ["reload"]

_INTERRUPTED = 128 + signal.SIGINT


@click.command(short_help="Replace the workers of a running server.")
@click.option("--pid-file", metavar="FILE", help="The file that everywire run --pid-file wrote.")
@click.option("--pid", type=Whole(2), help="The process id of everywire run --workers.")
@click.option(
    "--wait/--no-wait",
    "waiting",
    default=True,
    show_default=True,
    help="Say how it goes, until the new workers serve; or only ask for it, as SIGHUP does.",
)
def reload(pid_file: str | None, pid: int | None, *, waiting: bool) -> None:
    """Have a server's workers replaced by new ones, which load the application anew; nobody is turned away.

    The exit code is 0 once every new worker serves: the old ones are told to let their clients go then. It is 1, with the reason, where one did
    not start: the old ones that had no successor yet stay. Asked while workers are being replaced, it is done once more after that.

    \b
    Example:
        everywire reload --pid-file live.pid
    """
    if (pid is None) == (pid_file is None):
        raise click.UsageError("give either --pid-file or --pid")
    number = pid if pid is not None else _read(str(pid_file))
    if _hears(number) is False:
        raise fail(f"process {number} does not replace workers: it is no everywire run --workers")
    try:
        os.kill(number, 0 if waiting else signal.SIGHUP)
    except ProcessLookupError:
        raise fail(f"there is no process {number}") from None
    except PermissionError:
        raise fail(f"process {number} is another user's") from None
    if waiting:
        try:
            _wait(number)
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)  # the server goes on with it
    else:
        click.echo(f"process {number} replaces its workers; its log says when that is done")


def _wait(number: int) -> None:
    """Ask, and print what is said, until it is over."""
    said = ask(number)
    if said is None:
        raise fail(
            f"process {number} is not to be heard from here: its temporary directory may be another (TMPDIR); --no-wait only asks"
        )
    for each in said:
        match each:
            case Outcome(text, whole):
                if not whole:
                    raise fail(text)
                click.echo(text)
                return
            case _:
                click.echo(each.text)
    raise fail(f"process {number} ended meanwhile")


def _hears(number: int) -> bool | None:
    """Say whether a process has a handler of SIGHUP, which would otherwise end it; None where that cannot be seen."""
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except OSError:
        return None
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), None)
    return None if caught is None else bool(int(caught, 16) >> (signal.SIGHUP - 1) & 1)


def _read(file: str) -> int:
    try:
        said = Path(file).read_text().strip()
    except OSError as error:
        raise fail(f"cannot read {file}: {error.strerror}") from None
    if not said.isdecimal() or int(said) < 2:
        raise fail(f"there is no process id in {file}")
    return int(said)
