"""One node's reports to UIs on any node: nothing is done unless one of them looks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import msgspec

from everywire.messages import Raw
from everywire.ops.instrument.counting import Counting
from everywire.ops.instrument.looking import Looking
from everywire.ops.instrument.options import Instrument
from everywire.ops.instrument.watching import Watching

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.world import Timer

__all__ = ["REPORT", "WATCH", "Happened", "Report", "Reporter", "Watch"]

WATCH: Final = "ui-watch"
REPORT: Final = "ui-report"
_MOMENT: Final = 0.05  # seconds in which what happens is told in one note
_PART: Final = 256 * 1024  # bytes of one note, about

_log = logging.getLogger("everywire.admin")
_write = msgspec.json.Encoder().encode


class Watch(msgspec.Struct):
    """A node says that somebody looks there, for `lasting` seconds at least."""

    lasting: float


class Happened(msgspec.Struct, array_like=True):
    """An event for UIs: its name, and its arguments as a JSON array."""

    name: str
    arguments: bytes


class Report(msgspec.Struct):
    """What happened on a node, in order; the first of it is the `first`th there."""

    first: int
    happened: list[Happened]


class Reporter:
    """Reports what becomes of this node for as long as some node says that somebody looks.

    Invariants: the hub has a watcher, and a timer runs, only until `_until`; `_waiting` is what was not told yet, and `count` how much there was
    in all; a sending is under way, or about to begin, exactly while `_sending`.
    """

    def __init__(self, hub: Hub, instrument: Instrument, looking: Looking) -> None:
        self._hub: Final = hub
        self._instrument: Final = instrument
        self._counting: Final = Counting(hub, instrument)
        self._watching: Final = Watching(hub, instrument, looking, self._happened)
        self._waiting: list[Happened] = []
        self._sending = False
        self._until = 0.0
        self._timer: Timer | None = None
        self._moment: Timer | None = None
        self.count = 0
        hub.notes.add(WATCH, Watch, self._watched)

    @property
    def next(self) -> int:
        """The number of the first event that was not told yet."""
        return self.count - len(self._waiting)

    def close(self) -> None:
        """Report nothing any more, unless somebody looks again."""
        if self._timer is not None:
            self._timer.cancel()
        # A sending that is under way ends by itself, for nothing waits any more: the next is not to overtake it.
        if self._moment is not None:
            self._moment.cancel()
            self._sending = False
        self._timer = self._moment = self._hub.watcher = None
        self._waiting = []

    def _watched(self, watch: Watch, node: str) -> None:
        self._until = self._hub.world.now() + watch.lasting
        if self._timer is None:
            self._counting.restart()
            if self._instrument.verbose:
                self._hub.watcher = self._watching
            self._tick()

    def _tick(self) -> None:
        if self._hub.world.now() >= self._until:
            self.close()
            return
        self._watching.refill()
        self._happened("server_stats", Raw(_write([self._counting.stats()])))
        self._timer = self._hub.world.later(self._instrument.server_stats_interval, self._tick)

    def _happened(self, name: str, arguments: Raw) -> None:
        self._waiting.append(Happened(name, bytes(arguments)))
        self.count += 1
        if not self._sending:
            self._sending = True
            self._moment = self._hub.world.later(_MOMENT, self._send_soon)

    def _send_soon(self) -> None:
        self._moment = None
        self._hub.world.start(self._send())

    async def _send(self) -> None:
        """Tell all that waits, one note after the other, so that none overtakes another."""
        while self._waiting:
            report = self._cut()
            try:
                await self._hub.notes.tell(REPORT, report)
            except Exception as fault:
                _log.warning("UIs on other nodes are not told what happened: %r", fault)
        self._sending = False

    def _cut(self) -> Report:
        size = count = 0
        while count < len(self._waiting) and size < _PART:
            size += len(self._waiting[count].arguments)
            count += 1
        report = Report(self.next, self._waiting[:count])
        del self._waiting[:count]
        return report
