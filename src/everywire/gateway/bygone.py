"""Handshakes of before RFC 6455, on the socket itself, off the way of everything else."""

from __future__ import annotations

import asyncio
import os
import socket

from everywire.dialects.base import Bygone
from everywire.http.handed import Handed
from everywire.http.request import Response
from everywire.hub.world import World

__all__ = ["greeted"]

_PATIENCE = 5.0  # seconds for all of it
_END = b"\r\n\r\n"


def greeted(intent: Bygone, world: World) -> Handed:
    """Have a connection greeted as `intent` says, and ended; nobody else reads from it any more."""

    def give(descriptor: int, read: bytes) -> bool:
        sock = socket.socket(fileno=os.dup(descriptor))
        sock.setblocking(False)
        world.task(_greet(sock, intent, read.partition(_END)[2]))
        return True

    refusal = intent.refusal
    return Handed(give, Response(refusal.status, refusal.body, refusal.headers))


async def _greet(sock: socket.socket, intent: Bygone, said: bytes) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_PATIENCE):
            await loop.sock_sendall(sock, intent.head)
            while len(said) < intent.count:
                more = await loop.sock_recv(sock, intent.count - len(said))
                if not more:
                    return
                said += more
            await loop.sock_sendall(sock, intent.answer(said[: intent.count]))
            sock.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(sock, 1024):  # what is unread when it closes would take the answer along
                pass
    except (OSError, TimeoutError):
        return
    finally:
        sock.close()
