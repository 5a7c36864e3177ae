"""WebSocket clients of a hub that only listen: `python listeners.py PORT COUNT`.

Prints "ready" when all are subscribed, and then the number of each message when all have it, whole and in its turn. They read what is on the wire, and no more,
so that many fit into one process.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from contextlib import suppress


def frame(text: str) -> bytes:
    """A masked frame; the mask is zero."""
    data = text.encode()
    return bytes([0x81, 0x80 | len(data)]) + bytes(4) + data


class Listener(asyncio.Protocol):
    """One client. Invariant: `number` messages were had, each in its turn."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd, self.rest, self.number, self.open, self.subscribed = crowd, b"", 0, False, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        key = base64.b64encode(bytes(16)).decode()
        head = "GET /everywire HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        transport.write((head + "Sec-WebSocket-Protocol: everywire.v1.json\r\n\r\n").encode())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.rest += data
        if not self.open:
            head, blank, rest = self.rest.partition(b"\r\n\r\n")
            if not blank:
                return
            assert b" 101 " in head, head
            self.open, self.rest = True, rest
            for text in ('{"type":"connect","id":1}', '{"type":"subscribe","id":2,"channel":"group"}'):
                self.transport.write(frame(text))  # type: ignore[attr-defined]
        while len(self.rest) >= 2:
            size, start = self.rest[1], 2
            if size == 126:
                size, start = int.from_bytes(self.rest[2:4], "big"), 4
            if len(self.rest) < start + size:
                return
            self.take(self.rest[start : start + size])
            self.rest = self.rest[start + size :]

    def take(self, payload: bytes) -> None:
        if b'"number":%d,' % self.number in payload:
            self.crowd.had(self.number)
            self.number += 1
        elif b'"subscribed"' in payload and not self.subscribed:
            self.subscribed = True
            self.crowd.had(-1)
        else:
            assert b'"number"' not in payload, payload

    def connection_lost(self, exc: Exception | None) -> None:
        sys.exit(1)


class Crowd:
    """All of them."""

    def __init__(self, count: int) -> None:
        self.count = self.left = count

    def had(self, number: int) -> None:
        self.left -= 1
        if not self.left:
            self.left = self.count
            print("ready" if number < 0 else number, flush=True)


async def main() -> None:
    port, count = map(int, sys.argv[1:])
    crowd, loop = Crowd(count), asyncio.get_running_loop()
    for _ in range(count):
        await loop.create_connection(lambda: Listener(crowd), "127.0.0.1", port)
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


asyncio.run(main())
