"""HAProxy in front of the server under test: turns HTTP/1.1 upgrades into WebSocket over HTTP/2 (RFC 8441)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from install import testbed
from wstest import free_port, wait_for

CONFIGURATION = """\
global
  maxconn 2000
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout tunnel 600s
frontend http1
  bind 127.0.0.1:{front}
  default_backend http2
backend http2
  server under-test 127.0.0.1:{back} ssl verify none alpn h2 ws h2
"""


@contextmanager
def http2_in_front(port: int, folder: Path) -> Iterator[int]:
    """A port that speaks HTTP/1.1 and forwards every WebSocket as a stream of one HTTP/2 connection to `port`."""
    front = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "haproxy.cfg"
    configuration.write_text(CONFIGURATION.format(front=front, back=port))
    path, environment = program()
    with (folder / "haproxy.log").open("w") as log:
        process = subprocess.Popen(
            [path, "-db", "-f", str(configuration)], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            wait_for(front, process)
            yield front
        finally:
            process.terminate()
            process.wait()


def program() -> tuple[str, dict[str, str]]:
    """HAProxy's path and environment: the machine's own, or Debian's package, unpacked into the testbed without root."""
    found = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found:
        return found, dict(os.environ)
    root = testbed.HOME / "haproxy"
    unpacked = root / "usr" / "sbin" / "haproxy"
    if not unpacked.exists():
        testbed.debian(root, "haproxy")
    libraries = {str(path.parent) for path in (root / "usr" / "lib").rglob("*.so*")}
    return str(unpacked), {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(sorted(libraries))}
