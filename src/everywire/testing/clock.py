"""An asyncio loop whose time passes only when nothing is left to do."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from everywire.hub.world import LoopWorld, Timer

__all__ = ["EPOCH", "MortalWorld", "VirtualLoop", "passed", "virtual_world"]

T = TypeVar("T")

EPOCH = 1_767_225_600_000  # milliseconds since 1970 when virtual time begins: 2026-01-01


class _Leaping(selectors.SelectSelector):
    """A selector that never waits: it has the clock leap to when the waiting would end."""

    def __init__(self, leap: Callable[[float], None]) -> None:
        super().__init__()
        self._leap = leap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Give what is ready now; leap if that is nothing.

        The loop's own pipe wakes it for other threads alone: with nothing else to look at, it is looked at only before everything waits.
        """
        ready = super().select(0) if timeout is None or len(self.get_map()) > 1 else []
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits for something that no timer will bring")
            self._leap(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs a day of timers in a moment, always in the same order. Not for real I/O."""

    def __init__(self) -> None:
        self._leapt = 0.0
        super().__init__(_Leaping(self._leap))

    def _leap(self, seconds: float) -> None:
        self._leapt += max(0.0, seconds)

    def time(self) -> float:
        """Give the virtual seconds since the loop was made."""
        return self._leapt

    def run(self, seconds: float) -> None:
        """Let everything happen that is due within `seconds`."""
        self.run_until_complete(asyncio.sleep(seconds))

    def end_tasks(self) -> None:
        """Cancel every task, and wait for their ends."""
        self.run_until_complete(self._end_tasks())

    async def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __enter__(self) -> VirtualLoop:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


async def passed(seconds: float) -> None:
    """Come back when `seconds` have passed on the running loop; on a virtual one nobody waits for that."""
    await asyncio.sleep(seconds)


class MortalWorld(LoopWorld):
    """A world whose timers and tasks are no more from the moment of its `death`, as with a killed process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, dice: random.Random) -> None:
        super().__init__(
            loop,
            wall=lambda: EPOCH + round(loop.time() * 1000),
            new_id=lambda: f"{dice.getrandbits(128):032x}",
            threads=False,
        )
        self.dead = False
        self._begun: dict[asyncio.Future[Any], None] = {}  # in their order: a set of tasks has another in every process

    def later(self, delay: float, action: Callable[[], None]) -> Timer:
        """Call `action` in `delay` seconds, if anybody lives then."""
        return super().later(delay, lambda: None if self.dead else action())

    def task(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Run `work` as a task; the dead begin nothing."""
        task = super().task(work)
        if self.dead:
            task.cancel()
        else:
            self._begun[task] = None
            task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Future[Any]) -> None:
        self._begun.pop(task, None)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Run `work` at once, up to where it first has to wait."""
        return self.task(work) if self.dead else super().start(work)

    def death(self) -> None:
        """End everything here."""
        self.dead = True
        for task in [*self._begun]:
            task.cancel()


def virtual_world(loop: VirtualLoop, seed: int = 0) -> MortalWorld:
    """Give a world of virtual time with ids drawn from `seed`: the same run every time."""
    return MortalWorld(loop, random.Random(seed))
