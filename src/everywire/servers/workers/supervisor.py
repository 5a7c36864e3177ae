"""The supervisor: starts the authority and the workers, restarts what dies, and replaces all workers without a pause.

It serves nobody itself, and loads no application. The listening sockets are its own, one set per slot: a client that
connects while a slot's worker is replaced waits in that socket's queue, instead of being turned away.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from everywire.servers import listening
from everywire.servers.workers import authority, worker
from everywire.servers.workers.child import Child
from everywire.servers.workers.control import Adopt, Drain, Ready, Release

__all__ = ["Plan", "Supervisor"]

_log = logging.getLogger("everywire.workers")

_AUTHORITY = "from everywire.servers.workers.authority import main; main()"
_STEADY = 10.0  # seconds after which a process counts as one that runs
_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before the next start, by failures in a row
_MISTAKE = 2  # the exit code of a process that cannot do what it was told to, and said so
_MARGIN = 2.0  # seconds for what a process does beside its clients when it ends


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: `command` once per slot, each with that slot's listening sockets.

    Slots may share sockets. Clients of a worker that is replaced are let go over `window` seconds at most, `pace` per second where
    that takes less; `grace` is the time for their goodbyes. `start` is how long a process may take until it serves;
    `prelude` is Python that the authority runs first.
    """

    command: Sequence[str]
    slots: Sequence[Sequence[socket.socket]]
    history: str | None = None
    forced: bool = False
    window: float = 10.0
    pace: float = 100.0
    grace: float = 10.0
    start: float = 60.0
    prelude: str = ""


@dataclass(slots=True)
class Slot:
    """One worker's place: its sockets, who is there, and who stands in for it."""

    number: int
    sockets: Sequence[socket.socket]
    current: Child | None = None
    failures: int = 0
    stand_in: Child | None = None
    leaving: set[Child] = field(default_factory=set)


