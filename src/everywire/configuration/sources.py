"""Where settings are said: variables of the environment, and one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from everywire.configuration.misnamed import meant, nearly
from everywire.configuration.names import (
    COMMANDS,
    FILE,
    GENERAL,
    LEAVES,
    PREFIX,
    SECTIONS,
    Name,
    dotted,
    hint,
    variable,
)
from everywire.errors import SettingError

__all__ = ["Document", "Said", "document", "environment", "written"]

_OWN = "everywire.toml"
_PROJECT = "pyproject.toml"
_OURS = "everywire"
_TOOL = f"tool.{_OURS}"
_ELSEWHERE = frozenset({"config", "pure", "require_native", "worker", "authority", "reload_fds"})
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a setting, and where: the variable, or the file and the name in it."""

    name: Name
    value: Any
    where: str


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML file: its path, what is in it that is ours, and what its names begin with."""

    path: Path
    content: Mapping[str, Any]
    prefix: str = ""

    def where(self, name: Name) -> str:
        """Name the place of a setting in it."""
        return f"{self.path.name}: {self.prefix}{dotted(name)}"


def environment(variables: Mapping[str, str]) -> Iterator[Said]:
    """Give what variables say. EVERYWIRE_SECTION__KEY must be a setting; of others only what is nearly one, as EVERYWIRE_SECTION_KEY, is an error.

    Raises `SettingError`. What an orchestrator adds for a service that is called everywire (EVERYWIRE_PORT, …) is nobody's mistake.
    """
    for key, text in variables.items():
        if not key.startswith(PREFIX):
            continue
        name = tuple(key.removeprefix(PREFIX).lower().split("__"))
        if name in LEAVES:
            yield Said(name, text, key)
        elif (base := _of_file(name)) is not None:
            if variable(base) in variables:
                raise SettingError(f"{variable(base)} and {key} are both there: one of them says it")
            yield Said(base, content(Path(text), key), key)
        elif name[0] in COMMANDS and len(name) == 2:
            yield Said(name, text, key)
        elif len(name) > 1 or (name[0] not in _ELSEWHERE and hint(name, GENERAL)):
            raise SettingError(f"{key}: there is no such setting{_near(name)}")
        elif name[0] not in _ELSEWHERE and (near := meant(name[0])):
            raise SettingError(f"{key}: there is no such setting; did you mean {' or '.join(near)}?")


def _near(name: Name) -> str:
    near = hint(name)
    return f"; did you mean {variable(near)}?" if near else f"; the sections are {', '.join(SECTIONS).upper()}"


def _of_file(name: Name) -> Name | None:
    """Give the setting whose value is in a file, where that is what a name says."""
    base = (*name[:-1], name[-1].removesuffix(FILE))
    return base if name[-1].endswith(FILE) and base in LEAVES else None


def content(path: Path, where: str) -> str:
    """Give what is in a file that a setting names; raises `SettingError`."""
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, where, error) from None


def _unreadable(path: Path, where: str, error: Exception) -> SettingError:
    return SettingError(f"{where}: cannot read {path}: {getattr(error, 'strerror', None) or error}")


def document(variables: Mapping[str, str], folder: Path) -> Document | None:
    """Give the TOML file: the one that EVERYWIRE_CONFIG names ("" is none), else everywire.toml in `folder`, else its pyproject.toml if it says anything.

    Raises `SettingError` for a file that cannot be read, or is no TOML.
    """
    named = variables.get(f"{PREFIX}CONFIG")
    if named is not None:
        return _read(folder / named, f"{PREFIX}CONFIG") if named else None
    if _is_there(own := folder / _OWN):
        return _read(own, _OWN)
    return _project(folder / _PROJECT)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # who may not look into a folder finds nothing there
        return False


def _project(path: Path) -> Document | None:
    """Give a pyproject.toml that says anything of us; one that does not may well be no TOML."""
    if not _is_there(path):
        return None
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, _PROJECT, error) from None
    if _OURS.encode() not in raw:
        return None
    try:
        read = _parsed(path, _PROJECT)
    except SettingError:
        if _TOOL.encode() in raw:
            raise
        return None
    said = _said(path, read)
    return said if said.content else None


def _read(path: Path, where: str) -> Document:
    read = _parsed(path, where)
    return _said(path, read) if path.name == _PROJECT else Document(path, read)


def _parsed(path: Path, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content(path, where))
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path.name}: {error}") from None


def _said(path: Path, read: Mapping[str, Any]) -> Document:
    """Give what a project says of us; raises `SettingError` where that is no table."""
    tool = read.get("tool")
    ours = tool.get(_OURS, {}) if isinstance(tool, dict) else {}
    if not isinstance(ours, dict):
        raise SettingError(f"{path.name}: {_TOOL} is {ours!r}: a table of settings is needed")
    return Document(path, ours, f"{_TOOL}.")


def written(file: Document) -> Iterator[Said]:
    """Give what a TOML file says; raises `SettingError` for what is no setting. Of commands each option is a name, unchecked."""
    for key, value in file.content.items():
        if key in COMMANDS:
            if not isinstance(value, dict):
                raise SettingError(f"{file.where((key,))} is {value!r}: a table of its options is needed")
            yield from (Said((key, option), each, file.where((key, option))) for option, each in value.items())
        else:
            yield from _written(file, (key,), value)


def _written(file: Document, name: Name, value: Any) -> Iterator[Said]:
    where = file.where(name)
    if isinstance(value, dict) and any(leaf[: len(name)] == name and leaf != name for leaf in LEAVES):
        for key, each in value.items():
            yield from _written(file, (*name, key), each)
    elif name in LEAVES:
        if name == ("log",) and str(value).upper() not in _LEVELS:
            raise SettingError(f"{where}={value}: the levels are {', '.join(_LEVELS[:-1])} and {_LEVELS[-1]}")
        yield Said(name, value, where)
    elif (base := _of_file(name)) is not None and isinstance(value, str):
        yield Said(base, content(file.path.parent / value, where), where)
    elif name[0] in SECTIONS and len(name) == 1:
        raise SettingError(f"{where} is {value!r}: a table of settings is needed")
    else:
        raise SettingError(f"{where}: there is no such setting{_instead(file, name, value)}")


def _instead(file: Document, name: Name, value: Any) -> str:
    """Say what to write for a name that there is not, as far as that is known."""
    head = _TOOL if name[0] == "tool" else _OURS
    inside = value.get(_OURS) if head == _TOOL and isinstance(value, dict) else value
    if name[0] in ("tool", _OURS) and isinstance(inside, dict) and not file.prefix:
        table = next((key for key in inside if key in SECTIONS or key in COMMANDS), None)
        write = f"write [{table}] for [{head}.{table}]" if table else f"leave [{head}] out"
        return f"; all of this file is everywire's: {write}"
    near = hint(name, [*LEAVES, *((section,) for section in (*SECTIONS, *COMMANDS))])
    likely = [near] if near else nearly(name[0]) if len(name) == 1 else []
    if likely:
        return f"; did you mean {' or '.join(map(dotted, likely))}?"
    if len(name) > 1:
        return ""
    if isinstance(value, dict):
        return f"; the tables are {', '.join((*SECTIONS, *COMMANDS))}"
    return f"; an option of a command is written in its table: [{file.prefix}run], and below it {name[0]} = …"
