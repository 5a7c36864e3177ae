"""Runs the test files of Channels and channels_redis with everywire's layer in the place of theirs: exit code 0 only if every case passes.

    python conformance/channels/run.py                                   # native and pure build
    python conformance/channels/run.py --build native --times 3
    python conformance/channels/run.py --channels CLONE --channels-redis CLONE       # from clones of django/channels and django/channels_redis

Channels' layer is one of a single process; channels_redis' is one that processes share, by way of the machine's broker. The files are
fetched by git on the first run, what they need by pip; they stay in `.testbed/suites/channels`. The scores go to `conformance/results/`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

from mocha import Score, Unavailable  # noqa: E402 - found by the lines above
from rounds import ENGINES, RESULTS, record  # noqa: E402
from suite import SUITES, Suite, packages  # noqa: E402


def keep(suite: Suite, build: str, scores: list[Score], folder: Path) -> None:
    """Write down how a build did in all rounds."""
    about = {
        "suite": f"{suite.name}: {', '.join(suite.files)}",
        "commit": suite.commit,
        "subject": f"everywire, {build} build",
        "left out": suite.left,
    }
    record(folder / f"{suite.name}-{build}.json", about, scores)


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", choices=tuple(ENGINES), help="default: both")
    parser.add_argument("--times", type=int, default=1, help="rounds, one after the other")
    parser.add_argument("--channels", help="a clone of django/channels")
    parser.add_argument("--channels-redis", help="a clone of django/channels_redis")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the scores go, by default %(default)s")
    options = parser.parse_args()
    good = True
    try:
        packages()
        for suite in SUITES:
            suite.install(getattr(options, suite.name))
            for build in [options.build] if options.build else ENGINES:
                scores = []
                for number in range(1, options.times + 1):
                    scores.append(suite.run(build))
                    print(f"{suite.name} {build} {number}/{options.times}: {scores[-1]}", flush=True)
                keep(suite, build, scores, options.results)
                good &= all(found.passed for found in scores)
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 2
    print("PASSED" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
