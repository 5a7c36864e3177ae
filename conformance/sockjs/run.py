"""Runs the official SockJS suite against everywire, strictly: exit code 0 only if every case passes, every time.

    python conformance/sockjs/run.py                                            # native and pure build, once
    python conformance/sockjs/run.py --build native --times 10                  # ten times
    python conformance/sockjs/run.py --build native --reference                 # npm's sockjs beside it
    python conformance/sockjs/run.py --reference --suite ../sockjs-protocol     # the suite from a clone of sockjs/sockjs-protocol

The suite is fetched by git on the first run, and needs Python 2.7 as Autobahn does; both stay in `.testbed/suites/sockjs`. The scores go to
`conformance/results/`.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from rounds import main  # noqa: E402 - found by the line above
from sockjs.suite import SockJSSuite  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(SockJSSuite(), HERE, __doc__))
