"""Runs the benchmark: `python bench/run.py [--part hub|socketio|signalr|sockjs|asgi] [--quick] [--only echo,fan] [--servers floor,picows] [--runs 5]`.

Builds what it needs, starts every server in a fresh process on one core and the load generator on another, interleaves
the runs, prints one line per run and the tables, and records everything in bench/results/.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from pathlib import Path

from harness import load, record, scenarios, servers, table
from harness.measure import Plan, faults, measure
from harness.process import Pinning
from harness.scenarios import SCENARIOS, Scenario
from harness.targets import Figures

QUICK = {
    "core": ("echo", "echo-16", "fan", "fan-16", "churn"),
    "hub": ("hub", "hub-16", "hub-64", "hub-10", "storm"),
    "socketio": ("ack", "ack-16", "room", "room-16"),
    "signalr": ("group", "group-16"),
    "sockjs": ("everybody", "everybody-16", "back", "back-16"),
    "asgi": ("asgi", "asgi-16", "starlette", "starlette-16", "http", "http-10k", "upload"),
}
QUICK_SERVERS = ("floor", "everywire", "everywire-async", "picows", "websockets")


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Measures everywire and its peers.")
    parser.add_argument("--quick", action="store_true", help="fewer kinds of work, servers and runs: about two minutes")
    parser.add_argument(
        "--part",
        choices=list(QUICK),
        default="core",
        help="connections and messages, channels, a dialect's clients, or ASGI applications",
    )
    parser.add_argument("--only", type=_words, default=[], help=f"scenarios: {', '.join(scenarios.BY_NAME)}")
    parser.add_argument("--servers", type=_words, default=[], help=f"servers: {', '.join(servers.BY_NAME)}")
    parser.add_argument("--runs", type=int, help="runs per server and scenario (5; quick: 3)")
    parser.add_argument("--seconds", type=float, help="length of one run (1.0; quick: 0.5)")
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the Python servers")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument(
        "--priority", choices=["nice", "fifo", "normal"], default="nice", help="best effort; see bench/README.md"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="where the JSON goes; a whole part: bench/results/[PART/]<date>-<machine>.json, less than that: nowhere",
    )
    parser.add_argument("--no-record", action="store_true", help="print only")
    given = parser.parse_args(argv)
    unknown = [name for name in given.only if name not in scenarios.BY_NAME]
    unknown += [name for name in given.servers if name not in servers.BY_NAME]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    return given


def _plan(given: argparse.Namespace) -> Plan:
    runs = given.runs or (3 if given.quick else 5)
    seconds = given.seconds or (0.5 if given.quick else 1.0)
    pinning = Pinning(given.server_core, given.load_core, given.priority)
    return Plan(runs, load.Timing(seconds, warmup=0.3), pinning, given.python, lambda line: print(line, flush=True))


def _chosen(given: argparse.Namespace) -> list[tuple[Scenario, list[str]]]:
    """The scenarios to run, each with its servers."""
    wanted = given.only or (
        QUICK[given.part] if given.quick else [each.name for each in SCENARIOS if each.part == given.part]
    )
    allowed = given.servers or (QUICK_SERVERS if given.quick and given.part == "core" else list(servers.BY_NAME))
    pairs = [
        (scenario, [name for name in scenario.servers if name in allowed])
        for scenario in SCENARIOS
        if scenario.name in wanted
    ]
    return [(scenario, names) for scenario, names in pairs if names]


def _raise_descriptor_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(argv: list[str] | None = None) -> int:
    """Everything, by the command line; 1 when the load generator found a server in the wrong."""
    given = _arguments(argv)
    plan = _plan(given)
    if not {given.server_core, given.load_core} <= os.sched_getaffinity(0) or given.server_core == given.load_core:
        print("warning: server and load generator need a core each; the figures will mislead", file=sys.stderr)
    _raise_descriptor_limit()
    load.build()
    began = time.monotonic()
    figures: Figures = {scenario.name: measure(scenario, names, plan) for scenario, names in _chosen(given)}
    print(f"\n{table.everything(figures)}\n\n{time.monotonic() - began:.0f} s")
    partial = given.quick or given.only or given.servers  # would overwrite the whole table of the same day
    if given.output or not (partial or given.no_record):
        settings = {"runs": plan.runs, "seconds": plan.timing.seconds, "priority": given.priority, "quick": given.quick}
        print(f"recorded in {record.write(figures, settings, given.output, given.part)}")
    return 1 if any(faults(run) for found in figures.values() for one in found.values() for run in one.runs) else 0


if __name__ == "__main__":
    sys.exit(main())
