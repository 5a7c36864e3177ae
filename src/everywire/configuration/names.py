"""Which settings there are: the fields of what arguments are given as, by the same names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from everywire.gateway.settings import HttpSettings
from everywire.http.head import HeadLimits
from everywire.hub.access.rates import Rate
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.servers.options import Options
from everywire.transports.http import LineLimits
from everywire.ws.deflate import Deflate

__all__ = [
    "APPLICATION",
    "COMMANDS",
    "FILE",
    "GENERAL",
    "LEAVES",
    "SECTIONS",
    "Leaf",
    "Name",
    "PREFIX",
    "dotted",
    "hint",
    "leaves",
    "usual",
    "variable",
]

Name = tuple[str, ...]
"""A setting's place: ("hub", "heartbeat", "every") is hub.heartbeat.every and EVERYWIRE_HUB__HEARTBEAT__EVERY."""

FILE: Final = "_file"  # behind a setting's name: the path of a file that has its value
PREFIX: Final = "EVERYWIRE_"
COMMANDS: Final = (
    "bench",
    "config",
    "connect",
    "contracts",
    "demo",
    "doctor",
    "echo",
    "publish",
    "reload",
    "run",
    "top",
)
SECTIONS: Final[Mapping[str, type]] = {"hub": Settings, "http": HttpSettings, "server": Options}
APPLICATION: Final = {
    "slow_code": 4413,  # as docs/protocol.md says
    "bare_code": 1000,  # a page that closes without a code is told that all went well, as by other servers of its dialect
}
_PROGRAM = ("streamed_bodies",)  # what only makes sense together with what the program does
_INSIDE = (Rate, Heartbeat, LineLimits, HeadLimits, Deflate)  # what has settings of its own
_TEXTS = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting: the type that its value has, and whether it may be none."""

    type: Any
    optional: bool = False

    @property
    def only_none(self) -> bool:
        """Whether nothing but none can be said of it: otherwise its own settings are."""
        return self.type in _INSIDE


def leaves(made: type, prefix: Name = ()) -> dict[Name, Leaf]:
    """Give what can be said from outside of the fields of `made`, and of what is inside of these; functions and patterns cannot."""
    found: dict[Name, Leaf] = {}
    for name, hint_ in get_type_hints(made).items():
        if name.startswith("_") or name in _PROGRAM:
            continue
        leaf, place = _leaf(hint_), (*prefix, name)
        if leaf is None:
            continue
        if leaf.only_none:
            found |= leaves(leaf.type, place)
        if leaf.optional or not leaf.only_none:
            found[place] = leaf
    return found


def _leaf(said: Any) -> Leaf | None:
    options = get_args(said) if get_origin(said) in (Union, UnionType) else (said,)
    kinds = [each for each in options if each is not NoneType]
    optional = len(kinds) < len(options)
    for kind in kinds:
        if kind in (int, float, bool, str, *_INSIDE) or get_origin(kind) is Literal:
            return Leaf(kind, optional)
        if get_origin(kind) in (tuple, Sequence) and _holds_texts(get_args(kind)[0]):
            return Leaf(_TEXTS, optional)
    return None


def _holds_texts(kind: Any) -> bool:
    return kind is str or str in get_args(kind)


GENERAL: Final[dict[Name, Leaf]] = {
    ("secret",): Leaf(_TEXTS),
    ("log",): Leaf(str),
    ("engine",): Leaf(Literal["native", "portable"]),
    ("broker",): Leaf(str),
    ("path",): Leaf(str),
}
LEAVES: Final[dict[Name, Leaf]] = GENERAL | {
    name: leaf for section, made in SECTIONS.items() for name, leaf in leaves(made, (section,)).items()
}


def dotted(name: Iterable[str]) -> str:
    """Write a setting's name as a TOML file has it."""
    return ".".join(name)


def variable(name: Iterable[str]) -> str:
    """Write a setting's name as the environment has it."""
    return PREFIX + "__".join(name).upper()


def hint(name: Name, known: Iterable[Name] | None = None) -> Name | None:
    """Give the known name that is nearest to one that there is not; None where none is near."""
    shown = {dotted(each): each for each in (LEAVES if known is None else known)}
    close = get_close_matches(dotted(name), shown, n=1, cutoff=0.75)
    return shown[close[0]] if close else None


def usual(section: str) -> Any:
    """Give what a section is, for an application, where nothing is said of it."""
    return SECTIONS[section](**(APPLICATION if section == "server" else {}))
