"""A proxy as some networks have it: WebSockets get no answer, and a response is passed on when it is over, not before."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

LONGEST = 1 << 20


class HostileProxy:
    """Stands between a browser and the server at `target` on the loopback."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.requests: list[str] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["HostileProxy"]:
        """Listen on a free port as long as the block lasts."""
        async with await asyncio.start_server(self._called, "127.0.0.1", 0, limit=LONGEST) as listener:
            self.port = listener.sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                listener.close()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.close()
        self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, rest = head.partition(b"\r\n")
        fields = dict(field.lower().split(b": ", 1) for field in rest.split(b"\r\n") if field)
        self.requests.append(line.decode().partition("?")[0])
        if b"upgrade" in fields:
            await reader.read()  # no answer, until the client gives up
            return
        body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            far_writer.write(line + b"\r\nConnection: close\r\n" + _without_connection(rest) + body)
            gone = asyncio.create_task(reader.read())
            whole = asyncio.create_task(far_reader.read())
            await asyncio.wait({gone, whole}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if whole.done():
                writer.write(whole.result())
                await writer.drain()
            whole.cancel()
        finally:
            far_writer.close()


def _without_connection(fields: bytes) -> bytes:
    return b"\r\n".join(field for field in fields.split(b"\r\n") if not field.lower().startswith(b"connection:"))
