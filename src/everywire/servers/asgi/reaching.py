"""How an application on another's server is reached by the other processes that run it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from everywire.gateway import Gateway
from everywire.servers.websocket import serve
from everywire.servers.workers.reach import Reach

__all__ = ["reachable"]


@asynccontextmanager
async def reachable(folder: Path | None, gateway: Gateway, **how: Any) -> AsyncIterator[None]:
    """Have requests for the gateway's lines come from the other processes of `folder`, and go to them, while the context lasts; None: nobody is there.

    They come by a server of our own that nobody else can reach, since the other's knows no more of them than their path below it. `how` is
    what `serve` is told of the application.
    """
    if folder is None:
        yield
        return
    async with serve(sock=(), **how) as server:
        reach = await Reach.open(folder, server, gateway)
        try:
            yield
        finally:
            reach.close()
