"""An application for bad input, in a process of its own: small limits, open, closed and keyed channels, a call that waits.

Prints `{"port": …, "pid": …}`, logs to standard error, and ends when its standard input closes. A request for `/mark/…` leaves a line in the log.
"""

import asyncio
import json
import logging
import os
import sys
from typing import Any

from everywire.app import Everywire
from everywire.http.request import Request, Response
from everywire.hub.access.rates import Rate
from everywire.hub.settings import Settings
from everywire.servers.jwt import JWT

KEY = "a key of at least thirty-two bytes!"
PROXY = "127.0.0.1"  # so that tests can say where they are


def application() -> Everywire:
    """Channels, calls and tokens to be abused."""
    made = Everywire(
        settings=Settings(max_channels=8, max_waiting=16, guesses=Rate(0.01, 5), trusted_proxies=(PROXY,)),
        secret="a secret of some length",
    )
    made.channel("room:{name}", history=50, wildcards=True, presence=True)
    made.channel("closed:{name}", history=5, may_subscribe=False, may_publish=False, may_history=False)
    made.channel("plain:{name}")
    made.channel("map:{name}", history=5, keyed=True, entries=2)
    made.socketio(namespaces=("/", "/chat"), max_payload=1 << 16)
    made.auth = JWT(key=KEY, anonymous=True, leeway=0)

    @made.on("wait")
    async def wait(data: Any) -> None:
        await asyncio.get_running_loop().create_future()

    @made.on("number")
    def number(data: int) -> int:
        return data

    return made


class Marks:
    """Answers requests below /mark, and logs them."""

    def __init__(self, app: Everywire) -> None:
        self.app = app
        self.answer = app.answer

    def __call__(self, request: Request) -> Any:
        if request.target.startswith("/mark/"):
            logging.getLogger("marks").info("%s", request.target)
            return Response(204)
        return self.answer(request)


async def main() -> None:
    """Serve until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    app = application()
    app.answer = Marks(app)  # type: ignore[method-assign]
    async with app.serving("127.0.0.1", 0, engine=sys.argv[1], max_size=1 << 18) as server:
        print(json.dumps({"port": server.port, "pid": os.getpid()}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
