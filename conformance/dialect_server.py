"""An application that is met in one dialect alone, in a process of its own: what the servers under test have in common.

Prints one JSON line, `{"port": …, "pid": …}`, when it listens; logs to standard error; ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from everywire import Everywire, serve
from everywire.dialects.base import Dialect, Move, Open
from everywire.gateway import Gateway
from everywire.http.request import Request, Response
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat


def arguments(about: str | None) -> argparse.Namespace:
    """The command line: `engine`, and `settings` as `rounds.py` has them."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("native", "portable"), default="portable")
    parser.add_argument("--settings", type=json.loads, required=True, help="ping_interval, ping_timeout, max_payload")
    return parser.parse_args()


def times(settings: dict[str, Any]) -> Settings:
    """The hub's settings, with the heartbeat that the suite expects."""
    return Settings(heartbeat=Heartbeat(every=settings["ping_interval"], patience=settings["ping_timeout"]))


async def meet(app: Everywire, dialect: Dialect, engine: str) -> None:
    """Serve what `app` declares in `dialect`, on a free port, until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    app.start()
    gateway = Gateway(app.hub, [dialect])

    def answer(request: Request) -> Response | Awaitable[Response] | None:
        decided = gateway.accept(request)
        if decided is None:
            return Response(404, "nothing here\n")
        return None if isinstance(decided, Open | Move) else decided

    callbacks: dict[str, Callable[..., Any]] = {
        "on_open": gateway.opened,
        "on_message": gateway.received,
        "on_close": gateway.closed,
        "process_request": answer,
    }
    async with serve(None, "127.0.0.1", 0, engine=engine, **callbacks) as server:
        print(json.dumps({"port": server.port, "pid": os.getpid()}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        gateway.close()
    gateway.stop()
    await app.stop()
