"""An application in a process of its own: what the servers under test have in common.

Prints one JSON line, `{"port": …, "pid": …}`, when it listens; logs to standard error; ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from typing import Any

from everywire import Everywire
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat


def arguments(about: str | None) -> argparse.Namespace:
    """The command line: `engine`, and `settings` as `rounds.py` has them."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("native", "portable"), default="portable")
    parser.add_argument("--settings", type=json.loads, required=True, help="ping_interval, ping_timeout, max_payload")
    return parser.parse_args()


def beating(settings: dict[str, Any]) -> Everywire:
    """An application with the heartbeat that the suite expects."""
    return Everywire(
        settings=Settings(heartbeat=Heartbeat(every=settings["ping_interval"], patience=settings["ping_timeout"]))
    )


async def meet(app: Everywire, engine: str) -> None:
    """Serve `app` on a free port until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    async with app.serving("127.0.0.1", 0, engine=engine) as server:
        print(json.dumps({"port": server.port, "pid": os.getpid()}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
