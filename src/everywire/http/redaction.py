"""Addresses as logs may have them: without what opens something."""

from __future__ import annotations

import re

__all__ = ["shown"]

_LINE = re.compile(r"(/lines/)[^/?#]+")
_USER = re.compile(r"(://)[^/?#@]*@")
_HIDDEN = "..."


def shown(address: str) -> str:
    """Give `address`, a request's target or a whole URI, for a log: in ASCII, and without values of its query, a line's id, a password.

    Every value is left out: which parameter holds a token is for the application to say, and no log is worth the risk of a wrong guess.
    """
    path, mark, query = address.partition("?")
    path = _USER.sub(rf"\1{_HIDDEN}@", _LINE.sub(rf"\1{_HIDDEN}", path.partition("#")[0]))
    if mark:
        path += "?" + "&".join(_name(part) for part in query.partition("#")[0].split("&"))
    return ascii(path)[1:-1]


def _name(part: str) -> str:
    name, mark, _ = part.partition("=")
    return f"{name}={_HIDDEN}" if mark else _HIDDEN
