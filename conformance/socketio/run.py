"""Runs the official Socket.IO v5 suite against everywire, strictly: exit code 0 only if every case passes, every time.

    python conformance/socketio/run.py                                            # native and pure build, once
    python conformance/socketio/run.py --build native --times 10                  # ten times
    python conformance/socketio/run.py --build native --reference                 # npm's socket.io beside it
    python conformance/socketio/run.py --reference --suite ../socket.io           # the suite from a clone of socketio/socket.io

The suite is fetched by git on the first run, what it needs comes from npm; both stay in `.testbed/suites/socketio`. The scores go to
`conformance/results/`.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from mocha import Suite  # noqa: E402 - found by the line above
from rounds import main  # noqa: E402

SUITE = Suite(
    name="socketio",
    title="Socket.IO protocol v5",
    folder="docs/socket.io-protocol/v5-test-suite",
    digest="79d6cebaec1e367da5c441e67d4364686bc26937698f644194ddc9e34456dd11",
    cases=32,
)

if __name__ == "__main__":
    sys.exit(main(SUITE, HERE, __doc__))
