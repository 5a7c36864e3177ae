"""The supervisor: starts the authority and the workers, restarts what dies, and replaces all workers without a pause.

It serves nobody itself, and loads no application. The listening sockets are its own, one set per slot: a client that
connects while a slot's worker is replaced waits in that socket's queue, instead of being turned away.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from everywire.servers import listening
from everywire.servers.workers import authority, worker
from everywire.servers.workers.child import Child
from everywire.servers.workers.control import Adopt, Drain, Ready, Release
from everywire.servers.workers.door import OVER, Door, Outcome, prefix

__all__ = ["Plan", "Supervisor"]

T = TypeVar("T")

_log = logging.getLogger("everywire.workers")

_AUTHORITY = "from everywire.servers.workers.authority import main; main()"
_STEADY = 10.0  # seconds after which a process counts as one that runs
_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before the next start, by failures in a row
_SAID_WHY = (
    2,
    3,
)  # the exit codes of a process that cannot do what it was told to, and whose application cannot start: it said so
_MARGIN = 2.0  # seconds for what a process does beside its clients when it ends


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: `command` once per slot, each with that slot's listening sockets.

    Slots may share sockets. Clients of a worker that is replaced are let go over `window` seconds at most, `pace` per second where
    that takes less; calls and streams that are under way for them have `finish` seconds. `grace` is the time for their goodbyes, and all the
    time there is at the end of everything. `start` is how long a process may take until it serves, and `long`
    how long until that is said; `prelude` is Python that the authority runs first.
    """

    command: Sequence[str]
    slots: Sequence[Sequence[socket.socket]]
    history: str | None = None
    forced: bool = False
    window: float = 10.0
    pace: float = 100.0
    finish: float = 30.0
    grace: float = 10.0
    start: float = 60.0
    long: float = 5.0
    prelude: str = ""


