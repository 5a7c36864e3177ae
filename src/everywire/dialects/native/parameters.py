"""What requests say beside their bodies: the query's parameters, the token."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from everywire.http.request import Request
from everywire.messages import Position

__all__ = ["Fault", "flag", "needed", "number", "one", "place", "position", "token", "written"]

_NUMBER = re.compile(r"[0-9]{1,15}\Z")
_FLAGS = {"": True, "1": True, "true": True, "0": False, "false": False}


class Fault(ValueError):
    """What a request asks for makes no sense."""


def one(request: Request, name: str) -> str | None:
    """Give the parameter `name`, None where it is left out; raises `Fault` where it is there twice."""
    values = request.params.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise Fault(f"{name} is said twice")
    return values[0]


def number(request: Request, name: str) -> int | None:
    """Give a parameter as a count; raises `Fault`."""
    value = one(request, name)
    if value is None:
        return None
    if not _NUMBER.match(value):
        raise Fault(f"{name} is a whole number, 0 or more, of at most 15 digits")
    return int(value)


def flag(request: Request, name: str) -> bool:
    """Give a parameter as yes (1, true, or nothing behind its name) or no (0, false, or left out); raises `Fault`."""
    value = one(request, name)
    if value is None:
        return False
    if value not in _FLAGS:
        raise Fault(f"{name} is 1 or 0")
    return _FLAGS[value]


def needed(request: Request, name: str) -> str:
    """Give a parameter that must be there, and be more than nothing; raises `Fault`."""
    value = one(request, name)
    if not value:
        raise Fault(f"{name} is missing")
    return value


def position(request: Request, name: str) -> Position | None:
    """Give a parameter as a position, written as `epoch:offset`; raises `Fault`."""
    value = one(request, name)
    if value is None:
        return None
    found = place(value)
    if found is None:
        raise Fault(f"{name} is a position, epoch:offset")
    return found


def place(text: str) -> Position | None:
    """Read a position; None where `text` is none."""
    epoch, found, offset = text.rpartition(":")
    return Position(unquote(epoch), int(offset)) if found and epoch and _NUMBER.match(offset) else None


def written(position: Position) -> str:
    """Write a position."""
    return f"{quote(position.epoch, safe='')}:{position.offset}"


def token(request: Request) -> str | None:
    """Give the token that a request shows: in its `Authorization`, or as a parameter where a header is impossible (RFC 6750 2)."""
    scheme, _, value = (request.headers.get("authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return one(request, "token")
