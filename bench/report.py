"""Writes docs/benchmarks.md and its chart from a recorded result: `python bench/report.py [result.json]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from harness import chart, record, scenarios, table
from harness.places import BENCH, DOCS
from harness.targets import Figures

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


def _machine(found: dict[str, Any]) -> str:
    machine = found["machine"]
    python = machine["python"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if name != "gcc")
    facts = [
        f"Measured {found['date'][:10]} on {machine['processor']} ({machine['cores']} cores), Linux {machine['kernel']}"
        f", TCP congestion control {machine.get('tcp') or 'unknown'}.",
        f"Python {python['version']} (build: {python['build']}); {versions}.",
    ]
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


def page(found: dict[str, Any], figures: Figures, source: str) -> str:
    """The whole page as Markdown."""
    settings = found["settings"]
    head = HEAD.format(source=source, chart=CHART, runs=settings["runs"], seconds=settings["seconds"])
    aims = f"## What is aimed at\n\n{table.targets_table(figures)}"
    return "\n".join([head, _machine(found), "", _notes(figures), "", aims, "", table.scenario_tables(figures), ""])


def main(argv: list[str] | None = None) -> int:
    """Writes page and chart from the newest result, or the one given."""
    parser = argparse.ArgumentParser(prog="bench/report.py", description=__doc__)
    parser.add_argument("result", nargs="?", type=Path, help="a file of bench/results (the newest)")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where benchmarks.md and assets/ go")
    given = parser.parse_args(argv)
    path = (given.result or record.newest()).resolve()
    found, figures = record.read(path)
    source = path.relative_to(BENCH.parent) if path.is_relative_to(BENCH.parent) else path.name
    drawing = given.docs / CHART
    drawing.parent.mkdir(parents=True, exist_ok=True)
    caption = f"{found['machine']['processor']}, Python {found['machine']['python']['version']}, {found['date'][:10]}; shorter is better"
    drawing.write_text(chart.draw(figures, caption))
    (given.docs / "benchmarks.md").write_text(page(found, figures, str(source)))
    print(f"wrote {given.docs / 'benchmarks.md'} and {drawing}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
