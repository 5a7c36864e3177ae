"""What is said of one setting, a text or a value of TOML, as a value of its type."""

from __future__ import annotations

import math
import re
from typing import Any, Literal, get_args, get_origin

import msgspec

from everywire.configuration.names import Leaf, Name
from everywire.errors import SettingError

__all__ = ["checked", "converted"]

_NONE = ("none", "null")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@A-Z]+")  # RFC 6454, 6.2: no path, not even a slash
_WANTED = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def converted(leaf: Leaf, said: Any, where: str) -> Any:
    """Read what is `said` of a setting; numbers and truths may be texts, several texts have commas between them, "none" is None.

    Raises `SettingError`, which begins with `where`.
    """
    if isinstance(said, str) and said.strip().lower() in _NONE and leaf.optional:
        return None
    if leaf.only_none or isinstance(said, dict):
        raise SettingError(f"{where} is {said!r}: {_wanted(leaf)} is needed")
    if isinstance(said, str) and get_origin(leaf.type) is tuple:
        return tuple(part for each in said.replace("\n", ",").split(",") if (part := each.strip()))
    try:
        value = msgspec.convert(said.strip() if isinstance(said, str) else said, leaf.type, strict=False)
    except msgspec.ValidationError:
        raise SettingError(f"{where} is {said!r}: {_wanted(leaf)} is needed") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingError(f"{where} is {said!r}: a finite number is needed")
    return value


def checked(name: Name, value: Any, where: str) -> Any:
    """Give `value` of a setting if it can be one; raises `SettingError`, which begins with `where`, for an origin that no browser says."""
    if name[-1] == "origins":
        for origin in value or ():
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise SettingError(f"{where}: {origin!r} is no origin; write it as browsers do: {_likely(origin)}")
    return value


def _likely(origin: str) -> str:
    """Give the origin that somebody may have meant: a scheme in front, no path behind, all in small letters."""
    scheme, separator, rest = origin.rpartition("://")
    host = rest.partition("/")[0].lower()
    return f"{scheme.lower() if separator else 'https'}://{host or 'app.example'}"


def _wanted(leaf: Leaf) -> str:
    if leaf.only_none:
        return "a table of settings, or none," if leaf.optional else "a table of settings"
    if get_origin(leaf.type) is Literal:
        wanted = " or ".join(map(str, get_args(leaf.type)))
    else:
        wanted = _WANTED.get(leaf.type, "a list of texts")
    return f"{wanted}, or none," if leaf.optional else wanted
