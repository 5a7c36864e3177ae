"""What a command is set to from outside: its options by the environment and a TOML file, by the names that they have on the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from everywire.app.checking import found_secrets
from everywire.cli.elsewhere import advice
from everywire.cli.serving import mistake
from everywire.configuration import Configuration
from everywire.configuration.names import FILE, GENERAL, PREFIX
from everywire.configuration.sources import Said, content
from everywire.errors import SettingError

__all__ = ["defaults", "export", "name_options", "option_name", "settled"]

_CLOSE = 0.75
_SERVES = "run"
_SECRET = "key"  # the option that may be in a file of its own


def option_name(parameter: click.Parameter) -> str:
    """Give the name by which an option is set from outside: that of its long form, of an argument its own."""
    long = [said[2:] for said in parameter.opts if said.startswith("--")]
    return (long[0] if long else parameter.name or "").replace("-", "_")


def name_options(group: click.Group) -> None:
    """Have the variables of all commands called as their options are: click takes the names of parameters, which may be others."""
    for name, command in group.commands.items():
        for parameter in command.params:
            if parameter.envvar is None:
                own = f"{PREFIX}{name}_{parameter.name}".upper()
                parameter.envvar = [*dict.fromkeys([f"{PREFIX}{name}_{option_name(parameter)}".upper(), own])]


def settled() -> Configuration:
    """Read what is set from outside; raises `ClickException` with exit code 2 for what is wrong there."""
    try:
        found = Configuration.found()
        found_secrets(found)
    except ValueError as error:
        raise mistake(str(error)) from None
    return found


def defaults(group: click.Group, found: Configuration, variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Give the defaults that the options of all commands have from outside, as click wants them; raises `ClickException`."""
    made: dict[str, dict[str, Any]] = {}
    _check_variables(group, variables)
    for said in [*found.commands.values(), *_files(group, variables)]:
        command = group.commands[said.name[0]]
        parameter, value = _meant(command, said)
        _check(command, parameter, value, said.where)
        made.setdefault(said.name[0], {})[parameter.name or ""] = value
    return made


def _known(command: click.Command) -> dict[str, click.Parameter]:
    return {option_name(parameter): parameter for parameter in command.params}


def _meant(command: click.Command, said: Said) -> tuple[click.Parameter, Any]:
    """Give the parameter that is said something of, and what; raises `ClickException` where there is none."""
    known, option = _known(command), said.name[1]
    if option in known:
        return known[option], said.value
    if option == f"{_SECRET}{FILE}" and _SECRET in known:
        return known[_SECRET], _content(Path(str(said.value)), said.where)
    theirs = advice("--" + option.replace("_", "-")) if said.name[0] == _SERVES else None
    near = _near(option, known) if theirs is None else f"\n{theirs}"
    raise mistake(f"{said.where}: {said.name[0]} has no such option{near}")


def _near(option: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(option, known, n=1, cutoff=_CLOSE)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"


def _content(path: Path, where: str) -> str:
    try:
        return content(path, where)
    except SettingError as error:
        raise mistake(str(error)) from None


def _files(group: click.Group, variables: Mapping[str, str]) -> Iterator[Said]:
    for name, command in group.commands.items():
        variable = f"{PREFIX}{name}_{_SECRET}{FILE}".upper()
        if variable in variables and _SECRET in _known(command):
            yield Said((name, f"{_SECRET}{FILE}"), variables[variable], variable)


def _check_variables(group: click.Group, variables: Mapping[str, str]) -> None:
    """Raise `ClickException` for a variable that is nearly that of an option, or has a value that the option cannot have."""
    for variable, value in variables.items():
        if not variable.startswith(PREFIX):
            continue
        _check_commanded(group, variable, value)
        name, _, option = variable.removeprefix(PREFIX).lower().partition("_")
        if name not in group.commands or option.startswith("_"):
            continue
        command = group.commands[name]
        known = _known(command)
        named = {each: known_ for known_ in known.values() for each in known_.envvar or ()}
        if variable in named:
            if value:
                _check(command, named[variable], value, variable)
        elif not option.endswith(FILE) and get_close_matches(option, known, n=1, cutoff=_CLOSE):
            raise mistake(f"{variable}: {name} has no such option{_near(option, known)}")


def _check_commanded(group: click.Group, variable: str, value: str) -> None:
    """Raise `ClickException` for an option of `run` without its command; "tcp://…" is what an orchestrator says of a service's port."""
    option = variable.removeprefix(PREFIX).lower()
    known = [name for name, each in _known(group.commands[_SERVES]).items() if isinstance(each, click.Option)]
    if option in known and (option,) not in GENERAL and option not in group.commands and "://" not in value:
        raise mistake(f"{variable}: there is no such setting; did you mean {PREFIX}{_SERVES.upper()}_{option.upper()}?")


def _check(command: click.Command, parameter: click.Parameter, value: Any, where: str) -> None:
    try:
        parameter.process_value(click.Context(command), value)
    except click.BadParameter as error:
        raise mistake(f"{where} is {value!r}: {error.message}") from None


def export(found: Configuration, variables: MutableMapping[str, str]) -> None:
    """Tell this process, and those that it starts, by variables what a file says: they are asked for it where there is no application."""
    for name in ("log", "engine"):
        if (value := found.value(name)) is not None:
            variables[f"{PREFIX}{name.upper()}"] = value
    if secrets := found.value("secret"):
        variables[f"{PREFIX}SECRET"] = ",".join(secrets)
        variables.pop(f"{PREFIX}SECRET{FILE.upper()}", None)
