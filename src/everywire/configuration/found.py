"""What is set from outside of the program, read once: it fills what arguments left as it usually is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from everywire.configuration import sources
from everywire.configuration.names import COMMANDS, LEAVES, SECTIONS, Name, usual
from everywire.configuration.sources import Said
from everywire.configuration.values import checked, converted
from everywire.errors import SettingError
from everywire.hub.settings import Settings

__all__ = ["Configuration"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the environment says, and where it says nothing, what a TOML file says.

    `settings` has values of the right type, each with where it was said; `commands` the options of commands as they were said. `file` is
    the TOML file, if there is one.
    """

    settings: Mapping[Name, Said] = field(default_factory=dict)
    commands: Mapping[Name, Said] = field(default_factory=dict)
    file: Path | None = None

    @classmethod
    def found(cls, variables: Mapping[str, str] | None = None, folder: Path | None = None) -> Configuration:
        """Read the environment (`variables`), and the file that it names or that is in `folder`, the current one unless told.

        Raises `SettingError`: for a name that there is not, a value that it cannot have, a file that cannot be read.
        """
        variables = os.environ if variables is None else variables
        document = sources.document(variables, folder or Path())
        said = {each.name: each for each in (sources.written(document) if document else ())}
        for each in sources.environment(variables):
            for above in range(1, len(each.name)):  # "none" in the file, and something of it here
                said.pop(each.name[:above], None)
            said[each.name] = each
        settings = {
            name: replace(each, value=checked(name, converted(LEAVES[name], each.value, each.where), each.where))
            for name, each in said.items()
            if name in LEAVES
        }
        commands = {name: each for name, each in said.items() if name[0] in COMMANDS}
        made = cls(settings, commands, document.path.absolute() if document else None)
        for section in SECTIONS:
            made.filled(section, usual(section))  # together, too, they have to make sense
        return made

    def value(self, name: str) -> Any:
        """Give what is said of a setting outside of all sections; None where nothing is."""
        said = self.settings.get((name,))
        return None if said is None else said.value

    def filled(self, section: str, given: T, default: T | None = None) -> T:
        """Fill what `given` left as it usually is, or as in `default`; what it says itself stays. Raises `SettingError` for a value that is refused."""
        return reduce(_said, self._new(section, given, default or usual(section)), given)

    def hub(self, given: Settings) -> Settings:
        """Fill a hub's settings. Raises `SettingError` for times of its heartbeat that do not go together, too, whoever said them."""
        filled = self.filled("hub", given)
        try:
            filled.heartbeat.agree()
        except ValueError as error:
            said = " and ".join(each.where for name, each in self.settings.items() if name[:2] == ("hub", "heartbeat"))
            raise SettingError(f"{said}: {error}" if said else str(error)) from None
        return filled

    def options(self, section: str, given: Mapping[str, Any], default: Any = None) -> dict[str, Any]:
        """Add to options that are `given` by name what is said of others of that section, or of parts of what they are by `default`."""
        whole = default or usual(section)
        filled = self.filled(section, whole, whole)
        named = {name[1] for name in self.settings if name[0] == section} - given.keys()
        return {**{name: getattr(filled, name) for name in named}, **given}

    def _new(self, section: str, given: Any, default: Any) -> Iterator[Said]:
        """Give what is said of what `given` does not say itself; what says less of the name comes first."""
        for name in sorted(self.settings, key=len):
            if name[0] == section and _at(given, name[1:]) == _at(default, name[1:]):
                yield self.settings[name]


def _at(value: Any, name: Name) -> Any:
    """Give what is at a place in `value`; where there is nothing on the way, the nothing."""
    for part in name:
        if value is None:
            return None
        value = getattr(value, part)
    return value


def _said(whole: T, said: Said) -> T:
    try:
        return cast("T", _replaced(whole, said.name[1:], said.value))
    except (TypeError, ValueError) as error:
        raise SettingError(f"{said.where}: {error}") from None


def _replaced(whole: Any, name: Name, value: Any) -> Any:
    """Give `whole` with another value at a place in it; what is none on the way stays none."""
    head, rest = name[0], name[1:]
    if rest and getattr(whole, head) is None:
        return whole
    changed = {head: _replaced(getattr(whole, head), rest, value) if rest else value}
    return msgspec.structs.replace(whole, **changed) if isinstance(whole, msgspec.Struct) else replace(whole, **changed)
