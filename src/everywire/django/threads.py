"""Threads in which Django's database is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

from everywire.hub.world import LoopWorld

__all__ = ["SiteWorld", "closing"]

P = ParamSpec("P")
T = TypeVar("T")


def closing(work: Callable[P, T]) -> Callable[P, T]:
    """Have `work` done between two looks at its thread's connections: those that are too old, or broken, are closed, as around each request."""

    @wraps(work)
    def done(*arguments: P.args, **named: P.kwargs) -> T:
        close_old_connections()
        try:
            return work(*arguments, **named)
        finally:
            close_old_connections()

    return done


class SiteWorld(LoopWorld):
    """The world of one loop, whose threads handle connections to the database as Django's own do."""

    def aside(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run `work` in one of the loop's threads, and close there what is not to be kept."""
        return super().aside(closing(work))
