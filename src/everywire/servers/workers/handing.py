"""Accepted connections on their way to the worker that holds their line: descriptors over that worker's private Unix socket.

One message over a connection of its own is one socket, with all that was read of it: the kernel delivers both or neither (unix(7), SOCK_SEQPACKET and
SCM_RIGHTS). From then on the connection is the other worker's alone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

__all__ = ["MOST", "Landing", "Take", "hand", "landing"]

MOST: Final = 1 << 16  # bytes that go with a socket; a client that waits for its upgrade has sent a head
_DESCRIPTORS = 4  # room for more than the one that there has to be
_BATCH = 64  # connections taken in one turn
_BACKLOG = 4096
_PATIENCE = 5.0  # seconds for a worker to say what it connected for
_PAUSE = 0.1  # seconds after which it is tried again, where there were no descriptors left
_WHO = struct.Struct("3i")  # struct ucred: process, user, group

_log = logging.getLogger("everywire.workers")

Take: TypeAlias = Callable[[socket.socket, bytes], Awaitable[None]]
"""Takes over a connection, of which these bytes were read."""


def landing(folder: Path, node: str) -> Path:
    """Give the path of the socket by which a node takes connections."""
    return folder / f"{node}.land"


def hand(path: Path, descriptor: int, read: bytes) -> bool:
    """Give the socket `descriptor`, of which `read` was read, to who listens at `path`; False where nobody takes it at once. Never blocks."""
    if not 0 < len(read) <= MOST:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.setblocking(False)
            line.connect(str(path))
            socket.send_fds(line, [read], [descriptor])
    except OSError:
        return False
    return True


class Landing:
    """Takes the connections that other workers hand over at `path`; `take` makes them ours.

    Who is another user, or brings anything but one connected socket with what was read of it, is sent away.

    Invariants: `_arrivals` holds those that have connected and said nothing yet, each with what gives it up; `_taking` the connections that are being taken.
    """

    def __init__(self, path: Path, take: Take) -> None:
        self._path: Final = path
        self._take: Final = take
        self._loop: Final = asyncio.get_running_loop()
        self._arrivals: dict[socket.socket, asyncio.TimerHandle] = {}
        self._taking: set[asyncio.Future[None]] = set()
        self._pausing: asyncio.TimerHandle | None = None
        self._sock: Final = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sock.setblocking(False)
        try:
            self._sock.bind(str(path))
            self._sock.listen(_BACKLOG)
        except OSError:
            self._sock.close()
            raise
        self._loop.add_reader(self._sock, self._accept)

    def close(self) -> None:
        """Take nothing more."""
        if self._sock.fileno() < 0:
            return
        if self._pausing is not None:
            self._pausing.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()
        self._path.unlink(missing_ok=True)
        for line in [*self._arrivals]:
            self._dismiss(line)

    def _accept(self) -> None:
        for _ in range(_BATCH):
            try:
                line, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                _log.error("cannot take connections of other workers: %s; trying again", error.strerror)
                self._loop.remove_reader(self._sock)
                self._pausing = self._loop.call_later(_PAUSE, self._go_on)
                return
            self._arrive(line)

    def _go_on(self) -> None:
        self._pausing = None
        self._loop.add_reader(self._sock, self._accept)

    def _arrive(self, line: socket.socket) -> None:
        line.setblocking(False)
        _, user, _ = _WHO.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _WHO.size))
        if user != os.geteuid():
            _log.warning("user %d is not ours, and brings no connections", user)
            line.close()
            return
        self._arrivals[line] = self._loop.call_later(_PATIENCE, self._dismiss, line)
        self._loop.add_reader(line, self._hear, line)

    def _dismiss(self, line: socket.socket) -> None:
        self._arrivals.pop(line).cancel()
        self._loop.remove_reader(line)
        line.close()

    def _hear(self, line: socket.socket) -> None:
        try:
            read, descriptors, flags = _received(line)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            read, descriptors, flags = b"", array("i"), 0
        self._dismiss(line)
        sock = _stream(descriptors)
        if sock is None or not 0 < len(read) <= MOST or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            _log.warning("what came is no connection: %d descriptors, %d bytes", len(descriptors), len(read))
        elif _connected(sock):
            taking = asyncio.ensure_future(self._take(sock, read))
            self._taking.add(taking)
            taking.add_done_callback(self._taken)
            return
        if sock is not None:
            sock.close()

    def _taken(self, taking: asyncio.Future[None]) -> None:
        self._taking.discard(taking)
        if not taking.cancelled() and (error := taking.exception()) is not None:
            _log.error("a connection could not be taken over", exc_info=error)


def _received(line: socket.socket) -> tuple[bytes, array[int], int]:
    """Give a message, with its descriptors; `socket.recv_fds` would let processes that we start inherit them."""
    descriptors = array("i")
    room = socket.CMSG_SPACE(_DESCRIPTORS * descriptors.itemsize)
    read, others, flags, _ = line.recvmsg(MOST + 1, room, socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in others:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return read, descriptors, flags


def _stream(descriptors: array[int]) -> socket.socket | None:
    """Give the one stream socket that came; anything else is closed."""
    if len(descriptors) == 1:
        try:
            sock = socket.socket(fileno=descriptors[0])
        except OSError:
            pass
        else:
            if sock.type == socket.SOCK_STREAM:
                return sock
            sock.close()
            return None
    for descriptor in descriptors:
        os.close(descriptor)
    return None


def _connected(sock: socket.socket) -> bool:
    """Say whether it has a client, still."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
