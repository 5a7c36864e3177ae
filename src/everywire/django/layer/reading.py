"""Reading a channel that belongs to no process: a reader on any loop, and its questions to the broker on the hub's."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import Any, Final

from everywire.django.layer.outside import Outside
from everywire.hub.world import World, pause
from everywire.messages import Data

__all__ = ["Reading", "read"]

_AGAIN: Final = 0.2  # seconds before the broker is asked again, after a question that it did not answer


class Reading:
    """One reader's wait for one message; all but its making belongs to the hub's loop.

    Invariants: what was taken is either told to the reader or put back; `_over` is set once the reader is gone.
    """

    def __init__(self, outside: Outside, channel: str, reader: asyncio.Future[Data]) -> None:
        self._outside = outside
        self._channel = channel
        self._reader = reader
        self._loop = reader.get_loop()
        self._world: World = outside.world
        self._ticket = secrets.token_hex(8)
        self._taken = False
        self._over = False
        self._filled: asyncio.Future[Any] | None = None

    def begin(self) -> None:
        """Begin to ask."""
        self._world.task(self._read())

    async def _read(self) -> None:
        unsure = False  # whether the broker took one for it, and the answer was lost
        while not self._over:
            try:
                await self._outside.watch(self._channel)
                self._filled = self._outside.filled(
                    self._channel
                )  # before it is asked: what comes after the answer is told
                pulled = await self._outside.pull(self._channel, self._ticket)
            except Exception as fault:
                self._forgo()
                if not isinstance(fault, OSError):
                    self._tell(fault)
                    return
                unsure = True
                await pause(self._world, _AGAIN)
                continue
            unsure = False
            if pulled.publication is not None:
                self._taken = True
                self._forgo()
                self._tell(pulled.publication.data)
                return
            await self._filled
        if unsure:
            self._outside.put_back(self._channel, self._ticket)

    def _forgo(self) -> None:
        if self._filled is not None:
            self._filled.cancel()

    def _tell(self, found: Data | Exception) -> None:
        if self._over:
            self._put_back()
            return
        try:
            self._loop.call_soon_threadsafe(_settle, self._reader, found)
        except RuntimeError:  # that loop is closed
            self._put_back()

    def give_up(self) -> None:
        """Ask no more: the reader is gone."""
        self._over = True
        self._put_back()
        if self._filled is not None and not self._filled.done():
            self._filled.set_result(None)

    def _put_back(self) -> None:
        if self._taken:
            self._taken = False
            self._outside.put_back(self._channel, self._ticket)


def _settle(reader: asyncio.Future[Data], found: Data | Exception) -> None:
    if reader.done():
        return
    if isinstance(found, Exception):
        reader.set_exception(found)
    else:
        reader.set_result(found)


async def read(outside: Outside, channel: str) -> Data:
    """Wait for the next message of a channel, on any loop. Who is cancelled loses nothing: what was taken for it is put back."""
    reader: asyncio.Future[Data] = asyncio.get_running_loop().create_future()
    reading = Reading(outside, channel, reader)
    world = outside.world
    world.hop(reading.begin)
    try:
        return await reader
    except BaseException:
        with suppress(RuntimeError):  # the hub's loop is closed: there is nobody to put it back to
            world.hop(reading.give_up)
        raise
