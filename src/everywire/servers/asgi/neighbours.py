"""Where the processes of one foreign server find each other, as those of uvicorn --workers do: what comes to one and is another's is passed on."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import Final

from everywire.gateway import Gateway
from everywire.servers import here
from everywire.servers.machine import private_folder

__all__ = ["neighbourhood"]

_OLD: Final = 60.0  # seconds after which a socket that nobody listens to was left by a process that was killed


def neighbourhood(gateway: Gateway) -> Path | None:
    """Give the folder in which a node is reached by those that share its broker, so that no balancer has to be sticky; None where it is by itself.

    Workers of our own have one; the processes of this user on this machine have another, which nobody else may enter.
    """
    worker = here.worker()
    if worker is not None:
        return worker.folder
    if gateway.hub.broker.alone:
        return None
    folder = private_folder() / "nodes"
    folder.mkdir(mode=0o700, exist_ok=True)
    _tidy(folder)
    return folder


def _tidy(folder: Path) -> None:
    """Remove what processes left that were killed."""
    for path in folder.glob("*.node"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, contextlib.suppress(FileNotFoundError):
            probe.setblocking(False)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                if time.time() - path.stat().st_mtime > _OLD:
                    path.unlink()
                    path.with_suffix(".land").unlink(missing_ok=True)
            except BlockingIOError:
                pass  # it is there, and busy
