"""Writes docs/benchmarks.md and its chart from a recorded result: `python bench/report.py [result.json]`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from harness import chart, record, scenarios, table, transports
from harness.places import BENCH, DOCS
from harness.targets import Figures, judge

CHART = "assets/benchmarks.svg"
HEAD = """# Benchmarks

This page is written by `python bench/report.py` from `{source}`; run `make bench` to measure your own machine.
What is measured, and how, is described in `bench/README.md`.

![Server CPU time and memory, everywire and its peers]({chart})

Shorter is better everywhere. The figure is **server CPU time** (user and kernel, of all its threads and processes)
per message, delivery or handshake: it is steadier than messages per second, and says how much one core can carry. One
core serves, another drives the load, on loopback; each figure is the median of {runs} interleaved runs of {seconds} s (of 3
for work without a target). *Bare C epoll* does nothing but receive, parse and send.
"""

OWN_LOAD = 2  # a server and the load generator, each busy
HUB = """## The hub

Channels, with history and positions, on everywire's native dialect, beside Socket.IO on Node, python-socketio and Django Channels (in memory) on
uvicorn: one publisher, and subscribers that each get every message. Written from `{source}`; `make bench-hub` measures your machine.

![The hub and its peers]({chart})

Each figure is the median of {runs} interleaved runs of {seconds} s. *Plain broadcast* is our own engine without a hub: what is sent there is the bare
message, without channel, position, sender and time. With one message in flight the kernel's part, one system call per subscriber, is nearly all
there is: *bare C epoll* marks what no server can go below on this machine. With more in flight, those for one subscriber leave in one system call.
Memory is that of the server's process; *idle* is a bare WebSocket connection of ours.
"""
SOCKETIO = """## Socket.IO

The same clients of Socket.IO (version 5 of its protocol, over WebSocket) with everywire's dialect, Socket.IO on Node, and python-socketio on
uvicorn. Written from `{source}`; `make bench-socketio` measures your machine.

![The Socket.IO dialect and its peers]({chart})

Each figure is the median of {runs} interleaved runs of {seconds} s. An *acknowledged event* is an event and the acknowledgement that has its
argument in it; in a *room* what one says goes to all others. Handlers on everywire are plain functions on the event loop, as Node's are; in
*coroutines* each is a task of its own, as on python-socketio. An *idle session* is in the room, and has had one event acknowledged; its memory is
with that of its connection.
"""
SIGNALR = """## SignalR

Clients of SignalR on WebSocket, without a negotiation before it, with everywire's dialect: each is in the group, and what one sends to a hub method
goes to the others. Beside it, in the same rounds, the native dialect's clients, for messages of the same size. There is no peer: SignalR's own server
needs .NET. Written from `{source}`; `make bench-dialects` measures your machine.

![The SignalR dialect beside the native one]({chart})

Each figure is the median of {runs} interleaved runs of {seconds} s. What differs is the envelope of a message and, where there are several in flight,
how many bytes of it there are: a native one has channel, position, sender and time in it.
"""
SOCKJS = """## SockJS

Clients of SockJS on its framed WebSocket, with everywire's dialect and `sockjs` on Node; native clients, for messages of the same size, beside the
broadcast. Written from `{source}`; `make bench-dialects` measures your machine.

![The SockJS dialect, its peer and the native dialect]({chart})

Each figure is the median of {runs} interleaved runs of {seconds} s. Strings are the messages themselves: a handler gives each back in the *echo*, and
publishes it in the *broadcast*. Handlers on everywire are plain functions on the event loop, as Node's are.
"""
ASGI = """## ASGI applications

The same applications, bare and Starlette's, on everywire's own server (`everywire run`), on uvicorn with our class for its WebSockets (`uvicorn --ws
everywire.uvicorn:WebSocketProtocol`), and on other servers. Written from `{source}`; `make bench-asgi` measures your machine.

![ASGI applications on everywire and its peers]({chart})

Each figure is the median of {runs} interleaved runs of {seconds} s: of WebSockets per message of an echo, of HTTP per request on a connection that is kept.
All servers but Daphne run on uvloop; everywire's own on asyncio, where it has an epoll of its own, and beside it on uvloop.
"""
PARTS = {"hub": HUB, "socketio": SOCKETIO, "signalr": SIGNALR, "sockjs": SOCKJS, "asgi": ASGI}
WAYS = """## Transports side by side

