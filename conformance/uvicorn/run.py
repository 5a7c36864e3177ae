"""Runs uvicorn's own tests of its WebSocket implementations with everywire's in their place: exit code 0 only if every one passes.

    python conformance/uvicorn/run.py                             # native and pure build
    python conformance/uvicorn/run.py --build native --reference  # uvicorn's own implementations beside it

The tests are those of uvicorn's source distribution, of the version that is installed; pip fetches it on the first run, and it stays in
`.testbed/suites/uvicorn`. They run unmodified; `plugin.py` says which class they test. The scores go to `conformance/results/`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from mocha import Unavailable, testbed  # noqa: E402 - found by the line above
from processes import build_environment  # noqa: E402
from rounds import ENGINES, RESULTS  # noqa: E402

TESTS = "tests/protocols/test_websocket.py"
REFERENCES = ("websockets-sansio", "wsproto")
PATIENCE = 600  # seconds for one run; it takes thirty
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|error)")
_LINE = re.compile(r"^(?:FAILED|ERROR) \S+?::(\S+)|^SKIPPED \[\d+\] \S+ (different: .*)", re.MULTILINE)


def install() -> Path:
    """Have the tests of the uvicorn that is installed; raises Unavailable."""
    wanted = version("uvicorn")
    home = testbed.HOME / "suites" / "uvicorn" / wanted
    if (home / TESTS).exists():
        return Path(home)
    fresh = home.with_name(f"{wanted}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "uvicorn"]
    done = subprocess.run(
        [*command, "-d", str(fresh), f"uvicorn=={wanted}"], capture_output=True, text=True, check=False
    )
    archives = [*fresh.glob("uvicorn-*.tar.gz")]
    if done.returncode or not archives:
        raise Unavailable(f"pip does not fetch uvicorn's source distribution: {done.stderr.strip()[-300:]}")
    with tarfile.open(archives[0]) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(fresh, filter="data")
        else:  # Python before 3.11.4; the archive's version is pinned and known
            archive.extractall(fresh)
    folder = fresh / f"uvicorn-{wanted}"
    home.mkdir(parents=True, exist_ok=True)
    for name in ("tests", "pyproject.toml"):
        (folder / name).rename(home / name)
    shutil.rmtree(fresh)
    return Path(home)


def run(home: Path, subject: str) -> dict[str, object]:
    """Run the tests on everywire in one of its builds, or on one of uvicorn's implementations; give the score."""
    ours = subject in ENGINES
    environment = build_environment(subject) if ours else {**os.environ}
    environment["UVICORN_SUBJECT"] = "everywire" if ours else subject
    environment["PYTHONPATH"] = os.pathsep.join([environment.get("PYTHONPATH", ""), str(HERE)]).strip(os.pathsep)
    options = ["-o", "addopts=", "-p", "plugin", "-p", "no:cacheprovider", "-q", "-rfEs", "--tb=line"]
    command = [sys.executable, "-m", "pytest", *options, TESTS]
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    (home / f"{subject}.log").write_text(done.stdout + done.stderr)
    counts = {kind: int(number) for number, kind in _COUNT.findall(done.stdout.rstrip().rpartition("\n")[2])}
    found = [failed or different for failed, different in _LINE.findall(done.stdout)]
    return {
        "suite": f"uvicorn {version('uvicorn')}, {TESTS}",
        "subject": f"everywire, {subject} build" if ours else f"uvicorn, {subject}",
        "python": platform.python_version(),
        "system": platform.system(),
        "date": time.strftime("%Y-%m-%d"),
        "seconds": round(time.monotonic() - begun),
        "passed": done.returncode == 0,
        "counts": {"passed": counts.get("passed", 0), "failed": counts.get("failed", 0) + counts.get("error", 0)},
        "skipped": counts.get("skipped", 0),
        "different": sorted({one for one in found if one.startswith("different")}),
        "failures": [one for one in found if not one.startswith("different")],
    }


def main() -> int:
    """Run what is asked for; 0 when every test passed, 2 when the tests cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", choices=tuple(ENGINES), help="default: both")
    parser.add_argument("--reference", action="store_true", help="uvicorn's own implementations too")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the scores go, by default %(default)s")
    options = parser.parse_args()
    try:
        home = install()
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 2
    good = True
    options.results.mkdir(parents=True, exist_ok=True)
    for subject in [*([options.build] if options.build else ENGINES), *(REFERENCES if options.reference else ())]:
        score = run(home, subject)
        good = good and (bool(score["passed"]) or subject in REFERENCES)
        (options.results / f"uvicorn-{subject}.json").write_text(json.dumps(score, indent=2) + "\n")
        print(f"{'PASSED' if score['passed'] else 'FAILED'}: {score['subject']}, {score['counts']}", flush=True)
        for failure in score["failures"]:  # type: ignore[attr-defined]
            print(f"  {failure}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
