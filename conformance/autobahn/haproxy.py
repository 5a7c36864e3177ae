"""HAProxy in front of the server under test: turns HTTP/1.1 upgrades into WebSocket over HTTP/2 (RFC 8441)."""

from __future__ import annotations

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
    path, environment = testbed.packaged("haproxy")
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
