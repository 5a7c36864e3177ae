"""Listening sockets: TCP over both IP versions, Unix, inherited ones."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

__all__ = ["begun", "inherited", "mark", "removed", "tcp", "unix"]

_FIRST_INHERITED = 3  # sd_listen_fds(3)


def tcp(
    host: str | Sequence[str] | None, port: int, *, backlog: int = 4096, reuse_port: bool = False
) -> list[socket.socket]:
    """Listen on every address that `host` (a name, several, or None for all interfaces) has; port 0 is one free port, the same on all of them."""
    hosts = [host] if host is None or isinstance(host, str) else list(host)
    infos = {
        info
        for name in hosts
        for info in socket.getaddrinfo(name or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    }
    ordered = sorted(infos, key=lambda info: (info[0] != socket.AF_INET, str(info[4])))
    for _ in range(16):
        try:
            return _bind_all(ordered, port, backlog, reuse_port=reuse_port)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no port is free on all addresses")


def _bind_all(
    infos: Sequence[tuple[int, int, int, str, tuple[object, ...]]], port: int, backlog: int, *, reuse_port: bool
) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in infos:
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError:
                continue  # this IP version is switched off
            bound.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                sock.bind((address[0], port, *address[2:]))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL and len(infos) > 1:
                    bound.remove(sock)
                    sock.close()
                    continue
                raise OSError(
                    error.errno, f"cannot listen on {address[0]} port {port}: {os.strerror(error.errno or 0)}"
                ) from None
            port = sock.getsockname()[1]
            sock.listen(backlog)
    except BaseException:
        for sock in bound:
            sock.close()
        raise
    if not bound:
        raise OSError(errno.EADDRNOTAVAIL, "none of the addresses is available")
    return bound


def begun(sockets: Sequence[socket.socket], backlog: int = 4096) -> list[socket.socket]:
    """Have `sockets` listen that are only bound, and give them all; after an error all of them are closed."""
    try:
        for sock in sockets:
            if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                sock.listen(backlog)
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return list(sockets)


def unix(path: str, *, backlog: int = 4096) -> socket.socket:
    """Listen on a Unix socket at `path`; what a dead server left there is replaced, a living one's is not."""
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode) and not _answers(path):
            os.unlink(path)
    except FileNotFoundError:
        pass
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {path}: {os.strerror(error.errno or 0)}") from None
    except BaseException:
        sock.close()
        raise
    return sock


@contextmanager
def removed(path: str) -> Iterator[None]:
    """Remove the Unix socket that is at `path` now once the context is over, unless another's is there by then."""
    own = mark(path)
    try:
        yield
    finally:
        if own is not None and mark(path) == own:
            with suppress(OSError):
                os.unlink(path)


def mark(path: str) -> tuple[int, int, int] | None:
    """Tell a socket's file from those before and after it, which may have its number; chmod and connections leave it what it is."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


def inherited(environ: dict[str, str], pid: int) -> list[socket.socket]:
    """Take the sockets that systemd (or another) opened for this process: LISTEN_PID, LISTEN_FDS; none where there are none (sd_listen_fds(3))."""
    if environ.get("LISTEN_PID") != str(pid):
        return []
    count = int(environ.get("LISTEN_FDS", "0"))
    return [socket.socket(fileno=fd) for fd in range(_FIRST_INHERITED, _FIRST_INHERITED + count)]
