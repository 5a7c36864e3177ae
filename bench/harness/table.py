"""Results as text: one table per scenario, one of the targets; Markdown that reads well in a terminal too."""

from __future__ import annotations

from harness import scenarios, servers
from harness.measure import Outcome, faults
from harness.scenarios import Scenario
from harness.targets import Figures, Verdict, judge

MARKS = {True: "reached", False: "MISSED", None: "not measured"}


def number(value: float | None) -> str:
    """Three significant digits, thousands separated."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1
    return f"{value:.{digits}f}"


def grid(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table whose columns line up; the first is left-aligned, the others right-aligned."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: list[str]) -> str:
        padded = [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _remark(outcome: Outcome) -> str:
    bad = sum(1 for run in outcome.runs if faults(run))
    parts = [f"{bad} invalid runs"] if bad else []
    if outcome.problem:
        parts.append("not available")
    if outcome.load_bound():
        parts.append("load generator was the busier side")
    return "; ".join(parts)


def _row(scenario: Scenario, name: str, outcome: Outcome, reference: float | None) -> list[str]:
    figure = outcome.median("figure")
    ratio = "–" if figure is None or not reference else f"{figure / reference:.2f} ×"
    row = [servers.BY_NAME[name].title, number(figure), ratio, _percent(outcome.spread())]
    if not scenario.memory:
        busy = f"{_percent(outcome.median('server_util'))} / {_percent(outcome.median('load_util'))}"
        row += [
            number(outcome.median("rate")),
            busy,
            number(outcome.median("p50_us")),
            number(outcome.median("p99_us")),
        ]
    return [*row, _remark(outcome)]


def scenario_table(scenario: Scenario, found: dict[str, Outcome]) -> str:
    """All servers in one scenario, cheapest first."""
    against = next(
        (name for name in ("picows", "hub", "everywire", "socketio", "native", "sockjs-node") if name in found), ""
    )
    head = ["server", scenario.unit, f"× {against}", "spread"]
    if not scenario.memory:
        head += ["per second", "busy server / load", "p50 µs", "p99 µs"]
    reference = found[against].median("figure") if against else None
    rows = [_row(scenario, name, outcome, reference) for name, outcome in _cheapest_first(found)]
    return grid([*head, "remark"], rows)


def _cheapest_first(found: dict[str, Outcome]) -> list[tuple[str, Outcome]]:
    return sorted(found.items(), key=lambda item: item[1].median("figure") or float("inf"))


def _target_row(verdict: Verdict) -> list[str]:
    target = verdict.target
    title = scenarios.BY_NAME[target.scenario].title
    return [f"{title}: {target.server}", target.describe(), number(verdict.value), MARKS[verdict.passed]]


def targets_table(figures: Figures) -> str:
    """Every target, what was measured, and whether it was reached."""
    return grid(["work", "target", "measured", ""], [_target_row(verdict) for verdict in judge(figures)])


def scenario_tables(figures: Figures, heading: str = "##") -> str:
    """A heading and a table for every scenario."""
    parts = []
    for name, found in figures.items():
        scenario = scenarios.BY_NAME[name]
        parts.append(f"{heading} {scenario.title[0].upper()}{scenario.title[1:]}\n\n{scenario_table(scenario, found)}")
    return "\n\n".join(parts)


def everything(figures: Figures) -> str:
    """All scenario tables, then the targets."""
    return f"{scenario_tables(figures)}\n\n## Targets\n\n{targets_table(figures)}"
