"""Sockets: the native reactor, and its portable twin on asyncio; the choice between the two."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from importlib import import_module
from typing import Any

from everywire.builds import pure_wanted

__all__ = ["available", "current", "native_error"]

log = logging.getLogger("everywire")

_native: Any = None
native_error: str | None = "EVERYWIRE_PURE asks for the plain build"
if not pure_wanted():
    try:
        _native = import_module("everywire.engine.native")
    except (ImportError, ValueError) as error:  # the latter where its modules do not fit together
        native_error = str(error)
    else:
        native_error = None

_engines: dict[Any, Any] = {}
_guard = threading.Lock()  # loops of several threads may ask at once
_told = False


def available() -> tuple[str, ...]:
    """Name the engines that can run here, the best first."""
    return ("portable",) if _native is None else ("native", "portable")


def current(kind: str | None = None) -> Any:
    """Give the engine of the running loop, made on first use: `kind` "native" or "portable", by default EVERYWIRE_ENGINE or the best there is."""
    loop = asyncio.get_running_loop()
    kind = kind or os.environ.get("EVERYWIRE_ENGINE") or available()[0]
    if kind not in available():
        raise RuntimeError(
            f"the {kind} engine is not available here; there is: {', '.join(available())}. `everywire doctor` says why"
        )
    with _guard:
        found = _engines.get((kind, loop))
        if found is None:
            for key in [key for key in _engines if key[1].is_closed()]:
                del _engines[key]
            found = _engines[kind, loop] = _make(kind, loop)
    return found


def _make(kind: str, loop: asyncio.AbstractEventLoop) -> Any:
    if kind == "native":
        return _native.Engine(loop)
    from everywire.engine.portable import Engine

    _tell_once()
    return Engine(loop)


def _tell_once() -> None:
    global _told
    if not _told and _native is None:
        _told = True
        why = (
            "EVERYWIRE_PURE asks for it"
            if pure_wanted()
            else "no native one was built (`everywire doctor` says how to get it)"
        )
        log.warning("running the portable engine: %s", why)
