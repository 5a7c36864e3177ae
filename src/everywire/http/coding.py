"""Compression of bodies: which coding a client accepts (RFC 9110 12.5.3), and a body in it."""

from __future__ import annotations

import zlib
from typing import Final

from everywire.http.request import Request

__all__ = ["accepted", "coded"]

_WINDOWS: Final = {"gzip": 31, "deflate": 15}  # zlib's: the larger is the same with gzip's head; the first is preferred
_LEVEL = 1  # as for WebSockets: what waits for it waits on the event loop


def accepted(request: Request) -> str | None:
    """Give the coding in which the client likes a body best, of those that we know; None for none."""
    weights: dict[str, float] = {}
    for each in request.headers.tokens("accept-encoding"):
        name, _, parameter = each.partition(";")
        weights[name.strip()] = _weight(parameter)
    of_others = weights.get("*", 0.0)
    best = max(_WINDOWS, key=lambda name: weights.get(name, of_others))
    return best if weights.get(best, of_others) > 0.0 else None


def _weight(parameter: str) -> float:
    """Read "q=0.5"; nothing is 1, and nonsense 0."""
    name, _, value = parameter.partition("=")
    if not parameter.strip():
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0


def coded(body: bytes, coding: str) -> bytes:
    """Give `body` in a coding that `accepted` has given."""
    stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOWS[coding])
    return stream.compress(body) + stream.flush()
