"""Fuzzes the parsers and counts: exit code 0 only without findings.

    python -m fuzz                                     # a million executions of each target
    python -m fuzz --target native --runs 5000000
    python -m fuzz --target pure --input FILE          # one input again, with its traceback

`native` runs the compiled decoder with AddressSanitizer and UndefinedBehaviourSanitizer, `pure` its source, `differential` both against
each other, `handshake` the opening handshake. `requests` has both builds, h11 and an opening read requests, `commands` is the native wire,
`socketio` that of Socket.IO, `signalr` that of SignalR, `sockjs` that of SockJS, `lines` a gateway under random requests, `broker` both ends of
the local broker's link.
A finding's input is kept in `.testbed/fuzz/findings/`, what the fuzzer learns in `.testbed/fuzz/corpus/`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz import build, seeds

MODULES = {
    "pure": "fuzz.decoder_fuzz",
    "native": "fuzz.decoder_fuzz",
    "differential": "fuzz.differential_fuzz",
    "handshake": "fuzz.handshake_fuzz",
    "requests": "fuzz.requests_fuzz",
    "commands": "fuzz.commands_fuzz",
    "socketio": "fuzz.socketio_fuzz",
    "signalr": "fuzz.signalr_fuzz",
    "sockjs": "fuzz.sockjs_fuzz",
    "lines": "fuzz.lines_fuzz",
    "broker": "fuzz.broker_fuzz",
}
SANITIZED = ("native", "differential", "requests")
LIMITS = ("-max_len=1024", "-timeout=25", "-report_slow_units=25", "-rss_limit_mb=2048", "-detect_leaks=0")


@dataclass
class Outcome:
    """What one target's run came to."""

    target: str
    executions: int
    findings: list[Path]
    seconds: float
    wrong: str = ""  # why it did not run to its end

    @property
    def clean(self) -> bool:
        """True when it ran to its end without a finding."""
        return not self.findings and not self.wrong

    def line(self) -> str:
        """The outcome in one line."""
        rate = self.executions / self.seconds / 1000 if self.seconds else 0
        text = f"{self.target:>13}: {self.executions:,} executions in {self.seconds:.0f} s ({rate:.0f} k/s), {len(self.findings)} findings"
        return text + (f"; {self.wrong}" if self.wrong else "")


def environment(target: str) -> dict[str, str]:
    """The environment of a target's process: which build it imports, and the sanitizers' runtime where it needs them."""
    source = build.sanitized() if target in SANITIZED else build.source()
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(build.ROOT)])}
    variables["EVERYWIRE_PURE"] = "0"  # the folder decides
    if target in SANITIZED:
        import atheris

        variables["LD_PRELOAD"] = str(Path(atheris.path()) / "asan_with_fuzzer.so")
        variables["ASAN_OPTIONS"] = (
            "detect_leaks=0:allocator_may_return_null=1:malloc_context_size=2:quarantine_size_mb=16"
        )
        variables["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
    if target == "native":
        variables["PYTHONMALLOC"] = "malloc"  # so that every object has its own red zones
    return variables


def fuzz(target: str, runs: int) -> Outcome:
    """Run one target; its output is shown as it comes."""
    corpus, findings = build.HOME / "corpus" / target, build.HOME / "findings" / target
    findings.mkdir(parents=True, exist_ok=True)
    seeds.write(corpus, target)
    known = set(findings.iterdir())
    command = [
        sys.executable,
        "-m",
        MODULES[target],
        str(corpus),
        f"-runs={runs}",
        f"-artifact_prefix={findings}/",
        *LIMITS,
    ]
    variables = environment(target)
    start, executions, tail = time.monotonic(), 0, ""
    with subprocess.Popen(
        command,
        env=variables,
        cwd=build.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            executions = max(executions, count(line))
            tail = shown(line, tail)
    found = sorted(set(findings.iterdir()) - known)
    wrong = f"ended with {process.returncode}: {tail}" if process.returncode and not found else ""
    if not wrong and not found and executions < runs:
        wrong = f"only {executions:,} of {runs:,} executions"
    return Outcome(target, executions, found, time.monotonic() - start, wrong)


def count(line: str) -> int:
    """The number of executions so far that a line of libFuzzer's output tells; 0 where it tells none."""
    found = re.match(r"#(\d+)\s", line) or re.match(r"Done (\d+) runs", line)
    return int(found[1]) if found else 0


def shown(line: str, last: str) -> str:
    """Show a line unless it only says that the fuzzer learnt something; gives the last one that was shown."""
    if re.match(r"#\d+\s+(NEW|REDUCE|RELOAD)", line) or not line.strip():
        return last
    print("  " + line.rstrip(), flush=True)
    return line.strip()


def repeat(target: str, path: str) -> int:
    """Run one input again; the exit code is the fuzzer's."""
    return subprocess.run(
        [sys.executable, "-m", MODULES[target], path], env=environment(target), cwd=build.ROOT
    ).returncode


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1_000_000, help="executions of each target")
    parser.add_argument("--target", choices=(*MODULES, "all"), default="all")
    parser.add_argument("--input", help="an input to run again, of --target")
    return parser.parse_args()


def main() -> int:
    """Fuzz what is asked for; 1 on findings, 2 when a target cannot run here."""
    options = arguments()
    if options.input:
        return repeat(options.target, options.input)
    targets = list(MODULES) if options.target == "all" else [options.target]
    try:
        outcomes = [fuzz(target, options.runs) for target in targets]
    except build.Unavailable as error:
        print(error, file=sys.stderr)
        return 2
    for outcome in outcomes:
        print(outcome.line())
        for path in outcome.findings:
            print(f"               python -m fuzz --target {outcome.target} --input {path}")
    return 0 if all(outcome.clean for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
