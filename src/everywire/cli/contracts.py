"""`everywire contracts`: writes down what an application understands."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from everywire.cli.target import load
from everywire.describing import asyncapi, describe, typescript

__all__ = ["contracts"]

_FILE = click.Path(dir_okay=False, path_type=Path, allow_dash=True)


@click.command(short_help="Write AsyncAPI and TypeScript of your application.")
@click.argument("target", metavar="MODULE:APP")
@click.option("--asyncapi", "document", type=_FILE, metavar="FILE", help="Write an AsyncAPI 3.0 document, as JSON.")
@click.option("--typescript", "types", type=_FILE, metavar="FILE", help="Write a module of TypeScript types.")
@click.option("--title", help="The document's title.  [default: MODULE:APP]")
@click.option("--api-version", default="1.0.0", show_default=True, help="The version of your application's contract.")
def contracts(target: str, document: Path | None, types: Path | None, title: str | None, api_version: str) -> None:
    """Write down the calls and channels of the application APP, with the types that they were declared with.

    A FILE of - is the standard output; so is the AsyncAPI document where no file is named at all.

    \b
    Examples:
        everywire contracts app:app --asyncapi asyncapi.json --typescript web/src/contract.ts
    """
    try:
        contract = describe(load(target, Path.cwd()).hooks)
    except ValueError as fault:
        raise click.ClickException(str(fault)) from None
    if document is None and types is None:
        document = Path("-")
    if document is not None:
        made = msgspec.json.encode(asyncapi(contract, title or target, api_version))
        _write(document, msgspec.json.format(made, indent=2).decode() + "\n")
    if types is not None:
        _write(types, typescript(contract))


def _write(file: Path, text: str) -> None:
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text)
    except OSError as fault:
        raise click.ClickException(f"{file}: {fault.strerror}") from None
