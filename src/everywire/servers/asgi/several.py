"""Whether the server that runs an application here has evidently started it in several processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Final

__all__ = ["among_several"]

# By the module that starts what runs in a process: whether there are others, by what a function of it knows. These are no interfaces: where they change,
# nothing is evident any more.
_KNOWN: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "uvicorn._subprocess": lambda known: known["config"].workers > 1 and not known["config"].should_reload,
    "hypercorn.asyncio.run": lambda known: known["config"].workers > 1,
    "gunicorn.arbiter": lambda known: known["self"].num_workers > 1,
    "granian.server.mp": lambda known: known["worker_id"] > 1,  # it knows no more: the first may be the only one
}


def among_several(frame: FrameType | None = None) -> bool:
    """Say whether this process is one of several that uvicorn, Hypercorn, gunicorn or Granian runs, as far as that can be seen from `frame` (here) outwards."""
    frame = frame or sys._getframe()
    while frame is not None:
        known = _KNOWN.get(frame.f_globals.get("__name__", ""))
        if known is not None and _evident(known, frame.f_locals):
            return True
        frame = frame.f_back
    return False


def _evident(known: Callable[[Mapping[str, Any]], bool], said: Mapping[str, Any]) -> bool:
    try:
        return known(said)
    except (KeyError, AttributeError, TypeError):
        return False
