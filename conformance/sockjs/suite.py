"""The official suite of SockJS, which is its protocol's specification: fetched into the testbed, run by Python 2.7, graded strictly."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "autobahn"))

import install as python27
from mocha import Score, Unavailable, testbed

REPOSITORY = "https://github.com/sockjs/sockjs-protocol"
FILES = ("sockjs-protocol.py", "utils.py", "httplib_fork.py")
STEPS = (("unittest2==1.1.0", "websocket-client==0.59.0", "ws4py==0.5.1"),)
PATIENCE = 120  # seconds for one run; it takes two
_CASE = re.compile(r"^(?P<case>test_\w+ \(__main__\.\w+\))(?:\n.*)?? \.\.\. (?P<grade>ok|FAIL|ERROR)$", re.MULTILINE)
_SECTION = re.compile(r"^(?:FAIL|ERROR): (test_\w+ \(__main__\.\w+\))\n(.*?)(?=^=====|\Z)", re.MULTILINE | re.DOTALL)


class SockJSSuite:
    """The suite: `digest` is the SHA-256 of its files at `commit`, of which there are `cases`."""

    name = "sockjs"
    title = "SockJS protocol 0.3.3"
    commit = "fdf5b7d719de6bd74ea4aedd264f01814b4f226d"
    digest = "af7d8f0d45020807e73d9768fa0f9aefa516b5fb1a91d8b4c753b7a57be7bf63"
    cases = 68
    source = "a clone of sockjs/sockjs-protocol"
    settings: ClassVar[dict[str, Any]] = {"response_limit": 4096}
    reference = ("sockjs@0.3.24",)

    @property
    def home(self) -> Path:
        """Where it is kept once it is fetched."""
        return testbed.HOME / "suites" / self.name

    @property
    def found(self) -> str:
        """The SHA-256 of the files that are there."""
        return hashlib.sha256(b"".join((self.home / name).read_bytes() for name in FILES)).hexdigest()

    @property
    def fetched(self) -> bool:
        """Whether the files are there."""
        return all((self.home / name).exists() for name in FILES)

    def install(self, source: str | None = None) -> None:
        """Have the suite and its Python; raises Unavailable. `source` is a clone of REPOSITORY or another address of it."""
        if source is not None or not self.fetched:
            self.fetch(source or os.environ.get("EVERYWIRE_SOCKJS_SUITE") or REPOSITORY)
        settings = self.home / "environment.json"
        if not settings.exists():
            settings.write_text(json.dumps(python27.make(self.home, STEPS)))

    def fetch(self, source: str) -> None:
        """Copy the files from a folder, or fetch `commit` by git."""
        self.home.mkdir(parents=True, exist_ok=True)
        if all((Path(source) / name).exists() for name in FILES):
            for name in FILES:
                shutil.copy(Path(source) / name, self.home)
            return
        with tempfile.TemporaryDirectory() as clone:
            for words in ("init -q", f"fetch -q --depth 1 {source} {self.commit}", "checkout -q FETCH_HEAD"):
                done = subprocess.run(["git", "-C", clone, *words.split()], capture_output=True, text=True)
                if done.returncode:
                    raise Unavailable(self.advice(source, done.stderr))
            self.fetch(clone)

    def advice(self, source: str, complaint: str) -> str:
        """What to do where git could not fetch it."""
        said = (complaint.strip().splitlines() or ["git failed"])[-1]
        return (
            f"the suite of {self.title} cannot be fetched from {source}: {said}\n"
            f"On a machine that reaches it: git clone {REPOSITORY}\n"
            "Then, here: --suite CLONE; it is asked for once."
        )

    def run(self, port: int) -> Score:
        """Run every case against the server at this port."""
        command = [str(self.home / "venv27" / "bin" / "python"), FILES[0], "-v"]
        environment = {
            **os.environ,
            **json.loads((self.home / "environment.json").read_text()),
            "SOCKJS_URL": f"http://127.0.0.1:{port}",
            "PYTHONIOENCODING": "utf-8",
        }
        environment.pop("PYTHONPATH", None)
        began = time.monotonic()
        try:
            done = subprocess.run(
                command, cwd=self.home, env=environment, capture_output=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            return Score(self.cases, trouble=f"the suite was not done after {PATIENCE} s")
        found = score(done.stderr.decode(errors="replace"), self.cases if self.found == self.digest else None)
        found.seconds = time.monotonic() - began
        return found


def score(report: str, expected: int | None) -> Score:
    """Read what unittest2 says of each case."""
    found = Score(expected)
    errors = {case: said.split("-" * 70)[1].strip().splitlines()[-1][:300] for case, said in _SECTION.findall(report)}
    for case, grade in _CASE.findall(report):
        if grade == "ok":
            found.passes += 1
        else:
            found.failures[case] = errors.get(case, grade)
    if not found.cases:
        found.trouble = report.strip()[-500:] or "the suite has said nothing"
    return found
