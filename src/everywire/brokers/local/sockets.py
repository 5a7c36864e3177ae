"""Links over Unix sockets, on asyncio."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import cast

from everywire.brokers.local.link import Connect, Receiver

__all__ = ["connector", "serve"]

_log = logging.getLogger("everywire.brokers.local")
_PATIENCE = 2.0  # seconds to connect
_BOUNDLESS = (1 << 31) - 1  # bytes; uvloop takes no larger number


class SocketLink(asyncio.Protocol):
    """One connected socket.

    Invariants: the receiver is told `opened` once, and `lost` once after it.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_BOUNDLESS)  # the bound is the receiver's affair
        self._receiver.opened(self)

    def data_received(self, data: bytes) -> None:
        """Hand on what came."""
        self._receiver.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._receiver.lost()

    @property
    def queued(self) -> int:
        """Bytes not taken by the kernel yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Send `data`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End it at once: who does not take what was sent would keep a polite end from coming."""
        if self._transport is not None:
            self._transport.abort()


def connector(path: str, loop: asyncio.AbstractEventLoop, begin: Callable[[], object] | None = None) -> Connect:
    """Give what makes links to the host at `path`; where nobody listens there, `begin` is called in a thread to change that."""
    attempts: set[asyncio.Task[None]] = set()

    def connect(receiver: Receiver) -> None:
        attempt = loop.create_task(_connect(path, loop, receiver, begin))
        attempts.add(attempt)
        attempt.add_done_callback(attempts.discard)

    return connect


async def _connect(
    path: str, loop: asyncio.AbstractEventLoop, receiver: Receiver, begin: Callable[[], object] | None
) -> None:
    try:
        if begin is None:
            await _link(path, loop, receiver)
            return
        try:
            await _link(path, loop, receiver)
        except (FileNotFoundError, ConnectionRefusedError):
            await loop.run_in_executor(None, begin)
            await _link(path, loop, receiver)
    except (OSError, TimeoutError) as error:
        _log.log(logging.DEBUG if begin is None else logging.WARNING, "no link to %s: %s", path, error)
        receiver.lost()


async def _link(path: str, loop: asyncio.AbstractEventLoop, receiver: Receiver) -> None:
    async with asyncio.timeout(_PATIENCE):
        await loop.create_unix_connection(lambda: SocketLink(receiver), path)


async def serve(join: Callable[[], Receiver], sock: socket.socket) -> asyncio.Server:
    """Accept links on a listening Unix socket; `join` gives a receiver for each."""
    loop = asyncio.get_running_loop()
    return await loop.create_unix_server(lambda: SocketLink(join()), sock=sock, backlog=1024)