![The hub's transports]({chart})

The same {size} bytes of text, {rate:g} times a second to each of {clients} clients, by `python bench/transports.py`: latency from the publisher to the
client, in one process beside the server; bytes as the sockets carry them, with the heads of requests and responses (a browser sends more of them); median of
{runs} runs of {seconds:g} s. A short poll asks ten times a second. {machine}
"""


def _machine(found: dict[str, Any]) -> str:
    machine = found["machine"]
    python = machine["python"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if name != "gcc")
    facts = [
        f"Measured {found['date'][:10]} on {machine['processor']} ({machine['cores']} cores), Linux {machine['kernel']}"
        f", TCP congestion control {machine.get('tcp') or 'unknown'}.",
        f"Python {python['version']} (build: {python['build']}); {versions}.",
    ]
    if (load := machine.get("load_average", 0.0)) > OWN_LOAD + 2:
        facts.append(
            f"**Others were at work on the machine** (load average {load:.1f}, of which {OWN_LOAD} is the benchmark itself): every figure is inflated,\n"
            "and unevenly; look at the spread, and trust no difference that is smaller."
        )
    return "\n".join(facts)


def _notes(figures: Figures) -> str:
    bound = sorted({name for name, found in figures.items() for one in found.values() if one.load_bound()})
    if not bound:
        return "The load generator verified every byte and was never the busier side."
    kinds = ", ".join(f"*{scenarios.BY_NAME[name].title}*" for name in bound)
    return (
        "The load generator verified every byte. Where a remark says that it was the busier side, the rate per second is its\n"
        f"limit and not the server's; CPU time per message is not affected by that: {kinds}."
    )


def _core(figures: Figures) -> Figures:
    return {name: found for name, found in figures.items() if scenarios.BY_NAME[name].part == "core"}


def page(found: dict[str, Any], figures: Figures, source: str) -> str:
    """What is measured of connections and messages, as Markdown."""
    settings = found["settings"]
    head = HEAD.format(source=source, chart=CHART, runs=settings["runs"], seconds=settings["seconds"])
    aims = f"## What is aimed at\n\n{table.targets_table(figures)}"
    return "\n".join([head, _machine(found), "", _notes(figures), "", aims, "", table.scenario_tables(figures), ""])


def section(part: str, found: dict[str, Any], figures: Figures, source: str) -> str:
    """What is measured of channels (part "hub") or of a dialect, as Markdown."""
    settings = found["settings"]
    head = PARTS[part].format(source=source, chart=_chart(part), runs=settings["runs"], seconds=settings["seconds"])
    missed = [verdict for verdict in judge(figures) if verdict.passed is False]
    said = f"{len(missed)} of these were missed in this run." if missed else "All of these were reached in this run."
    aims = f"{table.targets_table(figures)}\n\n{said}"
    return "\n".join(
        [head, _machine(found), "", _notes(figures), "", aims, "", table.scenario_tables(figures, "###"), ""]
    )


def ways(found: dict[str, Any]) -> str:
    """What is measured of transports, as Markdown."""
    settings = found["settings"]
    head = WAYS.format(chart=transports.CHART, machine=_machine(found), **settings)
    return f"{head}\n{transports.table(found['transports'])}\n"


def main(argv: list[str] | None = None) -> int:
    """Writes page and chart from the newest result, or the one given."""
    parser = argparse.ArgumentParser(prog="bench/report.py", description=__doc__)
    parser.add_argument("result", nargs="?", type=Path, help="a file of bench/results (the newest)")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where benchmarks.md and assets/ go")
    given = parser.parse_args(argv)
    path = (given.result or record.newest()).resolve()
    found, figures = record.read(path)
    figures = _core(figures)
    pages = [page(found, figures, _shown(path))]
    _draw(given.docs / CHART, found, figures)
    for part in PARTS:
        with contextlib.suppress(FileNotFoundError):
            path = record.newest(part)
            found, figures = record.read(path)
            pages.append(section(part, found, figures, _shown(path)))
            _draw(given.docs / _chart(part), found, figures)
    if (compared := transports.newest()) is not None:
        pages.append(ways(compared))
        transports.draw(compared, given.docs)
    (given.docs / "benchmarks.md").write_text("\n".join(pages))
    print(f"wrote {given.docs / 'benchmarks.md'} and its charts")
    return 0


def _chart(part: str) -> str:
    return f"assets/benchmarks-{part}.svg"


def _shown(path: Path) -> str:
    return str(path.relative_to(BENCH.parent) if path.is_relative_to(BENCH.parent) else path.name)


def _draw(where: Path, found: dict[str, Any], figures: Figures) -> None:
    where.parent.mkdir(parents=True, exist_ok=True)
    machine = found["machine"]
    caption = f"{machine['processor']}, Python {machine['python']['version']}, {found['date'][:10]}; shorter is better"
    where.write_text(chart.draw(figures, caption))


if __name__ == "__main__":
    sys.exit(main())
