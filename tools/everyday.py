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
COMPILED = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(testbed.HOME / "compiled")}
PROGRAMS: dict[str, Callable[[], object]] = {
    "chromium": testbed.chromium,
    "node": testbed.node,
    "nginx": lambda: testbed.packaged("nginx")[0],
    "haproxy": lambda: testbed.packaged("haproxy")[0],
    "tinyproxy": lambda: testbed.packaged("tinyproxy", "tinyproxy-bin")[0],
}


@dataclass
class Tally:
    """What passed, failed and was skipped so far; ``broken`` names the steps with a failure."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, step: str, *, passed: int, failed: int, skipped: int = 0) -> None:
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        if failed:
            self.broken.append(step)


def announce(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def run_step(tally: Tally, name: str, command: Sequence[str], **environment: str) -> None:
    """Run a command that passes or fails as a whole."""
    announce(name)
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False)
    tally.add(name, passed=int(done.returncode == 0), failed=int(done.returncode != 0))


def run_pytest(tally: Tally, name: str, arguments: Sequence[str], **environment: str) -> None:
    """Run pytest and count its tests; a run without a verdict counts as one failure."""
    announce(name)
    report = testbed.HOME / "reports" / f"{re.sub('[^a-z]+', '-', name.lower())}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *SPREAD, *arguments]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **COMPILED, **environment}, check=False)
    try:
        suite = ElementTree.parse(report).getroot().find("testsuite")
    except (OSError, ElementTree.ParseError):
        suite = None
    if suite is None:
        tally.add(name, passed=0, failed=1)
        return
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    passed = max(total - failed - skipped, 0)
    tally.add(name, passed=passed, failed=max(failed, int(done.returncode != 0)), skipped=skipped)


def run_javascript(tally: Tally) -> None:
    """The JavaScript client's own tests, counted from the summary of ``node --test``."""
    name = "JavaScript client"
    if not (ROOT / "clients" / "js" / "package-lock.json").exists():
        return
    run_step(tally, f"{name}: types", [sys.executable, "tools/web.py", "check"])
    announce(name)
    command = [sys.executable, "tools/web.py", "test"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, flush=True)
    found = dict(re.findall(r"^(?:ℹ|#) (pass|fail|skipped) (\d+)$", done.stdout, re.MULTILINE))
    counts = {key: int(found.get(key, 0)) for key in ("pass", "fail", "skipped")}
    failed = max(counts["fail"], int(done.returncode != 0))
    tally.add(name, passed=counts["pass"], failed=failed, skipped=counts["skipped"])


def fetch(tally: Tally) -> None:
    """Fetch the big programs now, with their progress shown, rather than inside some test and its time limit."""
    announce("what the tests need")
    for name, program in PROGRAMS.items():
        try:
            print(f"{name}: {program()}", flush=True)
        except testbed.Unavailable as error:
            print(f"{name} cannot be had: {error}", file=sys.stderr, flush=True)
            if os.environ.get("EVERYWIRE_TEST_REQUIRE") == "1":
                tally.add(f"fetching {name}", passed=0, failed=1)


def check(tally: Tally) -> None:
    """Format, lint, types, import contracts, house test."""
    run_step(tally, "format", [str(BIN / "ruff"), "format", "--check", "--output-format", "concise", "."])
    run_step(tally, "lint", [str(BIN / "ruff"), "check", "--quiet", "--output-format", "concise", "."])
    run_step(tally, "types", [str(BIN / "mypy"), "--no-error-summary"])
    run_step(tally, "import contracts", [str(BIN / "lint-imports"), "--no-logo"])
    run_pytest(tally, "house", ["-n0", "tests/house"])


def tests(tally: Tally, arguments: Sequence[str]) -> None:
    """Every everyday test on the native build, the two-build layers again on the plain one."""
    fetch(tally)
    run_javascript(tally)
    native = any((ROOT / "src" / "everywire").rglob("*.so")) and not os.environ.get("EVERYWIRE_PURE")
    build = "native build" if native else "plain build (no native one here)"
    run_pytest(tally, f"tests, {build}", ["--ignore=tests/house", *arguments])
    folders = [f"tests/{name}" for name in TWO_BUILDS if any((ROOT / "tests" / name).rglob("test_*.py"))]
    chosen = any(Path(argument.split("::")[0]).exists() for argument in arguments)
    if native and (folders or chosen):
        paths = [] if chosen else [*folders, *(f"--ignore=tests/{name}" for name in ONE_BUILD)]
        run_pytest(tally, "tests, plain build", [*paths, *arguments], EVERYWIRE_PURE="1")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", choices=["check", "tests"])
    options, arguments = parser.parse_known_args()
    started, tally = time.monotonic(), Tally()
    steps: dict[str, Callable[[], None]] = {
        "check": lambda: check(tally),
        "tests": lambda: tests(tally, arguments),
    }
    for name, step in steps.items():
        if options.only in (None, name):
            step()
    print(flush=True)
    if tally.broken:
        print(f"failed: {', '.join(tally.broken)}")
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    seconds = time.monotonic() - started
    print(f"{tally.passed} passed, {tally.failed} failed{skipped} in {seconds:.0f} s", flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
