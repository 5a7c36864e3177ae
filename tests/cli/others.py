"""How much of this machine others use: what is measured on a busy one is judged without that."""

import asyncio
import contextlib
import os
from pathlib import Path

_OWN = slice(11, 13)  # of /proc/N/stat behind the name: user and system time
_ALL = slice(11, 15)  # with those of children that are over


def children(pid: int) -> list[int]:
    """The processes that `pid` started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Others:
    """Watches the processors from now on; ours are this process, the server's, and what they start."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._before = self._now()

    def _now(self) -> tuple[int, int, int]:
        """Ticks of all processors that passed, that they worked, and that they worked for us."""
        fields = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        ours = sum(_ticks(pid, _ALL) for pid in (os.getpid(), self._server))
        ours += sum(_ticks(pid, _OWN) for pid in children(self._server))
        return sum(fields), sum(fields) - fields[3] - fields[4], ours

    @property
    def share(self) -> float:
        """The share of the processors' time that others had."""
        passed, worked, ours = (now - before for now, before in zip(self._now(), self._before, strict=True))
        return min(0.95, max(0.0, (worked - ours) / max(1, passed)))

    def without(self, seconds: float, timers: float = 0.0) -> float:
        """What `seconds` would have been without them; `timers` of these pass by the clock anyhow."""
        return min(seconds, timers + max(0.0, seconds - timers) * (1 - self.share))


def _ticks(pid: int, which: slice) -> int:
    with contextlib.suppress(OSError):  # it is over
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(each) for each in fields[which])
    return 0