@dataclass(slots=True)
class Slot:
    """One worker's place: its sockets, who is there, and who stands in for it; whoever starts a worker for it has `turn`."""

    number: int
    sockets: Sequence[socket.socket]
    current: Child | None = None
    failures: int = 0
    stand_in: Child | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Supervisor:
    """Keeps one worker in each slot, and one authority.

    Invariants: a slot's `current` is its newest worker that was ready, or None; every process it started is waited for; `_next` is the replacement
    that waits for its turn, and serves all who ask until it has that.
    """

    def __init__(self, plan: Plan, started: Callable[[Ready], None] = lambda _: None) -> None:
        self.plan: Final = plan
        self.slots: Final = [Slot(number, sockets) for number, sockets in enumerate(plan.slots, 1)]
        self.authority: Child | None = None
        self._started = started
        self._told = asyncio.Event()
        self._code = 0
        self._folder = ""
        self.watchers: set[Callable[[str], None]] = set()
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[Outcome] | None = None
        self._under_way: set[asyncio.Task[Any]] = set()
        self._children: set[Child] = set()
        self._starting: set[asyncio.Future[Child]] = set()

    # From outside.

    def stop(self) -> None:
        """End well; asked twice, at once."""
        if self._told.is_set():
            _log.warning("stopped at once")
            for child in self._children:
                child.signal(signal.SIGKILL)
        self._told.set()

    def reload(self) -> asyncio.Task[Outcome]:
        """Replace every worker; gives what comes of it. Asked while that is under way, all are replaced once more when it is over."""
        if self._next is None:
            self._next = self._also(self._replace_in_turn())
        return self._next

    async def run(self) -> int:
        """Run until `stop`; gives the exit code: where a process does not even start the first time 1, 2 if it could not do what it was told, 3 if the
        application said that it cannot start.
        """
        # 0700: whoever may enter it may speak to the broker.
        self._folder = tempfile.mkdtemp(prefix=prefix(os.getpid()))
        # What clients show to continue their sessions has to hold at every worker, also at those started later.
        os.environ.setdefault("EVERYWIRE_SECRET", secrets.token_urlsafe(32))
        door = Door(self)
        try:
            with listening.unix(str(Path(self._folder) / "broker")) as sock:
                if await self._begin(sock):
                    self._also(self._keep_authority(sock))
                    for slot in self.slots:
                        self._also(self._keep(slot))
                    await door.open(self._folder)
                    self._started(self.slots[0].current.said if self.slots[0].current else Ready())
                    await self._told.wait()
        finally:
            under_way = [*self._under_way]
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            await door.close()
            await self._end()
            shutil.rmtree(self._folder, ignore_errors=True)
        return self._code

    def _also(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do something beside, until the end at most."""
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

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
            self.authority = await _insist(lambda: self._start_authority(sock))

    async def _start_authority(self, sock: socket.socket) -> Child:
        def errand(control: int) -> tuple[str, str]:
            given = authority.Given(sock.fileno(), control, self.plan.history, self.plan.forced)
            return authority.ENVIRONMENT, msgspec.json.encode(given).decode()

        command = [sys.executable, "-c", self.plan.prelude + _AUTHORITY]
        return await self._mind(Child.start(command, errand, [sock.fileno()]))

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
        """Note that a process does not start; some have said why."""
        if self._told.is_set():
            return
        self._code = child.code if child.code in _SAID_WHY else 1
        if self._code not in _SAID_WHY:
            _log.error("%s does not start: it %s", who, child.fate)

    async def _start(self, slot: Slot) -> Child:
        def numbers(sockets: Sequence[socket.socket]) -> tuple[int, ...]:
            return tuple(sock.fileno() for sock in sockets)

        spare = {each.number: numbers(each.sockets) for each in self.slots if each.sockets is not slot.sockets}
        descriptors = {number for each in self.slots for number in numbers(each.sockets)}

        def errand(control: int) -> tuple[str, str]:
            given = worker.Given(slot.number, self._folder, control, numbers(slot.sockets), spare)
            return worker.ENVIRONMENT, msgspec.json.encode(given).decode()

        return await self._mind(Child.start(self.plan.command, errand, sorted(descriptors)))

    async def _mind(self, start: Coroutine[Any, Any, Child]) -> Child:
        """Start a process, and keep it in mind: also where whoever wants it is cancelled meanwhile, or it would be left over."""
        starting = asyncio.ensure_future(start)
        self._starting.add(starting)
        starting.add_done_callback(self._has_begun)
        return await asyncio.shield(starting)

    def _has_begun(self, starting: asyncio.Future[Child]) -> None:
        self._starting.discard(starting)
        if not starting.cancelled() and starting.exception() is None:
            self._children = {each for each in self._children if not each.over.is_set()} | {starting.result()}

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
            async with slot.turn:
                if slot.current is not child:
                    continue  # it was replaced meanwhile
                slot.current = newer = await _insist(lambda: self._start(slot))
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

    async def _replace_in_turn(self) -> Outcome:
        async with self._turn:
            self._next = None
            return await self._replace_all() if not self._told.is_set() else Outcome(OVER, whole=False)

    async def _replace_all(self) -> Outcome:
        """Start every worker's successor, then have the old ones' clients let go together: each of them moves once."""
        self._tell("replacing %d workers", len(self.slots))
        older: list[Child] = []
        failure = None
        for slot in self.slots:
            async with slot.turn:
                try:
                    newer = await self._start(slot)
                except OSError as error:
                    failure = f"worker {slot.number} cannot be started: {error}"
                    break
                if not await self._begun(slot, newer):
                    failure = f"worker {slot.number} (pid {newer.pid}) {newer.fate} before it was ready"
                    break
                old, slot.current = slot.current, newer
            self._stand_down(slot)
            self._tell("worker %d (pid %d) is ready", slot.number, newer.pid)
            if old is not None and not old.over.is_set():
                older.append(old)
        self._also(self._let_all_go(older))
        if failure is None:
            return Outcome(f"{len(self.slots)} new workers serve; the old ones let their clients go", whole=True)
        _log.error("%s; the rest stay as they are", failure)
        return Outcome(f"{failure}; {len(older)} of {len(self.slots)} were replaced, the rest stay", whole=False)

    async def _begun(self, slot: Slot, newer: Child) -> bool:
        """Wait until a successor is ready, and say that it is waited for where that takes long."""
        told = asyncio.get_running_loop().call_later(
            self.plan.long, self._tell, "waiting for worker %d (pid %d) to load the application", slot.number, newer.pid
        )
        try:
            return await newer.begun(self.plan.start)
        finally:
            told.cancel()

    async def _let_all_go(self, older: Sequence[Child]) -> None:
        await asyncio.gather(*[self._let_go(child) for child in older])
        _log.info("replaced %d workers", len(older))

    def _tell(self, what: str, *values: int) -> None:
        """Say how a replacement goes."""
        _log.info(what, *values)
        for tell in [*self.watchers]:
            tell(what % values)

    async def _let_go(self, child: Child) -> None:
        """Drain a worker and wait for its end."""
        plan = self.plan
        child.say(Drain(plan.window, plan.pace, plan.finish))
        await child.end(max(plan.window, plan.finish) + plan.grace + _MARGIN)
        said = {"pid": child.pid, "clients": child.clients_gone}
        _log.info("worker with pid %d let %d clients go and ended", *said.values(), extra=said)

    async def _end(self) -> None:
        """End the workers, then the authority: they take their leave of it."""
        await asyncio.gather(*self._starting, return_exceptions=True)
        workers = [child for child in self._children if child is not self.authority]
        window, finish = [min(each, self.plan.grace / 2) for each in (self.plan.window, self.plan.finish)]
        for child in workers:
            child.say(Drain(window, self.plan.pace, finish))  # those that drain already have to be quicker now
            if not child.ready.is_set():
                child.signal(signal.SIGTERM)
        await asyncio.gather(*[child.end(self.plan.grace + _MARGIN) for child in workers])
        if self.authority is not None:
            self.authority.signal(signal.SIGTERM)
            await self.authority.end(_MARGIN)

    def _steady(self, child: Child) -> bool:
        return asyncio.get_running_loop().time() - child.since >= _STEADY


async def _insist(start: Callable[[], Awaitable[Child]]) -> Child:
    """Start a process that is needed, as soon as the system has the memory for it, and the room for another."""
    for failures in itertools.count(1):
        try:
            return await start()
        except OSError as error:
            _log.error("a process cannot be started: %s", error)
            await asyncio.sleep(_pause(failures))
    raise AssertionError("there is no last try")


def _pause(failures: int) -> float:
    return _PAUSES[min(failures, len(_PAUSES) - 1)]


def _say(slot: Slot, child: Child, what: str, level: int = logging.INFO) -> None:
    extra = {"slot": slot.number, "pid": child.pid}
    _log.log(level, "worker %d (pid %d) %s", slot.number, child.pid, what, extra=extra)
