"""Compares the hub's transports: `python bench/transports.py [--clients 200] [--rate 5] [--runs 3]`.

The same publications to the same number of clients, by WebSocket, by a stream of lines, by server-sent events, by long and by
short polls; a fresh server each time. Prints a table, records it in bench/results/transports/ and draws docs/assets/transports.svg.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from harness import machine, transports
from harness.places import RESULTS
from harness.process import Pinning, Running
from harness.scenarios import BY_NAME
from harness.servers import BY_NAME as SERVERS
from harness.ways import WAYS, Listeners

SIZE = 32  # bytes of text in each message


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/transports.py", description="Compares the hub's transports.")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rate", type=float, default=5.0, help="messages a second")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the server")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--priority", choices=["nice", "normal"], default="nice")
    parser.add_argument(
        "--output", type=Path, help="where the JSON goes (bench/results/transports/<date>-<machine>.json)"
    )
    parser.add_argument("--no-record", action="store_true", help="print only")
    return parser.parse_args(argv)


async def _measured(server: Running, way: str, given: argparse.Namespace) -> dict[str, float]:
    """One run: figures per delivery and per client."""
    listeners = Listeners(way)
    server.settle()
    before = server.resident()
    await listeners.open(server.port, given.clients)
    await listeners.publish(given.rate, 0.5, SIZE)
    server.settle()
    grown = server.resident() - before
    listeners.tally.clear()
    cpu = server.cpu()
    count = await listeners.publish(given.rate, given.seconds, SIZE)
    spent, tally = server.cpu() - cpu, listeners.tally
    found, wanted = len(tally.latencies), count * given.clients
    figures = transports.figures(tally, spent / max(1, found), grown / given.clients)
    await listeners.close()
    if found != wanted:
        raise RuntimeError(f"{way}: {found} deliveries of {wanted}")
    return figures


def _runs(given: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    pinning = Pinning(given.server_core, given.load_core, given.priority)
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(given.runs):
        for way in WAYS:
            with Running(SERVERS["hub"], BY_NAME["hub"], pinning, given.python) as server:
                found[way].append(asyncio.run(_measured(server, way, given)))
            print(f"{way:12}", "  ".join(f"{name} {value:.2f}" for name, value in found[way][-1].items()), flush=True)
    return found


def main(argv: list[str] | None = None) -> int:
    """Everything, by the command line."""
    given = _arguments(argv)
    os.sched_setaffinity(0, {given.load_core})
    runs = _runs(given)
    medians = {
        way: {name: statistics.median(run[name] for run in found) for name in found[0]} for way, found in runs.items()
    }
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    settings = {
        "clients": given.clients,
        "rate": given.rate,
        "seconds": given.seconds,
        "runs": given.runs,
        "size": SIZE,
    }
    document: dict[str, Any] = {
        "date": date,
        "settings": settings,
        "machine": machine.facts(),
        "transports": medians,
        "runs": runs,
    }
    print(f"\n{transports.table(medians)}\n")
    if not given.no_record:
        where = given.output or RESULTS / "transports" / f"{date[:10]}-{machine.short_name()}.json"
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(json.dumps(document, indent=1) + "\n")
        print(f"recorded in {where}, drawn in {transports.draw(document)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
