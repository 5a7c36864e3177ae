"""A TCP line between a browser and a server that a test cuts and heals."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Wire:
    """Carries bytes from its own port to `target` on the loopback; while cut, it carries none and takes no new calls."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._whole = True
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def address(self) -> str:
        """Where the browser finds the server, through this line."""
        return f"http://127.0.0.1:{self.port}/"

    def cut(self) -> None:
        """End every connection at once, without a goodbye, and refuse new ones."""
        self._whole = False
        for end in list(self._ends):
            end.transport.abort()

    def heal(self) -> None:
        """Take new connections again; those that were cut stay cut."""
        self._whole = True

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Wire"]:
        """Listen on a free port as long as the block lasts."""
        async with await asyncio.start_server(self._called, "127.0.0.1", 0) as listener:
            self.port = listener.sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                listener.close()
                self.cut()
                await asyncio.gather(*self._tasks)

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        self._ends.add(sink)
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        self._ends.discard(sink)
        sink.close()
