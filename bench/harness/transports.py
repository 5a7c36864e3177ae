"""Figures of the hub's transports: from one run's tally, as a table, as a chart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness import chart
from harness.places import DOCS, RESULTS
from harness.table import grid, number
from harness.ways import Tally

CHART = "assets/transports.svg"
KINDS = {
    "p50": ("latency, median", "ms"),
    "p99": ("latency, 99th percentile", "ms"),
    "cpu": ("server CPU", "µs/delivery"),
    "down": ("bytes to the client", "B/delivery"),
    "up": ("bytes from the client", "B/delivery"),
    "requests": ("requests", "per delivery"),
    "memory": ("server memory", "kB/client"),
}


def figures(tally: Tally, cpu_ns: float, memory: float) -> dict[str, float]:
    """The figures of one run, by the keys of `KINDS`; `memory` in bytes per client."""
    times = sorted(tally.latencies) or [0]
    count = len(times)
    return {
        "p50": times[count // 2] / 1e6,
        "p99": times[min(count - 1, count * 99 // 100)] / 1e6,
        "cpu": cpu_ns / 1e3,
        "down": tally.down / count,
        "up": tally.up / count,
        "requests": tally.requests / count,
        "memory": memory / 1e3,
    }


def table(found: dict[str, dict[str, float]]) -> str:
    """All transports, one to a row."""
    head = ["transport", *(f"{title}, {unit}" for title, unit in KINDS.values())]
    return grid(head, [[way, *(number(values[kind]) for kind in KINDS)] for way, values in found.items()])


def draw(document: dict[str, Any], docs: Path = DOCS) -> Path:
    """Draw what was recorded; returns where."""
    found, settings = document["transports"], document["settings"]
    panels = [
        chart.Panel(
            title,
            unit,
            [(way, "ours" if way == "websocket" else "peer", values[kind]) for way, values in found.items()],
        )
        for kind, (title, unit) in KINDS.items()
    ]
    caption = (
        f"{settings['clients']} clients, {settings['rate']:g} messages a second to each; "
        f"{document['machine']['processor']}, {document['date'][:10]}; shorter is better"
    )
    where = docs / CHART
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_text(chart.sheet(panels, caption))
    return where


def newest() -> dict[str, Any] | None:
    """The latest record, if there is one."""
    files = sorted((RESULTS / "transports").glob("*.json"))
    if not files:
        return None
    document: dict[str, Any] = json.loads(files[-1].read_text())
    return document
