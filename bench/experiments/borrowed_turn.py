"""What one message costs under uvicorn beside the loop and the kernel: frames fed to the protocol by hand, answers taken by a transport that does nothing.

    PYTHONPATH=src:bench python bench/experiments/borrowed_turn.py [--profile]

What came out: 2.2 µs bare and 5.6 µs through Starlette, of the 11 and 14 that an echo cost in all; 5.4 and 9.7 before the lowest storey
was a class of its own that nothing in Python is below. What was left was the kernel's and the transport's, so that the WebSocket was
moved to the native engine (9 and 14).
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import time
from typing import Any

import uvicorn
from peers.asgi_app import app
from uvicorn.server import ServerState

HEAD = (
    b"GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
COUNT, BURST = 200_000, 10


class Nothing:
    """A transport that takes everything."""

    def write(self, data: bytes) -> None:
        """Take it."""

    def is_closing(self) -> bool:
        """It is not."""
        return False

    def close(self) -> None:
        """It is over."""

    abort = close

    def get_extra_info(self, name: str) -> Any:
        """Nothing is known."""

    def pause_reading(self) -> None:
        """Nothing comes."""

    def resume_reading(self) -> None:
        """Nothing comes."""

    def set_write_buffer_limits(self, **limits: int) -> None:
        """There are none."""


def frame(size: int) -> bytes:
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + b"x" * size


async def measure(path: bytes, size: int) -> None:
    config = uvicorn.Config(app, ws="everywire.uvicorn:WebSocketProtocol", lifespan="off", log_level="error")
    config.load()
    protocol: Any = config.ws_protocol_class(config=config, server_state=ServerState(), app_state={})  # type: ignore[misc]
    protocol.connection_made(Nothing())
    protocol.data_received(HEAD % path)
    for _ in range(20):
        await asyncio.sleep(0)
    data, loop, spent = frame(size), asyncio.get_running_loop(), 0

    def burst() -> None:  # a callback of the loop, as a transport's are: no task is the current one
        nonlocal spent
        begun = time.perf_counter_ns()
        for _ in range(BURST):
            protocol.data_received(data)
        spent += time.perf_counter_ns() - begun

    for _ in range(COUNT // BURST):
        loop.call_soon(burst)
        for _ in range(4):
            await asyncio.sleep(0)
    print(f"{path.decode():12} {size:6} B  {spent / COUNT:8.0f} ns")
    protocol.connection_lost(None)
    await asyncio.sleep(0.01)


async def main() -> None:
    for path in (b"/asgi", b"/starlette"):
        for size in (64, 4096):
            await measure(path, size)


if __name__ == "__main__":
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.runcall(asyncio.run, main())
        pstats.Stats(profile).sort_stats("tottime").print_stats(18)
    else:
        import uvloop

        uvloop.run(main())
