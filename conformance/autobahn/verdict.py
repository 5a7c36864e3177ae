"""The verdict on a run: Autobahn's `index.json`, graded strictly."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Autobahn only notes what happens in these and grades nothing else: closing while a big message is under way, and close codes
# 5000 and above, which the RFC leaves undefined.
INFORMATIONAL = frozenset({"7.1.6", "7.13.1", "7.13.2"})

ALL_CASES = 517  # of autobahntestsuite 25.10.1


@dataclass
class Verdict:
    """`grades` maps a case to (behaviour, behaviour at the close); `failures` is the part that is not OK."""

    grades: dict[str, tuple[str, str]] = field(default_factory=dict)
    expected: int | None = None  # the number of cases that had to run, where it is known

    @property
    def failures(self) -> dict[str, tuple[str, str]]:
        """Every case that is neither OK nor ungraded."""
        return {case: grade for case, grade in self.grades.items() if not passes(case, grade)}

    @property
    def passed(self) -> bool:
        """True when cases ran, none is missing and none failed."""
        complete = self.expected is None or len(self.grades) == self.expected
        return bool(self.grades) and complete and not self.failures

    def counts(self) -> dict[str, int]:
        """How many cases got each grade; the worse of the two grades counts."""
        return dict(sorted(Counter(worse(*grade) for grade in self.grades.values()).items()))

    def summary(self) -> dict[str, Any]:
        """What is kept of the run, ready for JSON."""
        failures = {
            case: list(grade) for case, grade in sorted(self.failures.items(), key=lambda item: number(item[0]))
        }
        return {"passed": self.passed, "cases": len(self.grades), "counts": self.counts(), "failures": failures}

    def table(self) -> str:
        """A line per group of cases, then a line per failure."""
        groups: dict[str, list[tuple[str, tuple[str, str]]]] = {}
        for case, grade in sorted(self.grades.items(), key=lambda item: number(item[0])):
            groups.setdefault(case.split(".")[0], []).append((case, grade))
        lines = [f"{'cases':>7} {'run':>5} {'good':>5} {'bad':>5}"]
        for group, members in groups.items():
            good = sum(passes(case, grade) for case, grade in members)
            lines.append(f"{group + '.*':>7} {len(members):5} {good:5} {len(members) - good:5}")
        for case, grade in sorted(self.failures.items(), key=lambda item: number(item[0])):
            lines.append(f"  {case}: behaviour {grade[0]}, at the close {grade[1]}")
        if self.expected is not None and len(self.grades) != self.expected:
            lines.append(f"  {self.expected - len(self.grades)} of {self.expected} cases did not run")
        return "\n".join(lines)


def read(index: Path, agent: str, expected: int | None = None) -> Verdict:
    """Read the grades of one agent; an absent report is a verdict without cases, which does not pass."""
    if not index.exists():
        return Verdict({}, expected)
    cases = json.loads(index.read_text()).get(agent, {})
    return Verdict({case: (result["behavior"], result["behaviorClose"]) for case, result in cases.items()}, expected)


def passes(case: str, grade: tuple[str, str]) -> bool:
    """True when both grades are OK, or INFORMATIONAL in a case that Autobahn does not grade."""
    return set(grade) <= ({"OK", "INFORMATIONAL"} if case in INFORMATIONAL else {"OK"})


def worse(behaviour: str, close: str) -> str:
    """One word for a case: its behaviour, or its close where only that is at fault."""
    return close if behaviour == "OK" and close not in {"OK", "INFORMATIONAL"} else behaviour


def number(case: str) -> tuple[int, ...]:
    """The case's number, to sort by."""
    return tuple(int(part) for part in case.split("."))
