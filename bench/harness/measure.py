"""Measuring: interleaved runs over all servers of a scenario, and memory per connection."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from harness import load, servers
from harness.process import Pinning, Running, StartFailed, stopping
from harness.scenarios import Scenario

SECONDARY_RUNS = 3  # at most, where nothing is aimed at
GENERAL_WARMUP = load.Timing(seconds=0.8, warmup=0.3)  # once per process: just-in-time compilers, caches, imports
LOAD_BOUND = 0.97  # a load generator busier than this may have held the server back

Say = Callable[[str], None]


@dataclass
class Outcome:
    """What one server did in one scenario: all runs, or why there are none."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""

    def median(self, key: str) -> float | None:
        """Median of one figure over the valid runs; None without any."""
        values = [run[key] for run in self.runs if run.get(key) is not None and not faults(run)]
        return statistics.median(values) if values else None

    def by_round(self) -> dict[int, float]:
        """The figure of each valid run, by the round it was part of."""
        return {run["round"]: run["figure"] for run in self.runs if not faults(run)}

    def spread(self) -> float | None:
        """(max − min) / median of the runs' figures."""
        values = list(self.by_round().values())
        return (max(values) - min(values)) / statistics.median(values) if values and statistics.median(values) else None

    def load_bound(self) -> bool:
        """Whether the load generator was the busier side and fully busy: then throughput is its, not the server's."""
        own, other = self.median("load_util"), self.median("server_util")
        return own is not None and other is not None and own > LOAD_BOUND and other < own


def faults(run: dict[str, Any]) -> dict[str, int]:
    """The kinds of errors that the load generator saw in a run, by count."""
    return {kind: count for kind, count in run.get("errors", {}).items() if count}


@dataclass(frozen=True)
class Plan:
    """How everything is measured."""

    runs: int
    timing: load.Timing
    pinning: Pinning
    python: str
    say: Say


def measure(scenario: Scenario, names: list[str], plan: Plan) -> dict[str, Outcome]:
    """All runs of one scenario on the servers `names`, by server."""
    if scenario.secondary:
        plan = replace(plan, runs=min(plan.runs, SECONDARY_RUNS))
    return _memory(scenario, names, plan) if scenario.memory else _timed(scenario, names, plan)


def _start(name: str, scenario: Scenario, plan: Plan) -> Running | str:
    server = servers.BY_NAME[name]
    try:
        return Running(server, server.adapt(scenario), plan.pinning, plan.python)
    except (StartFailed, LookupError, OSError) as error:
        lines = str(error).splitlines()
        plan.say(f"{scenario.name:16} {name:26} not available: {lines[-1] if lines else error!r}")
        return lines[-1] if lines else repr(error)


def _timed(scenario: Scenario, names: list[str], plan: Plan) -> dict[str, Outcome]:
    outcomes = {name: Outcome() for name in names}
    running: list[Running] = []
    with stopping(running), contextlib.ExitStack() as beside:
        for name in names:
            started = _start(name, scenario, plan)
            if isinstance(started, str):
                outcomes[name].problem = started
                continue
            running.append(started)
            if started.server.beside:
                beside.enter_context(load.held(replace(scenario, **started.server.beside), started, plan.pinning))
            _one_run(scenario, started, Outcome(), replace(plan, timing=GENERAL_WARMUP, say=lambda line: None))
        for number in range(plan.runs):
            for server in running:
                _one_run(scenario, server, outcomes[server.server.name], plan, number)
            running[:] = running[1:] + running[:1]  # nobody is always the first of a round
    return outcomes


def _one_run(scenario: Scenario, server: Running, outcome: Outcome, plan: Plan, number: int = 0) -> None:
    name = server.server.name
    try:
        report = load.run(server.server.adapt(scenario), server, plan.pinning, plan.timing)
    except load.LoadFailed as error:
        outcome.problem = str(error)
        plan.say(f"{scenario.name:16} {name:26} failed: {error}")
        return
    report["figure"] = report["server_us"]
    report["round"] = number
    report["rate"] = report["messages"] / report["seconds"]
    outcome.runs.append(report)
    wrong = f"  ERRORS {faults(report)} {report.get('said', '')}" if faults(report) else ""
    plan.say(
        f"{scenario.name:16} {name:26} {report['figure']:9.3f} {scenario.unit:12} server {report['server_util']:4.0%} "
        f"load {report['load_util']:4.0%}  kernel {report['kernel_share']:4.0%}  p50 {report['p50_us']:.0f} µs  p99 {report['p99_us']:.0f} µs{wrong}"
    )


def _memory(scenario: Scenario, names: list[str], plan: Plan) -> dict[str, Outcome]:
    outcomes = {name: Outcome() for name in names}
    for _ in range(plan.runs):
        for name in names:
            if not outcomes[name].problem:
                _one_memory_run(scenario, name, outcomes[name], plan)
    return outcomes


def _one_memory_run(scenario: Scenario, name: str, outcome: Outcome, plan: Plan) -> None:
    """A fresh process each time: memory freed by earlier connections would hide that of these."""
    started = _start(name, scenario, plan)
    if isinstance(started, str):
        outcome.problem = started
        return
    with started as server:
        try:
            run = _memory_of(scenario, server, plan)
        except (load.LoadFailed, OSError) as error:
            outcome.problem = str(error)
            plan.say(f"{scenario.name:16} {name:26} failed: {error}")
            return
    outcome.runs.append({**run, "round": len(outcome.runs)})
    wrong = f"  ERRORS {faults(run)}" if faults(run) else ""
    plan.say(
        f"{scenario.name:16} {name:26} {run['figure']:9.0f} B/connection  ({run['connections']} connections){wrong}"
    )


def _memory_of(scenario: Scenario, server: Running, plan: Plan) -> dict[str, Any]:
    scenario = server.server.adapt(scenario)
    few = replace(scenario, mode="echo" if scenario.mode == "idle" else scenario.mode, connections=10, hold=False)
    load.run(few, server, plan.pinning, load.Timing(seconds=0.2, warmup=0.05))
    server.settle()
    before = server.resident()
    with load.held(scenario, server, plan.pinning) as held:
        server.settle()
        grown = server.resident() - before
    return {
        "figure": grown / max(1, held["ready"]),
        "connections": held["ready"],
        "rss": before + grown,
        "errors": held["errors"],
    }
