"""One process of the supervisor's, with its control line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Final

from everywire.servers.workers.control import Control, Drained, Message, Ready

__all__ = ["Child", "Errand"]

Errand = Callable[[int], tuple[str, str]]
"""Gives the environment variable, by name and value, that tells a process what it is; from its end of the control line."""


class Child:
    """A process that was started: ready at some time, maybe, and over at some time.

    Invariants: `ready` is set once it said so; `over` once it ended, with `code` then; it is in a process group of its own, so
    that Ctrl-C reaches it through the supervisor alone.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process: Final = process
        self.pid: Final = process.pid
        self.ready: Final = asyncio.Event()
        self.over: Final = asyncio.Event()
        self.code: int | None = None
        self.since: Final = asyncio.get_running_loop().time()
        self.clients_gone = 0
        self.said = Ready()
        self._control: Control | None = None
        self._waiting = asyncio.ensure_future(self._wait())

    @classmethod
    async def start(cls, command: Sequence[str], errand: Errand, descriptors: Sequence[int]) -> Child:
        """Start `command`; it inherits `descriptors` under the same numbers. Raises `OSError` where the system does not let us."""
        near, far = socket.socketpair()
        with contextlib.ExitStack() as kept, far:
            kept.enter_context(near)
            name, value = errand(far.fileno())
            process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, name: value},
                pass_fds=[*descriptors, far.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                process_group=0,
            )
            kept.pop_all()
        child = cls(process)
        child._control = await Control.over(near, child._hear, lambda: None)
        return child

    def _hear(self, message: Message) -> None:
        match message:
            case Ready():
                self.said = message
                self.ready.set()
            case Drained(count=count):
                self.clients_gone = count

    async def _wait(self) -> None:
        self.code = await self.process.wait()
        if self._control is not None:
            self._control.close()
        self.over.set()

    async def begun(self, patience: float) -> bool:
        """Wait until it is ready; False where it ended instead, or took longer than `patience` seconds: it is killed then."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self.ready, self.over)]
        try:
            await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        if self.over.is_set():
            return False
        if not self.ready.is_set():
            await self.end(0)
        return self.ready.is_set()

    def say(self, message: Message) -> None:
        """Tell it something."""
        if self._control is not None:
            self._control.say(message)

    def signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if not self.over.is_set():
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def end(self, patience: float) -> None:
        """Wait for its end, for `patience` seconds; then kill it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.over.wait()
        self.signal(signal.SIGKILL)
        await self.over.wait()

    @property
    def fate(self) -> str:
        """Say how it ended."""
        if self.code is not None and self.code < 0:
            return f"was killed by {signal.Signals(-self.code).name}"
        return f"ended with exit code {self.code}"
