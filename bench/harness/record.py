"""Results on disk: one JSON file per run of the benchmark."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness import machine
from harness.measure import Outcome
from harness.places import RESULTS
from harness.targets import Figures, judge

KEYS = ("figure", "rate", "server_util", "kernel_share", "load_us", "load_util", "p50_us", "p99_us", "rss")


def _outcome(outcome: Outcome) -> dict[str, Any]:
    medians = {key: outcome.median(key) for key in KEYS}
    return {
        "median": {key: value for key, value in medians.items() if value is not None},
        "spread": outcome.spread(),
        "load_bound": outcome.load_bound(),
        "problem": outcome.problem,
        "runs": outcome.runs,
    }


def document(figures: Figures, settings: dict[str, Any]) -> dict[str, Any]:
    """Everything worth keeping of one run of the benchmark."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "settings": settings,
        "machine": machine.facts(),
        "scenarios": {
            name: {server: _outcome(one) for server, one in found.items()} for name, found in figures.items()
        },
        "targets": [
            {
                **asdict(verdict.target),
                "limit_text": verdict.target.describe(),
                "value": verdict.value,
                "passed": verdict.passed,
            }
            for verdict in judge(figures)
        ],
    }


def place(part: str) -> Path:
    """Where the results of a part of the benchmark are kept."""
    return RESULTS if part == "core" else RESULTS / part


def write(figures: Figures, settings: dict[str, Any], path: Path | None, part: str = "core") -> Path:
    """Writes the result, by default to results/<date>-<machine>.json (the hub's: results/hub/…); returns where."""
    found = document(figures, settings)
    where = path or place(part) / f"{found['date'][:10]}-{machine.short_name()}.json"
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_text(json.dumps(found, indent=1) + "\n")
    return where


def read(path: Path) -> tuple[dict[str, Any], Figures]:
    """A recorded result: the document, and its figures as they were measured."""
    found = json.loads(path.read_text())
    figures = {
        name: {server: Outcome(one["runs"], one["problem"]) for server, one in servers.items()}
        for name, servers in found["scenarios"].items()
    }
    return found, figures


def newest(part: str = "core") -> Path:
    """The latest recorded result. Raises FileNotFoundError when there is none."""
    files = sorted(place(part).glob("*.json"))
    if not files:
        raise FileNotFoundError(f"{place(part)} holds no result; run bench/run.py --part {part} first")
    return files[-1]
