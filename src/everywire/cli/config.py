"""`everywire config`: shows what is in force, and who said so."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from everywire import engine as engines
from everywire.cli.settled import option_name
from everywire.cli.target import load
from everywire.configuration import SECTIONS, Configuration
from everywire.configuration.names import LEAVES, Name, dotted, usual
from everywire.ops import logs

__all__ = ["config"]

_PROGRAM = "the program"
_DEFAULT = "default"
_HIDDEN = ("key", "secret")
Line = tuple[str, Any, str]


@click.command(short_help="Show the settings in force.")
@click.argument("target", metavar="[MODULE:APP]", required=False)
@click.option("--explain", is_flag=True, help="Say behind each where it comes from.")
@click.pass_context
def config(ctx: click.Context, *, target: str | None, explain: bool) -> None:
    """Write the settings that are in force here as a TOML file; with MODULE:APP also what that application says itself.

    \b
    A setting has one name, and four places; the first that says it counts:
        an argument           Everywire(settings=Settings(linger=30))
        the environment       EVERYWIRE_HUB__LINGER=30
        everywire.toml        [hub] and linger = 30
        or pyproject.toml     [tool.everywire.hub] and linger = 30

    \b
    Its sections:
        [hub]       sessions, channels and what clients may do
        [http]      event streams and polls, and which pages may ask
        [server]    connections: sizes, times, compression
        [run], …    the options of a command: EVERYWIRE_RUN_PORT=9000, or port = 9000 in [run]
    and in none of them: secret, log, engine, broker, path.

    "none" is no limit, or never. NAME_FILE is a file that has the value of NAME, as secrets are mounted:
    EVERYWIRE_SECRET_FILE=/run/secrets/everywire. EVERYWIRE_CONFIG names another file, or none if it is empty.

    \b
    Examples:
        everywire config                                          what is in force
        everywire config --explain                                and who said so
        everywire config app:app --explain                        the application, too
        everywire config > all.toml                               a file to take some from
        EVERYWIRE_HUB__LINGER=30 everywire config --explain       try one out
    """
    found: Configuration = ctx.obj
    app = load(target, Path.cwd()) if target else None
    if explain:
        click.echo(
            f"# {found.file or 'no file: neither everywire.toml nor [tool.everywire] in pyproject.toml is here'}"
        )
    given = {"hub": app.settings, "http": app.http} if app else {}
    path = app.path if app else None
    parts: list[tuple[str, list[Line]]] = [("", [*_general(found, path)])]
    for section in SECTIONS:
        parts.append((section, [*_section(found, section, given.get(section))]))
    assert ctx.parent is not None
    assert isinstance(ctx.parent.command, click.Group)
    for name, command in ctx.parent.command.commands.items():
        if name == "run" or any(said[0] == name for said in found.commands):
            parts.append((name, [*_command(ctx.parent, found, command)]))
    for title, lines in parts:
        _write(title, lines, explain=explain)


def _write(title: str, lines: list[Line], *, explain: bool) -> None:
    if title:
        click.echo(f"\n[{title}]")
    said = [(f"{name} = {_toml(value)}", where) for name, value, where in lines]
    width = max((len(text) for text, _ in said), default=0)
    for text, where in said:
        click.echo(f"{text:{width}}  # {where}" if explain else text)


def _toml(value: Any) -> str:
    """Write a value as TOML does; JSON's texts, numbers and lists are TOML's, too."""
    return json.dumps("none" if value is None else list(value) if isinstance(value, tuple) else value)


def _general(found: Configuration, path: str | None) -> Iterator[Line]:
    usually = {"log": logs.level("INFO"), "engine": engines.available()[0], "broker": "memory://", "path": "/everywire"}
    for name, value in usually.items():
        said = found.settings.get((name,))
        yield name, said.value if said else value, said.where if said else _DEFAULT


def _section(found: Configuration, section: str, given: Any) -> Iterator[Line]:
    default = usual(section)
    whole = found.filled(section, default) if given is None else given
    for name, leaf in LEAVES.items():
        if name[0] != section:
            continue
        value = _at(whole, name)
        if value is ... or (leaf.only_none and value is not None):
            continue  # told as none as a whole, or by its parts
        shown = float(value) if leaf.type is float and value is not None else value
        yield dotted(name[1:]), shown, _where(found, name, value, _at(default, name))


def _where(found: Configuration, name: Name, value: Any, default: Any) -> str:
    said = found.settings.get(name)
    if said is not None and said.value == value:
        return said.where
    return _DEFAULT if value == default else _PROGRAM


def _at(value: Any, name: Name) -> Any:
    """Give what is at a place in a section; `...` where there is nothing on the way."""
    for part in name[1:]:
        if value is None:
            return ...
        value = getattr(value, part)
    return value


def _command(parent: click.Context, found: Configuration, command: click.Command) -> Iterator[Line]:
    """Give the options of a command as they would be if it were said without any."""
    context = click.Context(command, parent=parent, info_name=command.name)
    for parameter in command.params:
        value, source = parameter.consume_value(context, {})
        if value is None or value == () or not isinstance(value, str | int | float | list | tuple):
            continue
        name = option_name(parameter)
        if name in _HIDDEN:
            continue
        yield (
            name,
            parameter.type_cast_value(context, value),
            _source(parameter, source, found, (command.name or "", name)),
        )


def _source(parameter: click.Parameter, source: ParameterSource, found: Configuration, name: Name) -> str:
    if source is ParameterSource.ENVIRONMENT:
        return next(each for each in parameter.envvar or () if each in os.environ)
    return found.commands[name].where if name in found.commands else _DEFAULT
