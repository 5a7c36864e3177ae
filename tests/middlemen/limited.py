"""A proxy that gives a request so many seconds, and cuts it off then, in the middle of its answer or before it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.client.relays import listening


@contextlib.asynccontextmanager
async def limited(back: int, seconds: float) -> AsyncIterator[tuple[int, list[str]]]:
    """Stand in front of port `back`; upgrades are not passed on. Gives the port and the first lines of the requests that were cut."""
    cut: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = [
                line for line in head.split(b"\r\n")[:-2] if not line.lower().startswith((b"upgrade", b"connection"))
            ]
            lengths = [int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length")]
            body = await reader.readexactly(sum(lengths))
            there, far = await asyncio.open_connection("127.0.0.1", back)
            try:
                async with asyncio.timeout(seconds):
                    far.write(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
                    while piece := await there.read(65536):
                        writer.write(piece)
                        await writer.drain()
            except TimeoutError:
                cut.append(lines[0].decode())
                writer.transport.abort()
            finally:
                far.close()
            return  # the answer ended with its connection

    async with listening(serve) as port:
        yield port, cut
