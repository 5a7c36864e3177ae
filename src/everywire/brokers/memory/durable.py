"""A broker in memory whose logs are in a file too: nobody learns of what the file does not have.

The memory runs ahead of the file, but nothing that was seen in it leaves before the file has it: answers and news wait in
batches, one of which is being written while the next is gathered. Where a batch cannot be written, memory is put back to
what the file says, and all that waited is refused. Until the file takes changes again, publications are refused at once;
everything else goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from everywire.brokers.base import Deliver, Draft, News, Note, Receipt, Relaying, Retention
from everywire.brokers.memory.broker import MemoryBroker
from everywire.brokers.memory.expiries import Later
from everywire.brokers.memory.journal import Change, SavedCount, SavedLog
from everywire.errors import Refused
from everywire.messages import Publication

__all__ = ["Batch", "DurableBroker", "File", "Run"]

_log = logging.getLogger("everywire.brokers.memory")

T = TypeVar("T")
Run = Callable[..., Awaitable[Any]]
"""Runs a function with its arguments in the one thread that uses the file."""

_INTERNAL = 100  # docs/protocol.md, "Error codes"
_AGAIN = 1.0  # seconds between two looks whether the file takes changes again


class File(Protocol):
    """What the broker needs of its file: `everywire.brokers.memory.file.HistoryFile`."""

    @property
    def count(self) -> SavedCount: ...

    def write(self, changes: Sequence[Change]) -> None: ...

    def read(self, channel: str) -> SavedLog | None: ...

    def probe(self) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Batch:
    """Changes to be written together, and what waits for that."""

    changes: list[Change] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    answers: list[asyncio.Future[None]] = field(default_factory=list)


class DurableBroker(Relaying):
    """A `MemoryBroker` with a file behind it; `adopt` that broker first, which has this as its journal.

    Invariants: while nothing is being written and nothing is gathered, memory is what the file says; `_sound` is set unless memory
    is being put back; `takes` is false from a failed write until the file takes changes again.
    """

    _inner: MemoryBroker

    def __init__(self, file: File, run: Run, loop: asyncio.AbstractEventLoop, later: Later) -> None:
        self._file = file
        self._run = run
        self._loop = loop
        self._later = later
        self._deliver: Deliver = _nobody
        self._gathered = Batch()
        self._writing: asyncio.Task[None] | None = None
        self._sound = asyncio.Event()
        self._sound.set()
        self.takes = True
        self.alone = False  # the file outlives this process
        self._closed = False

    def adopt(self, inner: MemoryBroker, logs: Sequence[SavedLog]) -> None:
        """Take the broker in memory, and give it the logs of the file."""
        self._inner = inner
        count = self._file.count
        inner.orders.restore(count.era, count.number, count.lost)
        for log in logs:
            inner.restore(log.channel, log)
        inner.listen(self._told)

    # What memory says.

    def take(self, change: Change) -> None:
        """Gather a change; it is written with all others of this turn."""
        self._gathered.changes.append(change)
        if self._writing is None:
            self._writing = self._loop.create_task(self._write())

    def _told(self, news: News) -> None:
        if self._writing is None:
            self._deliver(news)
        else:
            self._gathered.news.append(news)

    async def _asked(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what `work` comes to, once the file has all that it may have seen."""
        if not self._sound.is_set():
            await self._sound.wait()
        answer = await work
        if self._writing is not None:
            written = self._loop.create_future()
            self._gathered.answers.append(written)
            await written
        return answer

    # Writing.

    async def _write(self) -> None:
        batch = Batch()
        try:
            while self._gathered.changes or self._gathered.news or self._gathered.answers:
                batch, self._gathered = self._gathered, Batch()
                if batch.changes:
                    await self._run(self._file.write, batch.changes)
                self._release(batch)
        except Exception as error:
            _log.error("history cannot be written (%s); publications are refused until it can", error)
            await self._put_back(batch)
        finally:
            self._writing = None

    def _release(self, batch: Batch) -> None:
        for news in batch.news:
            self._tell(news)
        for answer in batch.answers:
            if not answer.done():
                answer.set_result(None)

    def _tell(self, news: News) -> None:
        try:
            self._deliver(news)
        except Exception:
            _log.exception("news could not be delivered")

    async def _put_back(self, failed: Batch) -> None:
        """Let memory be what the file says, and refuse all that waited."""
        self.takes = False
        self._sound.clear()
        try:
            waited, self._gathered = self._gathered, Batch()
            for channel in {change.channel for change in (*failed.changes, *waited.changes)}:
                await self._restore(channel)
            for batch in (failed, waited, self._gathered):
                self._refuse(batch)
            self._gathered = Batch(self._gathered.changes)  # of logs that memory had to forget meanwhile
            self._inner.orders.begin_anew()  # or numbers that were refused would be given again after a restart
        finally:
            self._sound.set()
            self._later(_AGAIN, self._look)

    async def _restore(self, channel: str) -> None:
        try:
            self._inner.restore(channel, await self._run(self._file.read, channel))
        except Exception as error:
            _log.error("history of a channel is lost: %s", error)
            self._inner.forget(channel)

    def _refuse(self, batch: Batch) -> None:
        """Deliver what is true without the batch, and refuse the rest."""
        for news in batch.news:
            if not isinstance(news, Publication):
                self._tell(news)
            elif news.position is None:
                self._tell(news.unordered())
        for answer in batch.answers:
            if not answer.done():
                answer.set_exception(_no())

    def _look(self) -> None:
        if not self._closed:
            self._probing = self._loop.create_task(self._probe())

    async def _probe(self) -> None:
        try:
            await self._run(self._file.probe)
        except Exception:
            self._later(_AGAIN, self._look)
            return
        self.takes = True
        if self._gathered.changes and self._writing is None:
            self._writing = self._loop.create_task(self._write())
        _log.info("history can be written again")

    # The broker.

    def listen(self, deliver: Deliver) -> None:
        """Have news told to `deliver`."""
        self._deliver = deliver

    async def publish(self, channel: str, draft: Draft, retention: Retention | None) -> Receipt:
        """Append and deliver, once it is in the file; refused, for the moment, where the file takes nothing."""
        if retention is not None and not self.takes:
            raise _no()
        return await self._asked(self._inner.publish(channel, draft, retention))

    async def tell(self, data: bytes) -> int:
        """Tell the node, which is the only one."""
        if self._writing is None:
            self._deliver(Note(data))
        else:
            self._gathered.news.append(Note(data))
        return 1

    async def close(self) -> None:
        """Write what is gathered, and close the file."""
        self._closed = True
        while self._writing is not None:
            await asyncio.wait([self._writing])
        await self._run(self._file.close)
        await self._inner.close()


def _no() -> Refused:
    return Refused("history cannot be written at this moment", _INTERNAL, temporary=True)


def _nobody(_: News) -> None:
    """Stand in for the hub until one listens."""
