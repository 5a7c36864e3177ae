"""Compares channel layers: `python bench/layers.py [--members 1000] [--messages 100] [--runs 5]`.

The same messages to a group of as many members, one at a time, each in a fresh process; the rounds are interleaved. The figure is
processor time per delivery, of the process and of what it needs (Redis, the machine's broker). Prints a table and records it in
bench/results/channels/. Exit code 1 where an aim is missed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from harness import machine
from harness.places import BENCH, RESULTS

LAYERS = {
    "memory": "Channels' layer in memory",
    "redis": "channels_redis, Valkey beside it",
    "alone": "everywire, of one process",
    "beside": "everywire, in the application's process",
    "shared": "everywire, by way of the machine's broker",
    "clients": "WebSocket clients of everywire's hub",
}
AIMS = {"alone": 1.0, "beside": 1.0, "shared": 1.0, "clients": 0.1}  # at most so many times the layer in memory


def measured(layer: str, given: argparse.Namespace) -> dict[str, float]:
    """One run."""
    path = os.pathsep.join([str(BENCH), str(BENCH.parent / "src")])
    command = [sys.executable, str(BENCH / "servers" / "ew_layer.py"), layer]
    command += ["--members", str(given.members), "--messages", str(given.messages)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{layer}: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(prog="bench/layers.py", description="Compares channel layers.")
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-record", action="store_true", help="print only")
    given = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {layer: [] for layer in LAYERS}
    for number in range(given.runs):
        for layer in [*LAYERS][number % 2 :: 2] + [*LAYERS][1 - number % 2 :: 2]:
            runs[layer].append(measured(layer, given))
            print(f"{number + 1}/{given.runs} {layer}: {runs[layer][-1]['figure']:.2f} µs", flush=True)
    figures = {layer: statistics.median(run["figure"] for run in found) for layer, found in runs.items()}
    pairs = {layer: zip(found, runs["memory"], strict=True) for layer, found in runs.items()}
    ratios = {
        layer: statistics.median(one["figure"] / other["figure"] for one, other in found)
        for layer, found in pairs.items()
    }
    for layer, title in LAYERS.items():
        aim = f"  (at most {AIMS[layer]})" if layer in AIMS else ""
        print(f"{title:45} {figures[layer]:8.2f} µs/delivery {ratios[layer]:7.3f} ×{aim}")
    if not given.no_record:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        where = RESULTS / "channels" / f"{now[:10]}-{machine.short_name()}.json"
        where.parent.mkdir(parents=True, exist_ok=True)
        settings = {"members": given.members, "messages": given.messages, "runs": given.runs}
        kept = {
            "date": now,
            "settings": settings,
            "machine": machine.facts(),
            "median": figures,
            "ratio": ratios,
            "runs": runs,
        }
        where.write_text(json.dumps(kept, indent=1) + "\n")
        print(f"recorded in {Path(os.path.relpath(where))}")
    return int(any(ratios[layer] > aim for layer, aim in AIMS.items()))


if __name__ == "__main__":
    sys.exit(main())
