"""The process that has the logs: started by the supervisor, or by whoever is the first to look for the machine's broker."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sqlite3
import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec

from everywire.brokers.base import Broker
from everywire.brokers.local import Host
from everywire.brokers.local import serve as serve_host
from everywire.brokers.memory import MemoryBroker
from everywire.brokers.memory.durable import DurableBroker
from everywire.brokers.memory.file import HistoryFile
from everywire.hub.world import LoopWorld
from everywire.servers import listening
from everywire.servers.workers.control import Control, Ready
from everywire.servers.workers.holders import holder

__all__ = ["ENVIRONMENT", "Given", "main"]

ENVIRONMENT = "EVERYWIRE_AUTHORITY"
_log = logging.getLogger("everywire.servers")
_LOOKS = 5  # at whether anybody is linked, in the time after which it ends


class Given(msgspec.Struct, frozen=True):
    """What the authority is given: descriptors, and the file that outlives it, if history is to.

    One without a `control` line is nobody's: it ends once it had no link for `idle` seconds, and holds `lock` while it takes its socket
    away from `place`, so that nobody starts another one there meanwhile. It ends, too, when the socket at `place` is not the one with its
    `mark` any more: who comes later finds another broker, or none, and those who are linked to this one are to be there, too.
    """

    listening: int
    control: int | None = None
    history: str | None = None
    forced: bool = False
    idle: float = 0.0
    place: str = ""
    mark: tuple[int, int, int] | None = None
    lock: str = ""


def _durable(given: Given, world: LoopWorld, executor: Executor) -> DurableBroker:
    """Make the broker whose logs are in a file, with all that the file has."""
    loop = asyncio.get_running_loop()
    assert given.history is not None
    file = HistoryFile(given.history, world.now, time.time, forced=given.forced)
    logs = file.load(world.new_id)
    broker = DurableBroker(file, partial(loop.run_in_executor, executor), loop, world.later)
    broker.adopt(MemoryBroker(world.now, world.new_id, later=world.later, alone=False, journal=broker), logs)
    return broker


async def serve(given: Given) -> None:
    """Serve until SIGTERM, or until the supervisor is gone."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    world = LoopWorld(loop)
    executor = ThreadPoolExecutor(1, "history")  # SQLite waits for the disk; the loop does not
    try:
        broker: Broker = (
            MemoryBroker(world.now, world.new_id, later=world.later, alone=False)
            if given.history is None
            else _durable(given, world, executor)
        )
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"Error: cannot use {given.history} for history: {_why(error, str(given.history))}\n")
        sys.exit(2)
    host = Host(broker, world)
    server = await serve_host(host.join, socket.socket(fileno=given.listening))
    if given.control is not None:
        control = await Control.over(socket.socket(fileno=given.control), lambda _: None, told.set)
        control.say(Ready())
        await told.wait()
    else:
        await _needless(host, given, told)
    server.close()
    host.close()
    await broker.close()
    executor.shutdown()


async def _needless(host: Host, given: Given, told: asyncio.Event) -> None:
    """Wait until nobody was linked for a while, or somebody tells it to end; then take the socket away."""
    idle = 0
    while not told.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), given.idle / _LOOKS)
        if not _fresh(given):
            _log.warning("the socket at %s is not this broker's any more: it ends", given.place)
            return
        idle = 0 if host.links else idle + 1
        if (idle > _LOOKS or told.is_set()) and _withdrawn(host, given, told=told.is_set()):
            return


def _fresh(given: Given) -> bool:
    """Keep the socket's file from looking old, which is thrown away in folders for a while; false where it is another's, or gone."""
    if given.mark is None or listening.mark(given.place) != given.mark:
        return False
    with contextlib.suppress(OSError):
        os.utime(given.place, ns=(time.time_ns(), given.mark[2]))  # when it was last written is part of its mark
    return True


def _withdrawn(host: Host, given: Given, *, told: bool) -> bool:
    """Take the socket away; not while somebody is about to link, who has the lock."""
    with open(given.lock, "a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return told
        if host.links and not told:
            return False
        if listening.mark(given.place) == given.mark:  # else another broker is met there now, maybe a supervisor's
            Path(given.place).unlink(missing_ok=True)
        return True


def _why(error: OSError | sqlite3.Error, path: str) -> str:
    """Say why a file is of no use; SQLite calls one that another process has "locked"."""
    if not isinstance(error, sqlite3.Error) or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
        return error.strerror or str(error) if isinstance(error, OSError) else str(error)
    cure = "stop that one, or choose another file: --history FILE"
    return f"it is in use by {holder(path) or 'another process'}; {cure}"


def main() -> None:
    """Be the authority that the environment describes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    given = msgspec.json.decode(os.environ.pop(ENVIRONMENT), type=Given)
    asyncio.run(serve(given))


if __name__ == "__main__":
    main()
