"""The body of a `Streamed` response on its way to a server that takes one piece at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from everywire.http.streamed import Outlet, Producer, Streamed

__all__ = ["ForeignOutlet"]

_BURST = 1 << 22  # bytes that may be written at once, for a client that has read all that came before
_PIECE = 1 << 16  # bytes that are sent at once, unless one piece alone is longer


class ForeignOutlet(Outlet):
    """What was written waits here until the server takes it, by `next`.

    `queued` leaves out what was pushed while nothing was held up: on a socket of our own it would be in the kernel's buffer.

    Invariants: `_size` is what stands in `_pieces` and what was taken last; `_busy` is true from then until `next` is asked again. Once `over` nothing more is
    queued, and the producer is told nothing.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = self._pushed = self._taken = 0
        self._low: int | None = None
        self._busy = False
        self._producer: Producer | None = None
        self._news: asyncio.Future[None] | None = None
        self.over = False
        self.broken = False

    @property
    def begun(self) -> bool:
        """Whether somebody produces the body."""
        return self._producer is not None

    def begin(self, streamed: Streamed) -> None:
        """Have the body produced."""
        self._producer = streamed.start(self)

    # What the producer asks of it

    def write(self, data: bytes) -> None:
        """Queue a piece."""
        if data and not self.over:
            self._pieces.append(data)
            self._size += len(data)
            self._wake()

    def queued(self) -> int:
        """Count the bytes that have not left yet."""
        return self._size - self._pushed

    def push(self) -> None:
        """Let what is queued pass as sent, if nothing is held up."""
        if not self._busy:
            self._pushed = min(self._size, _BURST)

    def crowd(self, low: int) -> None:
        """Ask for `Producer.drained`, once no more than about `low` bytes are queued."""
        self._low = low
        self._wake()

    def end(self, trailers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Complete the response; what takes it here has no place for trailers."""
        self.over = True
        self._wake()

    def descriptor(self) -> None:
        """Give no socket: it is another server's."""
        return

    def abort(self) -> None:
        """Break the response off."""
        if not self.over:
            self._cut()

    def _cut(self) -> None:
        self.over = self.broken = True
        self._pieces.clear()
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, None
        if news is not None and not news.done():
            news.set_result(None)

    # What the server asks of it

    async def next(self) -> bytes | None:
        """Give what is to be sent next; None once nothing follows."""
        self._busy = False
        self._size -= self._taken
        self._taken = 0
        while True:
            self._room()
            if self._pieces:
                return self._take()
            if self.over:
                return None
            self._news = asyncio.get_running_loop().create_future()
            await self._news

    def _room(self) -> None:
        """Tell a producer that asked for it that there is room."""
        self._pushed = min(self._pushed, self._size)
        if self._low is not None and self._size <= self._low and not self.over:
            self._low = None
            if self._producer is not None:
                self._producer.drained()

    def _take(self) -> bytes:
        count, size = 0, 0
        for piece in self._pieces:
            if count and size + len(piece) > _PIECE:
                break
            count, size = count + 1, size + len(piece)
        data = self._pieces[0] if count == 1 else b"".join(self._pieces[:count])
        del self._pieces[:count]
        self._busy, self._taken = True, size
        return data

    def lost(self) -> None:
        """Learn that the client is gone."""
        if not self.over:
            self._cut()
            if self._producer is not None:
                self._producer.gone()
