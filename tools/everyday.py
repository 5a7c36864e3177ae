"""The everyday run: fetch what tests need, check the house, run every test, say one verdict.

``python tools/everyday.py [--only check|tests] [pytest arguments]``. A step that fails does not keep
the next from running. The last line is "N passed, N failed in S s"; the exit code says the same.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import testbed

ROOT = testbed.ROOT
BIN = Path(sys.executable).parent
# The layers with a compiled build: their tests run a second time on the plain one.
TWO_BUILDS = ("ws", "http", "engine", "servers", "client")
# Of these, what starts many processes and no server in any of them: nothing compiled is in its way.
ONE_BUILD = ("servers/workers/test_authority.py", "servers/workers/test_supervisor.py")
# A process for each processor, as half of a run waits for other processes. A file stays in one of them, with what it
# started: its servers, its browser. pytest's own `-n0`, given after these, runs everything in one.
SPREAD = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")
# Hundreds of processes are started by tests: each would compile every module anew where nothing is written beside them.
# They are written beside them and nowhere else, as an installer has written those of the packages already.
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
PROGRAMS: dict[str, Callable[[], object]] = {
    "chromium": testbed.chromium,
    "node": testbed.node,
    "nginx": lambda: testbed.packaged("nginx")[0],
    "haproxy": lambda: testbed.packaged("haproxy")[0],
    "tinyproxy": lambda: testbed.packaged("tinyproxy", "tinyproxy-bin")[0],
}


@dataclass(frozen=True)
class Outcome:
    """What came of a step: how many passed, failed and were skipped, and what it printed where that was not shown at once."""

    step: str
    passed: int
    failed: int
    skipped: int = 0
    printed: str = ""


@dataclass
class Tally:
    """What passed, failed and was skipped so far; ``broken`` names the steps with a failure."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.passed += outcome.passed
        self.failed += outcome.failed
        self.skipped += outcome.skipped
        if outcome.failed:
            self.broken.append(outcome.step)


Job = Callable[[], Sequence[Outcome]]


def announce(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def at_once(tally: Tally, jobs: Sequence[Job]) -> None:
    """Run jobs beside each other and show what they printed, one after the other.

    Each of them uses one processor, or waits for the network.
    """
    with ThreadPoolExecutor(len(jobs)) as pool:
        for outcomes in pool.map(lambda job: job(), jobs):
            for outcome in outcomes:
                announce(outcome.step)
                print(outcome.printed, end="", flush=True)
                tally.add(outcome)


def step(name: str, command: Sequence[str]) -> Outcome:
    """Run a command that passes or fails as a whole."""
    done = _run(command)
    return Outcome(name, passed=int(done.returncode == 0), failed=int(done.returncode != 0), printed=done.stdout)


def run_pytest(name: str, arguments: Sequence[str], *, shown: bool = True, plain: bool = False) -> Outcome:
    """Run pytest and count its tests; a run without a verdict counts as one failure."""
    report = testbed.HOME / "reports" / f"{re.sub('[^a-z]+', '-', name.lower())}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *SPREAD, *arguments]
    environment = COMPILED | ({"EVERYWIRE_PURE": "1"} if plain else {})
    done = _run(command, shown=shown, **environment)
    printed = done.stdout or ""
    try:
        suite = ElementTree.parse(report).getroot().find("testsuite")
    except (OSError, ElementTree.ParseError):
        suite = None
    if suite is None:
        return Outcome(name, passed=0, failed=1, printed=printed)
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    passed = max(total - failed - skipped, 0)
    return Outcome(name, passed, max(failed, int(done.returncode != 0)), skipped, printed)


def javascript() -> list[Outcome]:
    """The JavaScript client's own tests, counted from the summary of ``node --test``."""
    name = "JavaScript client"
    if not (ROOT / "clients" / "js" / "package-lock.json").exists():
        return []
    types = step(f"{name}: types", [sys.executable, "tools/web.py", "check"])
    done = _run([sys.executable, "tools/web.py", "test"])
    found = dict(re.findall(r"^(?:ℹ|#) (pass|fail|skipped) (\d+)$", done.stdout, re.MULTILINE))
    counts = {key: int(found.get(key, 0)) for key in ("pass", "fail", "skipped")}
    failed = max(counts["fail"], int(done.returncode != 0))
    return [types, Outcome(name, counts["pass"], failed, counts["skipped"], done.stdout)]


def fetch() -> list[Outcome]:
    """Fetch the big programs now, with their progress shown, rather than inside some test and its time limit."""
    required = os.environ.get("EVERYWIRE_TEST_REQUIRE") == "1"
    printed, missing = "", []
    for name, program in PROGRAMS.items():
        try:
            printed += f"{name}: {program()}\n"
        except testbed.Unavailable as error:
            printed += f"{name} cannot be had: {error}\n"
            if required:
                missing.append(Outcome(f"fetching {name}", passed=0, failed=1))
    return [Outcome("what the tests need", passed=0, failed=0, printed=printed), *missing]


def checks() -> list[Job]:
    """Format, lint, types, import contracts, house test."""
    ruff, told = str(BIN / "ruff"), ("--output-format", "concise")
    return [
        lambda: [step("format", [ruff, "format", "--check", *told, "."])],
        lambda: [step("lint", [ruff, "check", "--quiet", *told, "."])],
        lambda: [step("types", [str(BIN / "mypy"), "--no-error-summary"])],
        lambda: [step("import contracts", [str(BIN / "lint-imports"), "--no-logo"])],
        lambda: [run_pytest("house", ["-n0", "tests/house"], shown=False)],
    ]


def tests(tally: Tally, arguments: Sequence[str]) -> None:
    """Every everyday test on the native build, the two-build layers again on the plain one."""
    native = any((ROOT / "src" / "everywire").rglob("*.so")) and not os.environ.get("EVERYWIRE_PURE")
    build = "native build" if native else "plain build (no native one here)"
    announce(f"tests, {build}")
    tally.add(run_pytest(f"tests, {build}", ["--ignore=tests/house", *arguments]))
    folders = [f"tests/{name}" for name in TWO_BUILDS if any((ROOT / "tests" / name).rglob("test_*.py"))]
    chosen = any(Path(argument.split("::")[0]).exists() for argument in arguments)
    if native and (folders or chosen):
        paths = [] if chosen else [*folders, *(f"--ignore=tests/{name}" for name in ONE_BUILD)]
        announce("tests, plain build")
        tally.add(run_pytest("tests, plain build", [*paths, *arguments], plain=True))


def _run(command: Sequence[str], *, shown: bool = False, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command here; unless it is shown at once, its ``stdout`` holds all that it printed."""
    out, err = (None, None) if shown else (subprocess.PIPE, subprocess.STDOUT)
    given = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=given, stdout=out, stderr=err, text=True, check=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", choices=["check", "tests"])
    options, arguments = parser.parse_known_args()
    started, tally = time.monotonic(), Tally()
    jobs = [] if options.only == "tests" else checks()
    if options.only != "check":
        jobs.append(lambda: [*fetch(), *javascript()])
    at_once(tally, jobs)
    if options.only != "check":
        tests(tally, arguments)
    print(flush=True)
    if tally.broken:
        print(f"failed: {', '.join(tally.broken)}")
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    seconds = time.monotonic() - started
    print(f"{tally.passed} passed, {tally.failed} failed{skipped} in {seconds:.0f} s", flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
