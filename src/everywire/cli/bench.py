"""`everywire bench`: a quick measurement on this machine."""

from __future__ import annotations

import sys
from typing import Any

import click

from everywire.cli.numbers import Finite, Whole

__all__ = ["bench"]


@click.command(short_help="Measure an echo on this machine.")
@click.option("--connections", default=100, show_default=True, type=Whole(1), help="Connections at a time.")
@click.option("--size", default=32, show_default=True, type=Whole(1), help="Bytes of a message.")
@click.option("--window", default=1, show_default=True, type=Whole(1), help="Messages in flight on each connection.")
@click.option("--seconds", default=2.0, show_default=True, type=Finite(0.1), help="How long to measure.")
@click.option("--engine", type=click.Choice(["native", "portable"]), help="Default: the best there is.")
def bench(**given: Any) -> None:
    """Measure an echo here: server CPU time per message, and messages per second.

    \b
    Examples:
        everywire bench
        everywire bench --size 65536 --seconds 5
        everywire bench --engine portable       the same without the native engine

    The full benchmark, against other servers, is `make bench` in a checkout.
    """
    from everywire import bench as quick

    arguments = [text for name, value in given.items() if value is not None for text in (f"--{name}", str(value))]
    sys.exit(quick.main(arguments))
