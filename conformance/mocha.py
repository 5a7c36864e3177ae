"""The protocol suites of Socket.IO's own repository: fetched into the testbed, run by their mocha, graded strictly.

Such a suite talks to `localhost:3000`. It runs unmodified: `elsewhere.mjs`, which Node reads first, leads that address to the server
under test, so that any free port will do.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import testbed as testbed  # noqa: E402 - found by the line above; others take it from here
from testbed import Unavailable  # noqa: E402

REPOSITORY = "https://github.com/socketio/socket.io"
COMMIT = "d2d753fed4435015c2d83fe62e676b44e07fa3f7"
ELSEWHERE = Path(__file__).with_name("elsewhere.mjs")
PATIENCE = 120  # seconds for one run; a whole suite takes six


@dataclass(frozen=True)
class Suite:
    """One suite: `folder` is where it lives in REPOSITORY, `digest` the SHA-256 of its cases at COMMIT, `cases` their number.

    The servers are told the `settings`; `reference` are the packages that npm's own comes from.
    """

    name: str
    title: str
    folder: str
    digest: str
    cases: int
    commit = COMMIT
    source = "a clone of socketio/socket.io, or the suite's folder in it"
    settings: ClassVar[dict[str, Any]] = {"ping_interval": 0.3, "ping_timeout": 0.2, "max_payload": 1_000_000}
    reference = ("socket.io@4.8.4", "engine.io@6.6.12")

    @property
    def home(self) -> Path:
        """Where it is kept once it is fetched."""
        return testbed.HOME / "suites" / self.name

    @property
    def found(self) -> str:
        """The SHA-256 of the cases that are there."""
        return hashlib.sha256((self.home / "test-suite.js").read_bytes()).hexdigest()

    def install(self, source: str | None = None) -> None:
        """Have the suite and its packages; raises Unavailable.

        `source` is the suite's own folder, a clone of REPOSITORY or another address of it; without one, what was
        fetched before is good.
        """
        if source is not None or not (self.home / "test-suite.js").exists():
            self.fetch(source or os.environ.get("EVERYWIRE_SOCKETIO_SUITES") or REPOSITORY)
        testbed.npm_ci(self.home)

    def fetch(self, source: str) -> None:
        """Copy the suite from a folder, or fetch COMMIT by git."""
        for folder in (Path(source), Path(source) / self.folder):
            if (folder / "test-suite.js").exists():
                return self.keep(folder)
        with tempfile.TemporaryDirectory() as clone:
            for words in (
                "init -q",
                f"fetch -q --depth 1 {source} {COMMIT}",
                f"checkout -q FETCH_HEAD -- {self.folder}",
            ):
                done = subprocess.run(["git", "-C", clone, *words.split()], capture_output=True, text=True)
                if done.returncode:
                    raise Unavailable(self.advice(source, done.stderr))
            self.keep(Path(clone) / self.folder)
        return None

    def keep(self, folder: Path) -> None:
        """Put the suite in its place, without packages that somebody installed there."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(folder, self.home, ignore=shutil.ignore_patterns("node_modules"))

    def advice(self, source: str, complaint: str) -> str:
        """What to do where git could not fetch it."""
        said = (complaint.strip().splitlines() or ["git failed"])[-1]
        return (
            f"the suite of {self.title} cannot be fetched from {source}: {said}\n"
            f"On a machine that reaches it: git clone --depth 1 {REPOSITORY}\n"
            f"Then, here: --suite CLONE, or --suite CLONE/{self.folder}; it is asked for once."
        )

    def run(self, port: int) -> Score:
        """Run every case against the server at this port."""
        report = self.home / f"report-{os.getpid()}.json"
        report.unlink(missing_ok=True)
        mocha = self.home / "node_modules" / "mocha" / "bin" / "mocha"
        options = ["--reporter", "json", "--reporter-option", f"output={report}", "--exit"]
        command = [str(testbed.node()), "--import", ELSEWHERE.as_uri(), str(mocha), *options, "test-suite.js"]
        environment = {**os.environ, "SUITE_PORT": "3000", "SERVER_PORT": str(port)}
        try:
            done = subprocess.run(
                command, cwd=self.home, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            return Score(self.cases, trouble=f"mocha was not done after {PATIENCE} s")
        if not report.exists():
            return Score(self.cases, trouble=(done.stderr or done.stdout).strip()[-500:])
        read = json.loads(report.read_text())
        report.unlink()
        return score(read, self.cases if self.found == self.digest else None)


@dataclass
class Score:
    """What became of one run: `failures` maps the title of a case to its error; `expected` cases had to run, where that is known."""

    expected: int | None = None
    passes: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    trouble: str = ""  # why there is no report, or none that counts
    log: str = ""  # where more is said

    @property
    def cases(self) -> int:
        """The number of cases that ran."""
        return self.passes + len(self.failures)

    @property
    def passed(self) -> bool:
        """True when cases ran, none is missing and none failed."""
        complete = self.expected is None or self.cases == self.expected
        return self.cases > 0 and complete and not self.failures and not self.trouble

    def __str__(self) -> str:
        lines = [f"{self.passes} of {self.expected or self.cases} in {self.seconds:.1f} s"]
        lines += [f"    {title}: {error}" for title, error in self.failures.items()]
        if self.expected is not None and self.cases != self.expected:
            lines.append(f"    {self.expected - self.cases} of {self.expected} cases did not run")
        return "\n".join(lines + [f"    {said}" for said in (self.trouble, self.log) if said])


def score(report: dict[str, Any], expected: int | None) -> Score:
    """Read a report of mocha's JSON reporter; a case that is skipped did not run."""
    failures: dict[str, str] = {}
    for case in report["failures"]:
        message = (case["err"].get("message") or "no message").splitlines()[0]
        failures[case["fullTitle"]] = message
    return Score(expected, len(report["passes"]), failures, report["stats"]["duration"] / 1000)
