"""A TCP proxy that loses connections in the middle of what they carry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

END_OF_HEAD = b"\r\n\r\n"


class Cutter:
    """Carries connections to `port`, and cuts each WebSocket after as many bytes, down and up, as `points` says when it begins.

    The handshake is carried whole: a client that cannot even connect gives up. `cuts` counts how often that was done. While it is `gone`, it carries nothing.
    """

    def __init__(self, port: int, points: Callable[[], tuple[int, int]]) -> None:
        self._port = port
        self._points = points
        self._begun: set[asyncio.Task[None]] = set()
        self.cuts = 0
        self.gone = False

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Give the port."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            yield server.sockets[0].getsockname()[1]
            for task in [*self._begun]:
                task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.gone:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._begun.add(task)
        back = await asyncio.open_connection("127.0.0.1", self._port)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._carry((reader, writer), back)
        for each in (writer, back[1]):
            each.transport.abort()
        self._begun.discard(task)

    async def _carry(self, front: Ends, back: Ends) -> None:
        head = await front[0].readuntil(END_OF_HEAD)
        back[1].write(head)
        if b"websocket" not in head:
            await _either(_pass(front[0], back[1]), _pass(back[0], front[1]))
            return
        front[1].write(await back[0].readuntil(END_OF_HEAD))
        down, up = self._points()
        await _either(_pass(front[0], back[1], up), _pass(back[0], front[1], down))
        self.cuts += 1


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: float = float("inf")) -> None:
    while most > 0 and (data := await reader.read(int(min(most, 1 << 16)))):
        writer.write(data)
        await writer.drain()
        most -= len(data)


async def _either(*ways: object) -> None:
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
