"""The command line: `everywire`."""

from __future__ import annotations

import os

import click

import everywire
from everywire.cli.bench import bench
from everywire.cli.config import config
from everywire.cli.connect import connect
from everywire.cli.contracts import contracts
from everywire.cli.demo import demo
from everywire.cli.doctor import doctor
from everywire.cli.echo import echo
from everywire.cli.publish import publish
from everywire.cli.reload import reload
from everywire.cli.run import run
from everywire.cli.settled import defaults, export, name_options, settled
from everywire.cli.top import top

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(everywire.__version__, prog_name="everywire")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """A real-time messaging server.

    \b
    Begin here:
        everywire demo                        chat with yourself in two browser tabs
        everywire run app:app --reload        run your own application
        everywire connect ws://localhost:8000 talk to any WebSocket server

    \b
    Each option can come from the environment too:
        EVERYWIRE_RUN_PORT=9000 everywire run app:app
    or from everywire.toml, or pyproject.toml; everywire config shows what is in force.
    """
    ctx.obj = found = settled()
    ctx.default_map = defaults(commands, found, os.environ)
    if ctx.invoked_subcommand != config.name:
        export(found, os.environ)


for _command in (demo, run, reload, echo, connect, publish, top, bench, contracts, config, doctor):
    commands.add_command(_command)
name_options(commands)


def main() -> None:
    """Run the command line that the process was started with."""
    commands(auto_envvar_prefix="EVERYWIRE", prog_name="everywire")
