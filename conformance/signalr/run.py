"""Runs the functional tests of SignalR's JavaScript client against everywire, in Node and in Chromium, over HTTP and HTTPS.

    python conformance/signalr/run.py                                             # native and pure build, once
    python conformance/signalr/run.py --build native --times 3 --place node       # in Node alone, three times
    python conformance/signalr/run.py --suite ../aspnetcore                       # the tests from a clone of dotnet/aspnetcore

The tests are fetched by git on the first run, what they need comes from npm; both stay in `.testbed/suites/signalr`. The scores go to
`conformance/results/`. The exit code is 0 only if every test passed every time.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import suite  # noqa: E402 - found by the line above
from mocha import Score, Unavailable  # noqa: E402
from processes import Server, build_environment  # noqa: E402
from rounds import ENGINES, RESULTS, node, record  # noqa: E402

PLACES = {"node": (suite.in_node, 137), "chromium": (suite.in_chromium, 252)}


def certificate() -> Path:
    """Make a key and a certificate for 127.0.0.1, in one file."""
    folder = suite.HOME / "certificate"
    folder.mkdir(parents=True, exist_ok=True)
    if not shutil.which("openssl"):
        raise Unavailable("the tests over HTTPS need the openssl command")
    names = "-days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1".split()
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text("".join((folder / name).read_text() for name in ("key.pem", "certificate.pem")))
    return both


def perform(build: str, place: str) -> Score:
    """Run all tests once, against two servers of their own: one for HTTP, one for HTTPS."""
    run, expected = PLACES[place]
    command = [sys.executable, str(HERE / "server.py"), "--engine", ENGINES[build]]
    environment = build_environment(build)
    secured = [*command, "--certificate", str(certificate())]
    log, begun = suite.HOME / f"{build}-{place}.log", time.monotonic()
    with Server(command, environment) as plain, Server(secured, environment) as secure:
        urls = suite.Urls(f"http://127.0.0.1:{plain.port}", f"https://127.0.0.1:{secure.port}")
        results = run(urls, log)
        known = suite.found() == suite.DIGEST
        found = suite.score(results, expected if known else None, time.monotonic() - begun)
        if not (plain.alive and secure.alive):
            found.trouble = "a server has ended"
    if not found.passed:
        said = suite.HOME / f"{build}-{place}-servers.log"
        said.write_text("\n".join([*plain.log, "-- HTTPS:", *secure.log]) + "\n")
        found.log = f"the client's log is {log}, the servers' {said}"
    return found


def keep(build: str, place: str, scores: list[Score], folder: Path) -> None:
    """Write down in `folder` how a build did in all rounds."""
    about = {
        "suite": f"SignalR functional tests, in {place}",
        "commit": suite.COMMIT if suite.found() == suite.DIGEST else None,
        "digest": suite.found(),
        "subject": f"everywire, {build} build",
        "engine": ENGINES[build],
        "packages": suite.PACKAGES[:2],
        "node": node(),
    }
    record(folder / f"signalr-{place}-{build}.json", about, scores)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", choices=tuple(ENGINES), help="default: both")
    parser.add_argument("--place", choices=tuple(PLACES), help="default: both")
    parser.add_argument("--times", type=int, default=1, help="rounds, one after the other")
    parser.add_argument("--suite", help=f"a clone of dotnet/aspnetcore, or its folder {suite.FOLDER}")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the scores go, by default %(default)s")
    return parser.parse_args()


def main() -> int:
    """Run what is asked for; 0 when all went well every time, 2 when the tests cannot be had."""
    options = arguments()
    builds = [options.build] if options.build else [*ENGINES]
    places = [options.place] if options.place else [*PLACES]
    scores: dict[tuple[str, str], list[Score]] = {(build, place): [] for build in builds for place in places}
    try:
        suite.install(options.suite)
        if suite.found() != suite.DIGEST:
            print(f"these tests are not those of {suite.COMMIT[:12]}: how many there have to be is not known")
        for number in range(1, options.times + 1):
            for build, place in scores:
                found = perform(build, place)
                scores[build, place].append(found)
                print(f"signalr {build} in {place} {number}/{options.times}: {found}", flush=True)
    except (Unavailable, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 2
    for (build, place), rounds in scores.items():
        count = sum(found.passed for found in rounds)
        verdict = "PASSED" if count == len(rounds) else "FAILED"
        print(f"{verdict}: signalr {build} in {place}, {count} of {len(rounds)} rounds")
        keep(build, place, rounds, options.results)
    return 0 if all(found.passed for rounds in scores.values() for found in rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
