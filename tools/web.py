"""Builds the JavaScript client from its sources in clients/js, with Node and npm from the testbed.

``python tools/web.py [build|check|test]`` installs what the lock file says and runs that npm script.
"""

import subprocess
import sys

import testbed

CLIENT = testbed.ROOT / "clients" / "js"


def main() -> int:
    script = sys.argv[1] if len(sys.argv) > 1 else "build"
    try:
        testbed.npm_ci(CLIENT)
        command = [*testbed.npm_command(), "run", "--silent", script]
        environment = testbed.npm_environment()
    except testbed.Unavailable as error:
        print(f"web: {error}", file=sys.stderr)
        return 1
    return subprocess.run(command, cwd=CLIENT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
