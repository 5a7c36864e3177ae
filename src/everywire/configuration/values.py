"""What is said of one setting, a text or a value of TOML, as a value of its type."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args, get_origin

import msgspec

from everywire.configuration.names import Leaf
from everywire.errors import SettingError

__all__ = ["converted"]

_NONE = ("none", "null")
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


def _wanted(leaf: Leaf) -> str:
    if leaf.only_none:
        return "a table of settings, or none," if leaf.optional else "a table of settings"
    if get_origin(leaf.type) is Literal:
        wanted = " or ".join(map(str, get_args(leaf.type)))
    else:
        wanted = _WANTED.get(leaf.type, "a list of texts")
    return f"{wanted}, or none," if leaf.optional else wanted
