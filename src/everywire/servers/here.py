"""What this process is, for whatever starts in it: a worker of `everywire run --workers`, with applications in others that it serves."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from everywire.servers.workers.worker import Worker

__all__ = ["Leaves", "Leaving", "apart", "mount", "mounted", "set_apart", "settle", "unmount", "worker"]


class Leaving(Protocol):
    """Clients that are being let go."""

    def hasten(self, window: float, pace: float, finish: float) -> None:
        """Take other times, which begin now."""

    async def wait(self) -> int:
        """Wait until they are gone; gives how many there were."""


class Leaves(Protocol):
    """What has clients in this process: it takes no more once it is to `refrain`, and lets go of those it has, closing them with `code`."""

    def refrain(self) -> None:
        """Be ready for nobody new."""

    def leaving(self, window: float, pace: float, finish: float, code: int = ...) -> Leaving:
        """Begin to let the clients go."""


_settled: tuple[int, Worker] | None = None  # by the process: one that was forked off is no worker
_mounted: list[tuple[object, Leaves]] = []  # by the loop that they run on
_apart: WeakSet[asyncio.Task[Any]] = WeakSet()


def worker() -> Worker | None:
    """Give the worker that this process is; None where it is none, and in a child of one."""
    if _settled is None or _settled[0] != os.getpid():
        return None
    return _settled[1]


def settle(found: Worker | None) -> None:
    """Say which worker this process is from now on."""
    global _settled
    _settled = None if found is None else (os.getpid(), found)


def mount(member: Leaves) -> None:
    """Say that `member` has clients, on the running loop, by an application that it is mounted in."""
    _mounted.append((asyncio.get_running_loop(), member))


def unmount(member: Leaves) -> None:
    """Say that it has none any more."""
    _mounted[:] = [each for each in _mounted if each[1] is not member]


def mounted() -> list[Leaves]:
    """Give those that are mounted in what the running loop serves."""
    loop = asyncio.get_running_loop()
    return [member for where, member in _mounted if where is loop]


def set_apart() -> None:
    """Say that whoever is mounted lets go of the client that the running task talks with."""
    if (task := asyncio.current_task()) is not None:
        _apart.add(task)


def apart(task: asyncio.Task[Any]) -> bool:
    """Say whether that was said of a task."""
    return task in _apart
