"""Variables that are nobody's setting, and nearly one: an underscore where two are needed, or a section left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Final

from everywire.configuration.names import COMMANDS, FILE, LEAVES, SECTIONS, Name, variable

__all__ = ["meant", "nearly", "orchestrated"]

_CLOSE: Final = {
    True: 0.85,
    False: 0.88,
}  # of a name that begins with a section, which nobody else's does by chance, and of one that does not
_ORCHESTRATED = re.compile(
    r"(.*_)?(service_host|service_port(_.*)?|port(_\d+_(tcp|udp|sctp)(_(proto|port|addr))?)?)", re.DOTALL
)


def orchestrated(name: str) -> bool:
    """Whether an orchestrator gives a variable of that name for a service that is called everywire, or begins so."""
    return _ORCHESTRATED.fullmatch(name) is not None


def meant(name: str) -> list[str]:
    """Give the variables that EVERYWIRE_NAME is, or nearly is, with an underscore doubled or a section put in front: none where it is somebody else's.

    What begins as a command does is its option.
    """
    first, base = name.partition("_")[0], name.removesuffix(FILE)
    if first in COMMANDS or name in SECTIONS or orchestrated(name):
        return []
    return [variable(each) + (FILE.upper() if base != name else "") for each in nearly(base)]


def nearly(name: str) -> list[Name]:
    """Give the settings that a name with single underscores is, or nearly is: with its section, also another's, or without."""
    section, _, rest = name.partition("_")
    if section not in SECTIONS:
        return _near(name, _bare, _CLOSE[False])
    return _near(name, _flat, _CLOSE[True]) or [leaf for leaf in _sectioned() if _bare(leaf) == rest]


def _near(name: str, written: Callable[[Name], str], close: float) -> list[Name]:
    known: dict[str, list[Name]] = {}
    for leaf in _sectioned():
        known.setdefault(written(leaf), []).append(leaf)
    found = get_close_matches(name, known, n=1, cutoff=close)
    return known[found[0]] if found else []


def _sectioned() -> Iterable[Name]:
    return (leaf for leaf in LEAVES if leaf[0] in SECTIONS)


def _flat(name: Name) -> str:
    return "_".join(name)


def _bare(name: Name) -> str:
    return "_".join(name[1:])
