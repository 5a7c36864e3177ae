"""The test files of Channels and of channels_redis: fetched into the testbed, run by pytest with our layer in the place of theirs, graded strictly."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mocha import Score, Unavailable, testbed
from processes import build_environment

HERE = Path(__file__).resolve().parent
HOME = testbed.HOME / "suites" / "channels"
PACKAGES = ("pytest==9.2.0", "pytest-asyncio==1.5.0", "pytest-django==4.14.0", "async-timeout==5.0.1", "redis==8.1.0")
PATIENCE = 300  # seconds for one run


@dataclass(frozen=True)
class Suite:
    """Files of one repository at `commit`, with `cases` in them; `left` are the cases that are about that repository's own layer, and why."""

    name: str
    commit: str
    files: tuple[str, ...]
    cases: int
    left: dict[str, str]

    @property
    def repository(self) -> str:
        """Where it is fetched from."""
        return f"https://github.com/django/{self.name}"

    @property
    def home(self) -> Path:
        """Where it is kept."""
        return HOME / self.name

    def install(self, source: str | None) -> None:
        """Have the files; raises Unavailable. `source` is a clone of the repository, or another address of it."""
        if source is None and (self.home / self.files[0]).exists():
            return
        self.home.mkdir(parents=True, exist_ok=True)
        for words in (
            "init -q",
            f"fetch -q --depth 1 {source or self.repository} {self.commit}",
            "checkout -q -f FETCH_HEAD",
        ):
            done = subprocess.run(["git", "-C", self.home, *words.split()], capture_output=True, text=True)
            if done.returncode:
                said = (done.stderr.strip().splitlines() or ["git failed"])[-1]
                raise Unavailable(
                    f"{self.name} cannot be fetched from {source or self.repository}: {said}\n"
                    f"On a machine that reaches it: git clone {self.repository}\n"
                    f"Then, here: --{self.name.replace('_', '-')} CLONE; it is asked for once."
                )

    def run(self, build: str) -> Score:
        """Run all files once."""
        with tempfile.TemporaryDirectory(prefix="ew-") as folder:
            report = Path(folder) / "report.xml"
            environment = build_environment(build) | {
                "SUITE": self.name,
                "PYTHONPATH": os.pathsep.join([str(HERE), str(HOME / "packages"), str(HERE.parents[1] / "src")]),
                "XDG_RUNTIME_DIR": folder,  # a broker of its own, which ends by itself
            }
            options = [
                "-q",
                "-p",
                "replaced",
                "-c",
                str(HERE / "pytest.ini"),
                f"--rootdir={self.home}",
                f"--junit-xml={report}",
            ]
            options += ["-k", " and ".join(f"not {name}" for name in self.left)] if self.left else []
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *options, *self.files],
                cwd=self.home, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
            if not report.exists():
                return Score(self.cases, trouble=(done.stdout + done.stderr)[-2000:])
            return self.score(report)

    def score(self, report: Path) -> Score:
        """Read what pytest wrote down."""
        found = Score(self.cases)
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            wrong = [each for each in case if each.tag in ("failure", "error", "skipped")]
            if wrong:
                found.failures[f"{case.get('classname')}::{case.get('name')}"] = wrong[0].get("message", "")[:300]
            else:
                found.passes += 1
            found.seconds += float(case.get("time", 0))
        return found


SUITES = (
    Suite(
        "channels",
        "15333cd7a59ba4fcafbbcb3089e41e1353624b2f",
        ("tests/test_inmemorychannel.py", "tests/test_layers.py", "tests/test_generic_websocket.py", "tests/test_generic_http.py"),
        46,
        {},
    ),
    Suite(
        "channels_redis",
        "6c6ec4a023f04d7400780e440c71efd2c669a757",
        ("tests/test_core.py", "tests/test_pubsub.py"),
        40,
        {
            "test_default_group_key_format": "the name of a key in Redis",
            "test_custom_group_key_format": "the name of a key in Redis",
            "test_receive_buffer_respects_capacity": "the class of the buffers between Redis and a reader, by itself",
            "test_message_expiry__group_send__one_channel_expires_message": "its authors expect it to fail: it reads a message after its expiry",
            "test_loop_instance_channel_layer_reference": "the part of its layer that it has for each event loop",
        },
    ),
)  # fmt: skip


def packages() -> None:
    """Have what the tests need besides; none of it is installed where everywire is."""
    folder = HOME / "packages"
    if not (folder / ".complete").exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), *PACKAGES]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"{' '.join(PACKAGES)} cannot be had: {done.stderr[-500:]}")
        (folder / ".complete").touch()
