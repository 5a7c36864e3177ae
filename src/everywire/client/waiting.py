"""Waiting for something no longer than is worth it, and saying for what it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["within"]


@asynccontextmanager
async def within(seconds: float | None, missed: str) -> AsyncIterator[asyncio.Timeout]:
    """Give the body `seconds`, all the time there is if None; after that TimeoutError says what was `missed`, and for how long it was waited for.

    A TimeoutError of the body's own passes as it is.
    """
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield limit
    except TimeoutError:
        if limit.expired():
            raise TimeoutError(f"{missed} within {seconds:g} s") from None
        raise
