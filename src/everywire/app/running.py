"""Which applications run in this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from everywire.app.everywire import Everywire

__all__ = ["begun", "ended", "latest"]

_running: Final[
    list[tuple[int, Everywire]]
] = []  # the process that each began in: a fork's child has its parent's objects, not its threads


def begun(app: Everywire) -> None:
    """Take note of one that has begun."""
    ended(app)
    _running.append((os.getpid(), app))


def ended(app: Everywire) -> None:
    """Take note of one that is over."""
    _running[:] = [(pid, each) for pid, each in _running if each is not app]


def latest() -> Everywire | None:
    """Give the one that has begun last, of those that run in this process; None where there is none. Any thread may ask."""
    pid = os.getpid()
    return next((app for began, app in reversed(_running) if began == pid), None)
