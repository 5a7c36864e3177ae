"""Files as bodies of responses: by the kernel where a connection is bare, else read in pieces."""

from __future__ import annotations

import asyncio
import os
import stat
from typing import TYPE_CHECKING, Any

from everywire.errors import Disconnected

if TYPE_CHECKING:
    from everywire.servers.host.exchange import Exchange

__all__ = ["by_descriptor", "by_path"]

_FLAGS = (
    os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
)  # a pipe without a writer would hold the thread
_PIECE = 1 << 16
_TURN = 1 << 20  # bytes that the kernel is given at once: others have their turn too


async def by_path(exchange: Exchange, message: dict[str, Any]) -> None:
    """Send the file at `message["path"]`, which is all of the body ("http.response.pathsend")."""
    if exchange.answer is not None:
        raise RuntimeError("a file by its path is the whole body, and comes once")
    file = await exchange.loop.run_in_executor(None, os.open, message["path"], _FLAGS)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"not a file: {message['path']!r}")
        await _send(exchange, file, 0, found.st_size, more=False)
    finally:
        os.close(file)


async def by_descriptor(exchange: Exchange, message: dict[str, Any]) -> None:
    """Send `count` bytes of an open file, from `offset` on or from where it stands; the application closes it ("http.response.zerocopysend")."""
    file = message["file"] if isinstance(message["file"], int) else message["file"].fileno()
    given, asked = message.get("offset"), message.get("count")
    if (given or 0) < 0 or (asked or 0) < 0:
        raise ValueError(f"no part of a file: {asked} bytes from {given} on")
    offset = os.lseek(file, 0, os.SEEK_CUR) if given is None else given
    rest = max(0, os.fstat(file).st_size - offset)
    count = rest if asked is None else min(asked, rest)
    await _send(exchange, file, offset, count, more=message.get("more_body", False))
    if given is None:
        os.lseek(file, offset + count, os.SEEK_SET)


async def _send(exchange: Exchange, file: int, offset: int, count: int, *, more: bool) -> None:
    if exchange.answer is None and not more and exchange.head.length is None and not exchange.trailing:
        exchange.head.fields.append((b"content-length", b"%d" % count))
        exchange.head.length = exchange.left = count
    if not exchange.count(count, more):
        exchange.finish_bare()
        return
    if exchange.answer is None:
        exchange.stream()
    await exchange.opened()
    assert exchange.outlet is not None
    await exchange.emptied()
    descriptor = exchange.outlet.descriptor() if hasattr(os, "sendfile") else None
    if descriptor is None:
        await _read(exchange, file, offset, count)
    elif count:
        await _hand_over(exchange, os.dup(descriptor), file, offset, count)
    if not more:
        exchange.last()


async def _read(exchange: Exchange, file: int, offset: int, count: int) -> None:
    """Read the file in pieces, outside of the loop's thread, as the client takes them."""
    while count:
        data = await exchange.loop.run_in_executor(None, os.pread, file, min(count, _PIECE), offset)
        if not data:
            raise OSError("the file became shorter while it was sent")
        offset += len(data)
        count -= len(data)
        await exchange.write_on(data)


async def _hand_over(exchange: Exchange, descriptor: int, file: int, offset: int, count: int) -> None:
    """Have the kernel write the file to `descriptor`, a duplicate that is ours to close."""
    try:
        while count:
            if exchange.parted:
                raise Disconnected("the client is gone")
            try:
                size = os.sendfile(descriptor, file, offset, min(count, _TURN))
            except BlockingIOError:
                await _writable(exchange, descriptor)
                continue
            except (BrokenPipeError, ConnectionResetError):
                raise Disconnected("the client is gone") from None
            if size == 0:
                raise OSError("the file became shorter while it was sent")
            offset += size
            count -= size
            await asyncio.sleep(0)
    finally:
        os.close(descriptor)


async def _writable(exchange: Exchange, descriptor: int) -> None:
    """Wait until more can be written, or the client is gone."""
    ready = exchange.room = exchange.loop.create_future()
    exchange.loop.add_writer(descriptor, exchange.drained)
    try:
        await ready
    finally:
        exchange.loop.remove_writer(descriptor)
        exchange.room = None
