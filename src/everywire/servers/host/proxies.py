"""What trusted proxies say of the requests that they pass on: whose they are, and by which scheme they came."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, get_args

from everywire.http.forwarded import Networks, believes, first_untrusted, hop
from everywire.http.request import Request

__all__ = ["Said", "behind"]

Said: TypeAlias = Literal["x-forwarded", "forwarded"]
"""By which headers proxies say it: X-Forwarded-For and X-Forwarded-Proto, or Forwarded (RFC 7239)."""

_SECURE: Final = {"http": False, "ws": False, "https": True, "wss": True}
_SCHEMES: Final = {"http": ("http", "https"), "websocket": ("ws", "wss")}
_MEMBER: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PAIR: Final = re.compile(r'\s*([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;"]*)\s*')


def behind(trusted: Networks, said: Said = "x-forwarded") -> Callable[[Request, dict[str, Any]], None]:
    """Give what writes client and scheme into the scope of a request that came from one of the `trusted`; from anybody else nothing is believed.

    One kind of headers alone is read, for a proxy that writes the one lets a client say what it likes by the other.
    """
    if said not in get_args(Said):
        raise ValueError(f"proxies speak by 'x-forwarded' or 'forwarded' headers, not {said!r}")
    read = _forwarded if said == "forwarded" else _x_forwarded

    def write(request: Request, scope: dict[str, Any]) -> None:
        if not believes(trusted, request.remote):
            return
        hops, schemes = read(request)
        index = first_untrusted(hops, trusted)
        if index is not None:
            scope["client"] = hop(hops[index])
        if not schemes:
            return
        # One scheme is that of the outermost proxy; as many as there are hops belong to them.
        scheme = schemes[index] if index is not None and len(schemes) == len(hops) else schemes[-1]
        if (secure := _SECURE.get(scheme.strip().lower())) is not None:
            scope["scheme"] = _SCHEMES[scope["type"]][secure]

    return write


def _x_forwarded(request: Request) -> tuple[list[str], list[str]]:
    return _members(request, "x-forwarded-for"), _members(request, "x-forwarded-proto")


def _members(request: Request, name: str) -> list[str]:
    return [member for value in request.headers.get_all(name) for member in value.split(",")]


def _forwarded(request: Request) -> tuple[list[str], list[str]]:
    """Read the elements of Forwarded, each of one proxy: whom it heard, and how (RFC 7239 4)."""
    elements = [each for value in request.headers.get_all("forwarded") for each in _MEMBER.findall(value)]
    pairs = [_pairs(element) for element in elements]
    schemes = [each.get("proto", "") for each in pairs]
    return [each.get("for", "") for each in pairs], schemes if any(schemes) else []


def _pairs(element: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _PAIR.findall(element):
        text = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value.strip()
        found.setdefault(name.lower(), text)
    return found
