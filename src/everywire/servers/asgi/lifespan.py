"""The life of an application as its server tells of it (asgiref, specs/lifespan.rst 2.0)."""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager
from typing import Any

from everywire.errors import EverywireError
from everywire.servers.asgi.request import Receive, Send

__all__ = ["lifespan"]

_log = logging.getLogger("everywire.server")


async def lifespan(running: AbstractAsyncContextManager[Any], receive: Receive, send: Send) -> None:
    """Be in the context `running` from the server's start to its end; what goes wrong at either is told to the server, and logged."""
    await receive()
    try:
        await running.__aenter__()
    except Exception as error:
        plain = isinstance(error, OSError | EverywireError)  # it says what is wrong, and where
        _log.error("the application cannot start: %s", error, exc_info=None if plain else error)
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    try:
        await running.__aexit__(None, None, None)
    except Exception as error:
        _log.error("the application did not end well", exc_info=error)
        await send({"type": "lifespan.shutdown.failed", "message": str(error)})
        return
    await send({"type": "lifespan.shutdown.complete"})
