"""Runs the Autobahn Testsuite against everywire, strictly: exit code 0 only if every case is OK.

    python conformance/autobahn/run.py --all                                  # server and client, native and pure build
    python conformance/autobahn/run.py --role server --build native --short   # ten seconds
    python conformance/autobahn/run.py --role client --build pure --cases '7.*,12.1.*'

The suite itself is installed on the first run (`install.py`). Full runs leave a summary in `conformance/results/`;
Autobahn's own pages, a page for each case, stay in `.testbed/autobahn/reports/`.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import verdict
import wstest
from haproxy import http2_in_front
from install import HOME, install, testbed
from processes import ROOT, EchoServer, build_environment

RESULTS = ROOT / "conformance" / "results"
CLIENT = ROOT / "conformance" / "autobahn" / "client_loop.py"

# Autobahn sends messages of 16 MiB, also in fragments of 64 octets, so these two limits are raised; all others, and the
# behaviour when a limit is exceeded, are the defaults. Keepalive pings would stand between the frames that Autobahn expects.
LIMITS: dict[str, Any] = {"max_size": 1 << 25, "max_fragments": 1 << 19, "ping_interval": None}

# The whole suite in parts of about equal length, so that two processors can share it.
PARTS = (
    ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.1.*", "12.2.*"],
    ["12.3.*", "12.4.*", "12.5.*"],
    ["13.1.*", "13.2.*", "13.3.*", "13.4.*"],
    ["13.5.*", "13.6.*", "13.7.*"],
)


@dataclass(frozen=True)
class Job:
    """One run: who is tested, in which build, how it is carried, with which cases."""

    role: str
    build: str
    engine: str
    carrier: str = "tcp"  # tcp, tls or h2
    library: str = "everywire"
    cases: tuple[str, ...] = ("*",)
    processes: int = 1

    @property
    def name(self) -> str:
        """What its results are filed under."""
        subject = self.build if self.library == "everywire" else self.library
        return "-".join(["autobahn", self.role, subject] + ([self.carrier] if self.carrier != "tcp" else []))

    @property
    def whole(self) -> bool:
        """True when all cases are run."""
        return self.cases == ("*",)


class Bar:
    """The progress of a run, on one line where somebody watches."""

    def __init__(self, expected: int | None) -> None:
        """`expected` is the number of cases, where it is known."""
        self.expected = expected
        self.begun: dict[int, int] = {}
        self.start = time.monotonic()

    def part(self, index: int) -> wstest.Progress:
        """The function that part `index` of the run calls with its count."""

        def progress(count: int) -> None:
            self.begun[index] = count
            self.show(sum(self.begun.values()))

        return progress

    def show(self, count: int) -> None:
        """Say how far it is: each case on a terminal, every 50th in a log."""
        of = f"/{self.expected}" if self.expected else ""
        text = f"  case {count}{of}, {time.monotonic() - self.start:.0f} s"
        if sys.stdout.isatty():
            print(f"\r{text}", end="", flush=True)
        elif count % 50 == 0:
            print(text, flush=True)


def perform(job: Job) -> bool:
    """Run one job, print its table, keep its summary; True when it passed."""
    print(f"{job.name} ({job.engine} engine)", flush=True)
    start = time.monotonic()
    parts = [tuple(part) for part in PARTS] if job.whole and job.processes > 1 else [job.cases]
    bar = Bar(verdict.ALL_CASES if job.whole else None)
    with ThreadPoolExecutor(job.processes) as pool:
        indexes = list(pool.map(lambda item: run_part(replace(job, cases=item[1]), item[0], bar), enumerate(parts)))
    result = verdict.Verdict(expected=bar.expected)
    for index in indexes:
        result.grades.update(verdict.read(index, job.name).grades)
    seconds = time.monotonic() - start
    print(
        f"\r{result.table()}\n  {'PASSED' if result.passed else 'FAILED'}: {result.counts()} in {seconds:.0f} s\n",
        flush=True,
    )
    if job.whole:
        keep(job, result, seconds)
    return result.passed


def run_part(job: Job, part: int, bar: Bar) -> Path:
    """Run some of a job's cases against a server or client of their own; returns the path of Autobahn's index."""
    folder = HOME / "reports" / job.name / str(part)
    shutil.rmtree(folder, ignore_errors=True)
    with ExitStack() as stack:
        if job.role == "server":
            url = serve(job, folder, stack)
            return wstest.fuzz_server(url, job.name, job.cases, folder, bar.part(part))
        pair = certificate(folder) if job.carrier == "tls" else None
        command = [
            sys.executable,
            str(CLIENT),
            "--library",
            job.library,
            "--engine",
            job.engine,
            "--options",
            json.dumps(LIMITS),
        ]
        environment = build_environment(job.build)
        return wstest.fuzz_client(
            command, job.name, job.cases, folder, progress=bar.part(part), environment=environment, certificate=pair
        )


def serve(job: Job, folder: Path, stack: ExitStack) -> str:
    """Start the server under test, with a proxy before it for h2; returns its URL."""
    arguments = ["--library", job.library, "--engine", job.engine]
    if job.carrier != "tcp":
        key, _ = certificate(folder)
        arguments += ["--certificate", str(key.with_name("both.pem"))]
    if job.carrier == "h2":
        arguments.append("--h2")
    server = stack.enter_context(EchoServer(*arguments, build=job.build, **LIMITS))
    if job.carrier == "h2":
        return f"ws://127.0.0.1:{stack.enter_context(http2_in_front(server.port, folder))}"
    return f"{'wss' if job.carrier == 'tls' else 'ws'}://127.0.0.1:{server.port}"


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 for this run: key.pem, cert.pem, and both in both.pem."""
    folder.mkdir(parents=True, exist_ok=True)
    key, cert = folder / "key.pem", folder / "cert.pem"
    if not shutil.which("openssl"):
        raise testbed.Unavailable("--tls and --h2 need the openssl command")
    options = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1".split()
    )
    subprocess.run(["openssl", *options, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    (folder / "both.pem").write_text(key.read_text() + cert.read_text())
    return key, cert


def keep(job: Job, result: verdict.Verdict, seconds: float) -> None:
    """Write the summary of a whole run, small enough to be kept in the repository."""
    about = {
        "suite": "autobahntestsuite 25.10.1",
        "role": job.role,
        "build": job.build,
        "engine": job.engine,
        "carrier": job.carrier,
    }
    where = {
        "limits": LIMITS,
        "python": platform.python_version(),
        "system": platform.system(),
        "date": time.strftime("%Y-%m-%d"),
        "seconds": round(seconds),
    }
    if job.library != "everywire":
        about |= {"library": job.library}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{job.name}.json").write_text(json.dumps(about | where | result.summary(), indent=2) + "\n")


def jobs(options: argparse.Namespace) -> list[Job]:
    """The runs that the command line asks for."""
    roles = ("server", "client") if options.all or options.role is None else (options.role,)
    builds = ("native", "pure") if options.all or options.build is None else (options.build,)
    carrier = "h2" if options.h2 else "tls" if options.tls else "tcp"
    if carrier == "h2":
        roles = ("server",)
    cases = tuple(wstest.SHORT) if options.short else tuple(options.cases.split(","))
    engines = {build: options.engine or ("native" if build == "native" else "portable") for build in builds}
    return [
        Job(role, build, engines[build], carrier, options.library, cases, options.jobs)
        for build in builds
        for role in roles
    ]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--all", action="store_true", help="both roles, both builds (also what is run without --role and --build)"
    )
    parser.add_argument("--role", choices=("server", "client"))
    parser.add_argument("--build", choices=("native", "pure"))
    parser.add_argument(
        "--engine",
        choices=("native", "portable"),
        help="default: native for the native build, portable for the pure one",
    )
    parser.add_argument("--cases", default="*", help="Autobahn's patterns, separated by commas")
    parser.add_argument("--short", action="store_true", help="a part of every group, about ten seconds")
    parser.add_argument("--tls", action="store_true", help="over wss")
    parser.add_argument("--h2", action="store_true", help="the server over HTTP/2, with HAProxy in between")
    parser.add_argument(
        "--jobs", type=int, default=1, help="parts of the suite run at the same time; needs as many processors"
    )
    parser.add_argument(
        "--library", choices=("everywire", "websockets"), default="everywire", help="websockets: the reference's score"
    )
    return parser.parse_args()


def main() -> int:
    """Run what is asked for; 0 when all passed, 2 when the suite cannot be had."""
    options = arguments()
    try:
        install()
        results = [perform(job) for job in jobs(options)]
    except (testbed.Unavailable, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
