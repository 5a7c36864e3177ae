"""The client under test: runs the fuzzing server's cases one after another, echoing every message.

python conformance/autobahn/client_loop.py ws://127.0.0.1:9001 everywire --library everywire
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
from typing import Any


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("agent")
    parser.add_argument("--library", choices=("everywire", "websockets"), default="everywire")
    parser.add_argument("--engine", choices=("native", "portable"), default="portable")
    parser.add_argument("--options", type=json.loads, default={}, help="more arguments of connect(), as JSON")
    return parser.parse_args()


def connector(options: argparse.Namespace) -> Any:
    """A function that gives the context manager of one connection to a path of the fuzzing server."""
    more = dict(options.options)
    if options.url.startswith("wss:"):
        more["ssl"] = ssl._create_unverified_context()  # the fuzzing server's certificate is made for the run
    if options.library == "websockets":
        from websockets.asyncio.client import connect

        more.pop("max_fragments", None)
    else:
        from everywire import connect

        more["engine"] = options.engine
    return lambda path: connect(options.url + path, **more)


async def run_case(opened: Any) -> None:
    """Echo until the server closes; how it ends is for the server to judge."""
    try:
        async with opened as ws:
            async for message in ws:
                await ws.send(message)
    except Exception as error:  # every case that breaks the protocol ends in one
        if type(error).__name__ not in {"ConnectionClosedError", "ConnectionClosedOK"}:
            print("unexpected", repr(error), flush=True)


async def main() -> None:
    """Ask for the number of cases, run them, ask for the report."""
    options = arguments()
    connect = connector(options)
    async with connect("/getCaseCount") as ws:
        count = int(await ws.recv())
    for case in range(1, count + 1):
        print(f"case {case} of {count}", flush=True)
        await run_case(connect(f"/runCase?case={case}&agent={options.agent}"))
    async with connect(f"/updateReports?agent={options.agent}") as ws:
        async for _ in ws:
            pass


if __name__ == "__main__":
    asyncio.run(main())
