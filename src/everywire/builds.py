"""The choice between the compiled and the plain build of the same modules.

Each `.py` with a `.pxd` beside it is compiled where a compiler is found; the source stays beside the extension module. With EVERYWIRE_PURE=1 the
source is imported although the extension is there, so that both builds can be tested, compared and repaired on one machine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader

__all__ = ["VERSION", "COMPILED", "prefer_source", "pure_wanted"]

VERSION = "0.1.0"

# Below this package; said here because a wheel does not carry the .pxd and .pyx files that make it so.
COMPILED = (
    "dialects.socketio.reading",
    "dialects.sockjs.frames",
    "dialects.text.reading",
    "dialects.text.writing",
    "engine.borrowed",
    "engine.drive",
    "engine.inbox",
    "engine.native",
    "engine.opening",
    "engine.tls",
    "engine.websocket",
    "gateway.line",
    "http.head",
    "http.incoming",
    "http.raw",
    "http.request",
    "hub.attachment",
    "hub.bundle",
    "hub.calling.arriving",
    "hub.calling.handlers",
    "hub.calling.shapes",
    "payloads",
    "servers.host.conversation",
    "servers.host.exchange",
    "servers.host.heads",
    "servers.host.http",
    "servers.host.scope",
    "ws.connection",
    "ws.frames",
    "ws.handshake",
    "ws.link",
)


class _SourceOnly:
    """A meta path finder that sees only the `.py` files of this package."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Find `name` as plain Python; None (somebody else's turn) outside this package."""
        if path is None or not name.startswith("everywire."):
            return None
        for folder in path:
            spec = FileFinder(folder, (SourceFileLoader, [".py"])).find_spec(name)
            if spec is not None and spec.loader is not None:
                return spec
        return None


def pure_wanted() -> bool:
    """Say whether the environment asks for the plain build."""
    return os.environ.get("EVERYWIRE_PURE", "") not in ("", "0")


def prefer_source() -> None:
    """From now on import this package's modules from source, where EVERYWIRE_PURE asks for it."""
    if pure_wanted() and not any(isinstance(finder, _SourceOnly) for finder in sys.meta_path):
        sys.meta_path.insert(0, _SourceOnly())
