"""Calling what belongs to the application."""

from __future__ import annotations

import logging
from collections.abc import Callable

__all__ = ["shielded"]

log = logging.getLogger("everywire.client")


def shielded(name: str, callback: Callable[..., object] | None, *values: object) -> None:
    """Call an application's callback, if there is one; its errors are logged and harm nobody else."""
    if callback is not None:
        try:
            callback(*values)
        except Exception:
            log.exception("error in %s", name)
