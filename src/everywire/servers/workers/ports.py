"""Ports that all workers of one server share, and no other server."""

from __future__ import annotations

import errno
import fcntl
import socket
from pathlib import Path
from typing import IO, Final

from everywire.servers import listening

__all__ = ["Ports"]


class Ports:
    """Opens ports for one worker; files in the server's folder say which of them its workers have.

    SO_REUSEPORT alone would let in every server of the same user, and each would get some of the requests for the other. So the first
    worker listens without it: the kernel refuses that where anybody listens. The port is shared only then.

    Invariants: until `close` this process has a lock on the file of each port that it opened, which its end takes away, too; who opens one holds that
    of the gate.
    """

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._marks: list[IO[str]] = []

    def listen(self, host: str, port: int) -> list[socket.socket]:
        """Listen with the other workers; raises `OSError` that says what to do where somebody else has the port."""
        mark = (self._folder / f"port-{port}").open("a")
        self._marks.append(mark)
        with (self._folder / "ports").open("a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            try:
                found = listening.tcp(host, port, reuse_port=True) if _held(mark) else _first(host, port)
            except OSError:
                self._marks.remove(mark)
                mark.close()  # with the lock, or the next worker would believe that we have the port
                raise
            fcntl.flock(mark, fcntl.LOCK_SH)
        return found

    def close(self) -> None:
        """Have none of them any more: their sockets are closed by now."""
        while self._marks:
            self._marks.pop().close()


def _held(mark: IO[str]) -> bool:
    """Say whether another worker has the port."""
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _first(host: str, port: int) -> list[socket.socket]:
    try:
        found = listening.tcp(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        cure = "stop that one, or give this application another port by app.admin(port=…)"
        raise OSError(
            errno.EADDRINUSE, f"cannot listen on {host} port {port}: it is another server's; {cure}"
        ) from None
    for sock in found:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return found