class Supervisor:
    """Keeps one worker in each slot, and one authority.

    Invariants: a slot's `current` is its newest worker that was ready, or None; every process it started is waited for.
    """

    def __init__(self, plan: Plan, started: Callable[[Ready], None] = lambda _: None) -> None:
        self.plan: Final = plan
        self.slots: Final = [Slot(number, sockets) for number, sockets in enumerate(plan.slots, 1)]
        self.authority: Child | None = None
        self._started = started
        self._told = asyncio.Event()
        self._code = 0
        self._folder = ""
        self._reloading: asyncio.Task[None] | None = None
        self._children: set[Child] = set()

    # From outside.

    def stop(self) -> None:
        """End well; asked twice, at once."""
        if self._told.is_set():
            _log.warning("stopped at once")
            for child in self._children:
                child.signal(signal.SIGKILL)
        self._told.set()

    def reload(self) -> None:
        """Replace every worker; asked while that is under way, it is not done twice."""
        if self._told.is_set() or (self._reloading is not None and not self._reloading.done()):
            return
        self._reloading = asyncio.ensure_future(self._replace_all())

    async def run(self) -> int:
        """Run until `stop`; gives the exit code: where a process does not even start the first time 1, or 2 if it could not do what it was told."""
        self._folder = tempfile.mkdtemp(prefix="everywire-")  # 0700: whoever may enter it may speak to the broker
        # What clients show to continue their sessions has to hold at every worker, also at those started later.
        os.environ.setdefault("EVERYWIRE_SECRET", secrets.token_urlsafe(32))
        keepers: list[asyncio.Task[None]] = []
        try:
            with listening.unix(str(Path(self._folder) / "broker")) as sock:
                if await self._begin(sock):
                    keepers.append(asyncio.ensure_future(self._keep_authority(sock)))
                    keepers += [asyncio.ensure_future(self._keep(slot)) for slot in self.slots]
                    self._started(self.slots[0].current.said if self.slots[0].current else Ready())
                    await self._told.wait()
        finally:
            for keeper in [*keepers, *([self._reloading] if self._reloading else [])]:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            await self._end()
            shutil.rmtree(self._folder, ignore_errors=True)
        return self._code

    # The authority.

    async def _keep_authority(self, sock: socket.socket) -> None:
        """Keep it running; workers whose link it was wait at the socket, which stays open."""
        failures = 0
        while True:
            child = self.authority
            assert child is not None
            await child.over.wait()
            failures = 0 if self._steady(child) else failures + 1
            _log.error("the broker %s; it is started again", child.fate)
            await asyncio.sleep(_pause(failures))
            self.authority = await self._start_authority(sock)

    async def _start_authority(self, sock: socket.socket) -> Child:
        def errand(control: int) -> tuple[str, str]:
            given = authority.Given(sock.fileno(), control, self.plan.history, self.plan.forced)
            return authority.ENVIRONMENT, msgspec.json.encode(given).decode()

        command = [sys.executable, "-c", self.plan.prelude + _AUTHORITY]
        return self._mind(await Child.start(command, errand, [sock.fileno()]))

    # The workers.

    async def _begin(self, sock: socket.socket) -> bool:
        """Start everything for the first time; what fails now would fail again."""
        self.authority = await self._start_authority(sock)
        if not await self.authority.begun(self.plan.start):
            self._fail("the broker", self.authority)
            return False
        children = await asyncio.gather(*[self._start(slot) for slot in self.slots])
        begun = await asyncio.gather(*[child.begun(self.plan.start) for child in children])
        for slot, child in zip(self.slots, children, strict=True):
            slot.current = child
        broken = [child for child, ready in zip(children, begun, strict=True) if not ready]
        if broken:
            self._fail("a worker", broken[0])
        return not broken

    def _fail(self, who: str, child: Child) -> None:
        """Note that a process does not start; one that ends with 2 has said why."""
        if self._told.is_set():
            return
        self._code = _MISTAKE if child.code == _MISTAKE else 1
        if self._code != _MISTAKE:
            _log.error("%s does not start: it %s", who, child.fate)

    async def _start(self, slot: Slot) -> Child:
        def numbers(sockets: Sequence[socket.socket]) -> tuple[int, ...]:
            return tuple(sock.fileno() for sock in sockets)

        spare = {each.number: numbers(each.sockets) for each in self.slots if each.sockets is not slot.sockets}
        descriptors = {number for each in self.slots for number in numbers(each.sockets)}

        def errand(control: int) -> tuple[str, str]:
            given = worker.Given(slot.number, self._folder, control, numbers(slot.sockets), spare)
            return worker.ENVIRONMENT, msgspec.json.encode(given).decode()

        return self._mind(await Child.start(self.plan.command, errand, sorted(descriptors)))

    def _mind(self, child: Child) -> Child:
        self._children = {each for each in self._children if not each.over.is_set()} | {child}
        return child

    async def _keep(self, slot: Slot) -> None:
        """Keep a worker in the slot."""
        while True:
            child = slot.current
            assert child is not None
            await child.over.wait()
            if slot.current is not child:
                continue  # it was replaced
            slot.failures = 0 if self._steady(child) else slot.failures + 1
            _say(slot, child, f"{child.fate}; another is started")
            self._stand_in_for(child)
            await asyncio.sleep(_pause(slot.failures))
            slot.current = newer = await self._start(slot)
            if await newer.begun(self.plan.start):
                self._stand_down(slot)
                _say(slot, newer, "is ready")

    def _stand_in_for(self, child: Child) -> None:
        """Have the clients accepted that wait for a worker that is gone, or for one that it stood in for."""
        for slot in self.slots:
            if slot.current is not child and slot.stand_in is not child:
                continue
            ready = [each.current for each in self.slots if each.current is not None and each.current is not child]
            slot.stand_in = next((each for each in ready if each.ready.is_set() and not each.over.is_set()), None)
            if slot.stand_in is not None and slot.sockets is not self.slots[slot.number % len(self.slots)].sockets:
                slot.stand_in.say(Adopt(slot.number))

    def _stand_down(self, slot: Slot) -> None:
        if slot.stand_in is not None:
            slot.stand_in.say(Release(slot.number))
            slot.stand_in = None

    # Replacing all.

    async def _replace_all(self) -> None:
        """Start every worker's successor, then let the old ones' clients go together: each of them moves once."""
        _log.info("replacing %d workers", len(self.slots))
        older: list[Child] = []
        for slot in self.slots:
            newer = await self._start(slot)
            if not await newer.begun(self.plan.start):
                _say(slot, newer, f"{newer.fate} before it was ready; the rest stay as they are", logging.ERROR)
                break
            old, slot.current = slot.current, newer
            self._stand_down(slot)
            _say(slot, newer, "is ready")
            if old is not None and not old.over.is_set():
                older.append(old)
        await asyncio.gather(*[self._let_go(child) for child in older])
        _log.info("replaced %d workers", len(older))

    async def _let_go(self, child: Child) -> None:
        """Drain a worker and wait for its end."""
        child.say(Drain(self.plan.window, self.plan.pace))
        await child.end(self.plan.window + self.plan.grace + _MARGIN)
        said = {"pid": child.pid, "clients": child.clients_gone}
        _log.info("worker with pid %d let %d clients go and ended", *said.values(), extra=said)

    async def _end(self) -> None:
        """End the workers, then the authority: they take their leave of it."""
        workers = [child for child in self._children if child is not self.authority]
        window = min(self.plan.window, self.plan.grace / 2)
        for child in workers:
            child.say(Drain(window, self.plan.pace))
            if not child.ready.is_set():
                child.signal(signal.SIGTERM)
        await asyncio.gather(*[child.end(self.plan.grace + _MARGIN) for child in workers])
        if self.authority is not None:
            self.authority.signal(signal.SIGTERM)
            await self.authority.end(_MARGIN)

    def _steady(self, child: Child) -> bool:
        return asyncio.get_running_loop().time() - child.since >= _STEADY


def _pause(failures: int) -> float:
    return _PAUSES[min(failures, len(_PAUSES) - 1)]


def _say(slot: Slot, child: Child, what: str, level: int = logging.INFO) -> None:
    extra = {"slot": slot.number, "pid": child.pid}
    _log.log(level, "worker %d (pid %d) %s", slot.number, child.pid, what, extra=extra)
