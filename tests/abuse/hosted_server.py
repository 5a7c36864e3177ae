"""An ASGI application for bad input, on our own server, in a process of its own.

Prints `{"port": …, "pid": …}`, logs to standard error, and ends when its standard input closes.
"""

import asyncio
import json
import logging
import os
import sys
from typing import Any

from everywire import serve
from everywire.http.head import HeadLimits
from everywire.servers.host.http import EXTENSIONS, HttpApp
from everywire.servers.host.scope import Facts, scope


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer by the path: at once, never having received, or having received everything."""
    size = 0
    if scope["path"] == "/deaf":
        await asyncio.get_running_loop().create_future()
    elif scope["path"] == "/body":
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            size += len(event["body"])
            more = event["more_body"]
    elif scope["path"].startswith("/mark/"):
        logging.info(scope["path"])
    elif scope["path"] == "/later":
        await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % size})


async def main(engine: str) -> None:
    """Serve until standard input ends."""
    http, facts = HttpApp(application), Facts(extensions=EXTENSIONS)
    limits = HeadLimits(body=1 << 60, next_line=False)
    async with serve(
        on_message=print,
        host="127.0.0.1",
        process_request=lambda request: http.answer(request, scope(request, "http", facts)),
        streamed_bodies=True,
        head_limits=limits,
        engine=engine,
        open_timeout=0.4,
        idle_timeout=1,
        close_timeout=0.4,
    ) as server:
        print(json.dumps({"port": server.port, "pid": os.getpid()}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(sys.argv[1]))
