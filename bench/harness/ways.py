"""Clients of the hub on each of its transports, in one event loop: they listen, and note what each delivery took.

Bytes are those of the sockets, both ways, with HTTP's and WebSocket's own; TCP's and IP's are not in them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import struct
import time
from dataclasses import dataclass, field

PATH = "/everywire"
CONNECT = b'{"type":"connect","id":1}'
SUBSCRIBE = b'{"type":"subscribe","id":2,"channel":"bench"}'
PUBLISHED_AT = re.compile(rb'"at":(\d+)}')
WAYS = ("websocket", "stream", "sse", "long poll", "short poll")
INTERVAL = 0.1  # seconds from one short poll's answer to the next
OPEN_TIMEOUT = 20.0
READ = 1 << 16


@dataclass
class Tally:
    """What all clients saw since it was last cleared; `latencies` in ns, one for each delivery."""

    latencies: list[int] = field(default_factory=list)
    requests: int = 0
    up: int = 0
    down: int = 0
    subscribed: int = 0

    def clear(self) -> None:
        """Begin to count."""
        self.latencies, self.requests, self.up, self.down = [], 0, 0, 0

    def heard(self, data: bytes) -> bytes:
        """Note the deliveries in `data`; give what may be the beginning of another."""
        now, end = time.monotonic_ns(), 0
        for found in PUBLISHED_AT.finditer(data):
            self.latencies.append(now - int(found[1]))
            end = found.end()
        if b'"type":"subscribed"' in data:
            self.subscribed += 1
            end = max(end, data.index(b'"type":"subscribed"') + 10)
        return data[end:]


class Wire:
    """One connection whose bytes are counted. Invariant: what was read and not given yet is in `_buffer`."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._buffer = b""

    async def open(self, port: int) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)

    def close(self) -> None:
        """Let go of the connection."""
        self._writer.close()

    def write(self, data: bytes) -> None:
        """Send."""
        self.tally.up += len(data)
        self._writer.write(data)

    def request(self, line: str, body: bytes = b"", head: str = "") -> None:
        """Send a request: its method and target, its body, further header lines."""
        self.tally.requests += 1
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.write(f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}{head}\r\n".encode() + body)

    async def read(self) -> bytes:
        """Whatever comes next. Raises EOFError at the end."""
        if self._buffer:
            data, self._buffer = self._buffer, b""
            return data
        data = await self._reader.read(READ)
        if not data:
            raise EOFError("the server ended the connection")
        self.tally.down += len(data)
        return data

    async def head(self) -> bytes:
        """A response's head. Raises ValueError when it refuses."""
        data = await self.read()
        while b"\r\n\r\n" not in data:
            data += await self.read()
        head, _, self._buffer = data.partition(b"\r\n\r\n")
        if head[9:12] not in (b"101", b"200", b"201", b"204"):
            raise ValueError(head.decode(errors="replace"))
        return head.lower()

    async def response(self) -> bytes:
        """A whole response's body."""
        found = re.search(rb"content-length: *(\d+)", await self.head())
        body, size = b"", int(found[1]) if found else 0
        while len(body) < size:
            body += await self.read()
        self._buffer = body[size:] + self._buffer
        return body[:size]


async def websocket(wire: Wire) -> None:
    """Listen on a WebSocket."""
    await upgraded(wire)
    wire.write(masked(b"[" + CONNECT + b"," + SUBSCRIBE + b"]"))
    await _on(wire)


async def stream(wire: Wire, way: str = "stream") -> None:
    """Listen on a line by a response that does not end."""
    line = await _line(wire)
    wire.request(f"GET {line}/{way}?after=0")
    await wire.head()
    await _on(wire)


async def sse(wire: Wire) -> None:
    """Listen on a line by server-sent events."""
    await stream(wire, "sse")


async def long_poll(wire: Wire) -> None:
    """Listen on a line by polls that wait for something to happen."""
    await _poll(wire, 25_000, 0)


async def short_poll(wire: Wire) -> None:
    """Listen on a line by asking ten times a second."""
    await _poll(wire, 0, INTERVAL)


async def _poll(wire: Wire, wait: int, pause: float) -> None:
    line, after = await _line(wire), 0
    while True:
        wire.request(f"GET {line}/poll?after={after}&wait={wait}")
        body = await wire.response()
        wire.tally.heard(body)
        after += len(json.loads(body))
        if pause:
            await asyncio.sleep(pause)


async def _line(wire: Wire) -> str:
    wire.request(f"POST {PATH}/lines", b"[" + CONNECT + b"," + SUBSCRIBE + b"]")
    return f"{PATH}/lines/{json.loads(await wire.response())['line']}"


async def _on(wire: Wire) -> None:
    rest = b""
    while True:
        rest = wire.tally.heard(rest + await wire.read())


async def upgraded(wire: Wire) -> None:
    """Have the connection upgraded to a WebSocket that speaks the native dialect."""
    key = base64.b64encode(os.urandom(16)).decode()
    head = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    wire.request(f"GET {PATH}", head=head + "Sec-WebSocket-Protocol: everywire.v1.json\r\n")
    await wire.head()


def masked(payload: bytes) -> bytes:
    """A client's text frame; its mask is zeros, which the server undoes like any other."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack("!H", size)
    return b"\x81" + length + bytes(4) + payload


CLIENTS = dict(zip(WAYS, (websocket, stream, sse, long_poll, short_poll), strict=True))


class Listeners:
    """Clients on one transport, and a publisher. Invariant: `tally` counts what the clients do, not what the publisher does."""

    def __init__(self, way: str) -> None:
        self.tally = Tally()
        self._listen = CLIENTS[way]
        self._tasks: list[asyncio.Task[None]] = []
        self._publisher = Wire(Tally())

    async def open(self, port: int, count: int) -> None:
        """Have `count` clients subscribed, and a publisher connected. Raises TimeoutError when that takes too long."""
        await self._publisher.open(port)
        await upgraded(self._publisher)
        self._publisher.write(masked(CONNECT))
        for _ in range(count):
            wire = Wire(self.tally)
            await wire.open(port)
            self._tasks.append(asyncio.create_task(self._one(wire)))
            await asyncio.sleep(0.002)  # one after the other, so that short polls do not all come at once
        async with asyncio.timeout(OPEN_TIMEOUT):
            while self.tally.subscribed < count:
                await asyncio.sleep(0.02)

    async def _one(self, wire: Wire) -> None:
        try:
            await self._listen(wire)
        finally:
            wire.close()

    async def publish(self, rate: float, seconds: float, size: int) -> int:
        """Publish text of `size` bytes `rate` times a second; how often it was. What the server answers is read, and ignored."""
        reading = asyncio.create_task(_on(self._publisher))
        count, began = int(rate * seconds), time.monotonic()
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            data = f'{{"text":"{"x" * size}","at":{time.monotonic_ns()}}}'
            self._publisher.write(
                masked(f'{{"type":"publish","id":{number + 2},"channel":"bench","data":{data}}}'.encode())
            )
        await asyncio.sleep(2 * INTERVAL + 0.1)  # for the last one to arrive, by whatever way
        await _cancelled(reading)
        failed = [task.exception() for task in self._tasks if task.done()]
        if failed:
            raise RuntimeError(f"a client failed: {failed[0]!r}")
        return count

    async def close(self) -> None:
        """Let all go."""
        for task in self._tasks:
            await _cancelled(task)
        self._publisher.close()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
