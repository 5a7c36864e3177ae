"""Rounds of a protocol suite: every server under test is started anew and takes its turn, then the next round begins."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar, Protocol

from mocha import Score, Unavailable, testbed
from processes import ROOT, Server, build_environment

RESULTS = ROOT / "conformance" / "results"

ENGINES = {"native": "native", "pure": "portable"}


class Suite(Protocol):
    """What is run: `settings` are what the suite has written into it, which ours and the reference are told."""

    name: str
    title: str
    digest: str
    commit: str
    source: str
    settings: ClassVar[dict[str, Any]]
    reference: tuple[str, ...]

    @property
    def home(self) -> Path: ...

    @property
    def found(self) -> str: ...

    def install(self, source: str | None = None) -> None: ...

    def run(self, port: int) -> Score: ...


def server(suite: Suite, folder: Path, subject: str) -> Server:
    """The server of this suite: of everywire in one of its builds, or the reference, in Node."""
    settings = json.dumps(suite.settings)
    if subject == "reference":
        packages = testbed.npm(*suite.reference)
        command = [str(testbed.node()), str(folder / "reference.mjs"), settings]
        return Server(command, {**os.environ, "REFERENCE_NODE": str(packages)})
    command = [sys.executable, str(folder / "server.py"), "--engine", ENGINES[subject], "--settings", settings]
    return Server(command, build_environment(subject))


def perform(suite: Suite, folder: Path, subject: str) -> Score:
    """Run the suite once against a server of its own."""
    with server(suite, folder, subject) as running:
        found = suite.run(running.port)
        if not running.alive:
            found.trouble = "the server has ended"
    if not found.passed:
        log = suite.home / f"{subject}.log"
        log.write_text("\n".join(running.log) + "\n")
        found.log = f"the server's log is {log}"
    return found


def keep(suite: Suite, subject: str, scores: list[Score], folder: Path) -> None:
    """Write down in `folder` how a server did in all rounds."""
    about = {
        "suite": suite.title,
        "commit": suite.commit if suite.found == suite.digest else None,
        "digest": suite.found,
        "subject": " ".join(suite.reference) if subject == "reference" else f"everywire, {subject} build",
        "engine": ENGINES.get(subject, "node"),
        "settings": suite.settings,
        "node": node(),
    }
    record(folder / f"{suite.name}-{subject}.json", about, scores)


def node() -> str:
    """The version of Node."""
    return subprocess.run([testbed.node(), "--version"], capture_output=True, text=True).stdout.strip()


def record(file: Path, about: dict[str, Any], scores: list[Score]) -> None:
    """Write down what was tried and how it did in all rounds, small enough to be kept in the repository."""
    failures = Counter(title for found in scores for title in found.failures)
    kept = about | {
        "python": platform.python_version(),
        "system": platform.system(),
        "date": time.strftime("%Y-%m-%d"),
        "seconds": round(sum(found.seconds for found in scores)),
        "passed": all(found.passed for found in scores),
        "rounds": len(scores),
        "cases": min(found.cases for found in scores),
        "counts": {"passed": sum(found.passes for found in scores), "failed": failures.total()},
        "failures": dict(failures),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=2) + "\n")


def arguments(suite: Suite, about: str | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", choices=tuple(ENGINES), help="default: both, unless --reference is given")
    parser.add_argument("--reference", action="store_true", help="npm's own server too, under the same conditions")
    parser.add_argument("--times", type=int, default=1, help="rounds, one after the other")
    parser.add_argument("--suite", help=suite.source)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the scores go, by default %(default)s")
    return parser.parse_args()


def main(suite: Suite, folder: Path, about: str | None) -> int:
    """Run what is asked for; 0 when every case passed every time, 2 when the suite cannot be had."""
    options = arguments(suite, about)
    builds = [options.build] if options.build else [] if options.reference else list(ENGINES)
    subjects = [*builds, *(["reference"] if options.reference else [])]
    scores: dict[str, list[Score]] = {subject: [] for subject in subjects}
    try:
        suite.install(options.suite)
        if suite.found != suite.digest:
            print(f"these cases are not those of {suite.commit[:12]}: how many there have to be is not known")
        for number in range(1, options.times + 1):
            for subject in subjects:
                scores[subject].append(perform(suite, folder, subject))
                print(f"{suite.name} {subject} {number}/{options.times}: {scores[subject][-1]}", flush=True)
    except (Unavailable, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 2
    for subject, found in scores.items():
        good = sum(one.passed for one in found)
        print(f"{'PASSED' if good == len(found) else 'FAILED'}: {suite.name} {subject}, {good} of {len(found)} rounds")
        keep(suite, subject, found, options.results)
    return 0 if all(one.passed for found in scores.values() for one in found) else 1
