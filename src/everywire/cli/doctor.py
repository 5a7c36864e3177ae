"""`everywire doctor`: what runs here, what is missing and how to get it."""

from __future__ import annotations

import click

__all__ = ["doctor"]


@click.command(short_help="Say what runs here, what is missing, how to get it.")
def doctor() -> None:
    """Say which engine and libraries run here, what is missing and how to get it.

    \b
    Example:
        everywire doctor
    """
    from everywire.doctor import examine

    for section, findings in examine().items():
        click.secho(section, bold=True)
        for finding in findings:
            click.echo(f"  {click.style(finding.mark, fg=_COLOURS[finding.mark])} {finding.name:<14} {finding.fact}")
            if finding.advice:
                click.echo(f"    {'':<14} → {finding.advice}")


_COLOURS = {"✓": "green", "·": "bright_black", "!": "yellow"}
