"""Connecting a socket to where a client wants to speak."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from everywire.client import proxies
from everywire.client.address import Address

__all__ = ["connected", "dial", "reach"]


async def reach(address: Address, proxy: str | bool | None, path: str | None = None) -> socket.socket:
    """Give a socket that leads to `address`: through `proxy` (see `everywire.connect`), or to the Unix socket `path` instead."""
    loop = asyncio.get_running_loop()
    if path is not None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        await connected(loop, sock, path)
        return sock
    chosen = proxies.choose(proxy, address)
    if chosen is not None:
        return await proxies.reach(chosen, address)
    return await dial(loop, address.host, address.port)


async def dial(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    """Connect to the first address of `host` that answers."""
    errors: list[OSError] = []
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            sock = socket.socket(family, kind, protocol)
            sock.setblocking(False)
            await connected(loop, sock, address)
        except OSError as error:  # an IP version that is switched off, for one
            errors.append(error)
            continue
        return sock
    raise errors[0] if errors else OSError(f"{host} has no address")


async def connected(loop: asyncio.AbstractEventLoop, sock: socket.socket, address: Any) -> None:
    """Connect `sock`, or close it."""
    try:
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
