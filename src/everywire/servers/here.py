"""The worker of `everywire run --workers` that this process is, for whatever starts in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from everywire.servers.workers.worker import Worker

__all__ = ["settle", "worker"]

_settled: tuple[int, Worker] | None = None  # by the process: one that was forked off is no worker


def worker() -> Worker | None:
    """Give the worker that this process is; None where it is none, and in a child of one."""
    if _settled is None or _settled[0] != os.getpid():
        return None
    return _settled[1]


def settle(found: Worker | None) -> None:
    """Say which worker this process is from now on."""
    global _settled
    _settled = None if found is None else (os.getpid(), found)
