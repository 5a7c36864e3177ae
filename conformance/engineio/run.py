"""Runs the official Engine.IO v4 suite against everywire, strictly: exit code 0 only if every case passes, every time.

    python conformance/engineio/run.py                                            # native and pure build, once
    python conformance/engineio/run.py --build native --times 10                  # ten times
    python conformance/engineio/run.py --build native --reference                 # npm's engine.io beside it
    python conformance/engineio/run.py --reference --suite ../socket.io           # the suite from a clone of socketio/socket.io

The suite is fetched by git on the first run, what it needs comes from npm; both stay in `.testbed/suites/engineio`. The scores go to
`conformance/results/`.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from mocha import Suite  # noqa: E402 - found by the line above
from rounds import main  # noqa: E402

SUITE = Suite(
    name="engineio",
    title="Engine.IO protocol v4",
    folder="docs/engine.io-protocol/v4-test-suite",
    digest="3f4b32add9837659dcf48af0bb5b8b203b636784d856134046d85f391b15bc88",
    cases=25,
)

if __name__ == "__main__":
    sys.exit(main(SUITE, HERE, __doc__))
