"""The boxes of one process: a queue for each channel that is read here, and who waits for what comes.

Readers may be on any number of event loops, writers in any thread. What comes lies in its channel's box until a reader takes it; a
reader is only woken, so that one that is cancelled loses nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final, NamedTuple

from everywire.messages import Data, Packed

__all__ = ["Box", "Boxes", "Letter", "prefix_of"]


class Letter(NamedTuple):
    """A message as it waits: when it is over, on the monotonic clock, and what it says."""

    deadline: float
    data: Data | Packed


class Box:
    """One channel's letters, the oldest first, and its readers.

    Invariants: a reader in `waiting` has not been woken; `whole` is the box of all channels of the same process, None for a channel that belongs to none.
    """

    __slots__ = ("capacity", "letters", "name", "waiting", "whole")

    def __init__(self, name: str, capacity: int, whole: Whole | None) -> None:
        self.name: Final = name
        self.capacity: Final = capacity
        self.whole: Final = whole
        self.letters: deque[Letter] = deque()
        self.waiting: deque[asyncio.Future[None]] = deque()


class Whole:
    """What the channels of one process and prefix share, as "specific.f00!": their capacity.

    `untaken` is how many messages came since anybody here last read, or waited, or none was left; a message to several of them counts once. Each channel
    has that capacity for itself, too: one reader that is stuck costs the others nothing.

    Invariants: `readers` counts those who wait in any of its channels' boxes; `boxes` are those in use.
    """

    __slots__ = ("boxes", "capacity", "readers", "untaken")

    def __init__(self, capacity: int) -> None:
        self.capacity: Final = capacity
        self.boxes: dict[str, Box] = {}
        self.readers = 0
        self.untaken = 0


class Boxes:
    """All boxes of a layer in this process.

    `capacity` gives that of a channel by name; `over` is told, outside of any lock, which channel lost how many messages because nobody read them in time.

    Invariants: `channels` has a box exactly while it holds letters or has readers; `_unread` has the boxes that hold any, with a time
    before which none of their letters is over, by rising time but for boxes that were read from meanwhile.
    """

    def __init__(self, expiry: float, capacity: Callable[[str], int], over: Callable[[str, int], None]) -> None:
        self.channels: dict[str, Box] = {}
        self._expiry: Final = expiry
        self._capacity: Final = capacity
        self._over: Final = over
        self._wholes: dict[str, Whole] = {}
        self._unread: dict[Box, float] = {}
        self._lock = threading.Lock()

    # Writing.

    def put(self, name: str, data: Data) -> bool:
        """Put one message into a box; false where that is full."""
        return not self._put((name,), data, monotonic(), [])

    def put_all(self, names: Iterable[str], data: Data) -> list[str]:
        """Put one message into many boxes; gives the names of those that are full. Readers are woken by one call for each loop."""
        now = monotonic()
        with self._lock:
            lost = self._sweep(now)
        return self._put(names, data, now, lost)

    def _put(self, names: Iterable[str], data: Data, now: float, lost: list[tuple[str, int]]) -> list[str]:
        """Put it there, and tell what was `lost` before or had to make room."""
        letter, counted = Letter(now + self._expiry, data), set[Whole]()
        with self._lock:
            full, woken = self._place(names, letter, counted)
            if full and (over := self._make_room(full, now)):
                lost += over
                full, more = self._place(full, letter, counted)
                woken += more
        self._say(lost)
        self._wake(woken)
        return full

    def _make_room(self, full: list[str], now: float) -> list[tuple[str, int]]:
        """Throw away what is over, in these boxes and in all others; gives which channels lost how many."""
        held = [self.channels[name] for name in full if name in self.channels]
        return [*self._sweep(now), *(each for box in held for each in self._prune(box, now))]

    def _place(
        self, names: Iterable[str], letter: Letter, counted: set[Whole]
    ) -> tuple[list[str], list[asyncio.Future[None]]]:
        """Put a letter where there is room; gives the channels where there is none, and who is to be woken."""
        full: list[str] = []
        woken: list[asyncio.Future[None]] = []
        channels, unread = self.channels, self._unread
        for name in names:
            box = channels.get(name) or self._box(name)
            letters = box.letters
            if len(letters) >= box.capacity or not self._fits(box, counted):
                full.append(name)
                self._tidy(box)
                continue
            if not letters:
                unread[box] = letter.deadline
            letters.append(letter)
            if box.waiting:
                woken.append(self._next(box))
            elif box.whole is not None and box.whole.readers:
                self._alert(name, woken)
        return full, woken

    def _fits(self, box: Box, counted: set[Whole]) -> bool:
        """Say whether what all channels of the process share has room, and take it: once for each message."""
        whole = box.whole
        if whole is None or whole.readers or whole in counted:
            return True
        if whole.untaken >= whole.capacity:
            return False
        whole.untaken += 1
        counted.add(whole)
        return True

    def _next(self, box: Box) -> asyncio.Future[None]:
        if box.whole is not None:
            box.whole.readers -= 1
        return box.waiting.popleft()

    def _alert(self, name: str, woken: list[asyncio.Future[None]]) -> None:
        """Wake who reads all channels of the process."""
        every = self.channels.get(prefix_of(name))
        if every is not None and every.waiting:
            woken.append(self._next(every))

    def _wake(self, woken: list[asyncio.Future[None]]) -> None:
        loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for each in woken:
            loops.setdefault(each.get_loop(), []).append(each)
        here = asyncio._get_running_loop()
        for loop, readers in loops.items():
            if loop is here:
                _rouse(readers)
            else:
                try:
                    loop.call_soon_threadsafe(_rouse, readers)
                except RuntimeError:  # that loop is closed, and its readers with it: the letters wait for others
                    self._pass_on()

    def _pass_on(self) -> None:
        """Wake the next readers of all boxes that have some, and letters: those woken before were on a loop that is closed."""
        woken: list[asyncio.Future[None]] = []
        with self._lock:
            for box in self._unread:
                if box.waiting:
                    woken.append(self._next(box))
        if woken:
            self._wake(woken)

    # Reading.

    async def get(self, name: str) -> tuple[str, Data]:
        """Wait for the next message of a channel, or of all channels of a process where `name` ends with "!"; gives its channel, too."""
        box: Box | None = None
        while True:
            now = monotonic()
            with self._lock:
                lost = self._sweep(now)
                if box is None or not box.letters:
                    box = self.channels.get(name) or self._box(name)
                found = self._pop(box, now, lost)
                waiter = None
                if found is None:
                    # Not one that was forgotten with what was over in it.
                    box = self.channels.get(name) or self._box(name)
                    waiter = self._wait(box)
            self._say(lost)
            if waiter is None:
                assert found is not None
                return found
            try:
                await waiter
            except BaseException:
                self._forgo(box, waiter)
                raise

    def _wait(self, box: Box) -> asyncio.Future[None]:
        waiter = asyncio.get_running_loop().create_future()
        box.waiting.append(waiter)
        if box.whole is not None:
            box.whole.readers += 1
        return waiter

    def take_all(self, name: str) -> list[Data]:
        """Empty a box, without waiting."""
        with self._lock:
            box = self.channels.get(name)
            found = [letter.data for letter in box.letters] if box is not None else []
            if box is not None:
                box.letters.clear()
                self._tidy(box)
        return found

    def _pop(self, box: Box, now: float, lost: list[tuple[str, int]]) -> tuple[str, Data] | None:
        """Take the first letter that is not over; `lost` learns of those that are."""
        if box.whole is not None:
            box.whole.untaken = 0
        while (first := self._first(box)) is not None:
            if first.letters[0].deadline > now:
                letter = first.letters.popleft()
                self._tidy(first)
                return first.name, letter.data
            lost += self._prune(first, now)
        return None

    def _first(self, box: Box) -> Box | None:
        """Give the box to read from: where all channels of a process are read, that with the oldest letter."""
        if box.whole is None or not box.name.endswith("!"):
            return box if box.letters else None
        held = [each for each in box.whole.boxes.values() if each.letters]
        return min(held, key=lambda each: each.letters[0].deadline, default=None)

    def _forgo(self, box: Box, waiter: asyncio.Future[None]) -> None:
        """Be no reader any more; one that was woken already leaves what it was woken for to the next."""
        woken: list[asyncio.Future[None]] = []
        with self._lock:
            if waiter in box.waiting:
                box.waiting.remove(waiter)
                if box.whole is not None:
                    box.whole.readers -= 1
            elif box.letters and box.waiting:
                woken.append(self._next(box))
            self._tidy(box)
        self._wake(woken)

    # What is kept.

    def _box(self, name: str) -> Box:
        whole = None
        if "!" in name:
            prefix = prefix_of(name)
            whole = self._wholes.get(prefix)
            if whole is None:
                whole = self._wholes[prefix] = Whole(self._capacity(prefix))
        box = self.channels[name] = Box(name, self._capacity(name), whole)
        if whole is not None:
            whole.boxes[name] = box
        return box

    def _tidy(self, box: Box) -> None:
        """Forget a box that is empty and that nobody waits at."""
        if box.letters:
            return
        self._unread.pop(box, None)
        if box.waiting:
            return
        if self.channels.get(box.name) is box:
            del self.channels[box.name]
        whole = box.whole
        if whole is not None and whole.boxes.get(box.name) is box:
            del whole.boxes[box.name]
            if not whole.boxes:
                self._wholes.pop(prefix_of(box.name), None)

    def _sweep(self, now: float) -> list[tuple[str, int]]:
        """Throw away what is over; gives which channels lost how many. Of a box that was read from it may be found later, or by `_prune`."""
        lost: list[tuple[str, int]] = []
        while self._unread:
            box, due = next(iter(self._unread.items()))
            if due > now:
                break
            del self._unread[box]
            lost += self._prune(box, now)
            if box.letters:
                self._unread[box] = box.letters[0].deadline
        return lost

    def _prune(self, box: Box, now: float) -> list[tuple[str, int]]:
        """Throw away what is over in one box."""
        count = 0
        while box.letters and box.letters[0].deadline <= now:
            box.letters.popleft()
            count += 1
        if count:
            self._tidy(box)
        return [(box.name, count)] if count else []

    def _say(self, lost: list[tuple[str, int]]) -> None:
        for name, count in lost:
            self._over(name, count)

    def clear(self) -> None:
        """Throw everything away; readers go on waiting."""
        with self._lock:
            for box in [*self.channels.values()]:
                box.letters.clear()
                self._tidy(box)
            for whole in self._wholes.values():
                whole.untaken = 0


def prefix_of(name: str) -> str:
    """Give the part of a channel's name that says whose process it is in, up to and with the "!"."""
    return name[: name.index("!") + 1]


def _rouse(readers: list[asyncio.Future[None]]) -> None:
    for each in readers:
        if not each.done():
            each.set_result(None)
