"""Beats for all attachments on one timer, and an eye on who answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from everywire.hub.attachment import Attachment
from everywire.hub.codes import Close
from everywire.hub.world import Timer, World
from everywire.messages import Beat, Heartbeat
from everywire.payloads import Carrier, Codec

__all__ = ["Heartbeats"]

_SLOTS = 32  # a beat's time is exact to every / _SLOTS


class Heartbeats:
    """A wheel of slots that turns once per `every` seconds.

    An attachment is beaten when the wheel comes to its slot, and looked at `patience` later: one that was
    not heard since is closed with 4408. So ten thousand clients cost one timer, and no two slots are
    beaten in the same moment.

    Invariants: each attachment stands in exactly one slot; the timer runs while there is any; `_looks` are the timers of slots that were
    beaten and are looked at yet; `now` is the time of the last turn, good enough to note when somebody was heard.
    """

    def __init__(self, world: World, heartbeat: Heartbeat) -> None:
        if not 0 < heartbeat.patience < heartbeat.every:
            raise ValueError("a heartbeat's patience lies between 0 and its interval")
        self._world = world
        self._step = heartbeat.every / _SLOTS
        self._patience = heartbeat.patience
        self._slots: list[dict[Attachment, None]] = [{} for _ in range(_SLOTS)]
        self._looks: dict[int, Timer] = {}
        self._homes: dict[Attachment, int] = {}
        self._cursor = 0
        self._timer: Timer | None = None
        self._next = 0.0
        self.now = world.now()

    def add(self, attachment: Attachment) -> None:
        """Beat `attachment` from now on, first in one interval."""
        if self._timer is None:
            self.now = self._world.now()
            self._next = self.now + self._step
            self._timer = self._world.later(self._step, self._turn)
        attachment.heard = self._world.now()
        home = (self._cursor - 1) % _SLOTS  # a slot early: a timer that is late is not to make the first beat late
        self._homes[attachment] = home
        self._slots[home][attachment] = None

    def discard(self, attachment: Attachment) -> None:
        """Beat it no longer."""
        home = self._homes.pop(attachment, None)
        if home is not None:
            del self._slots[home][attachment]

    def close(self) -> None:
        """Stop the wheel."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for look in self._looks.values():
            look.cancel()
        self._looks.clear()

    def _turn(self) -> None:
        self.now = self._world.now()
        self._next = (
            max(self._next, self.now - self._step) + self._step
        )  # the intervals are exact, however late each turn is
        delay = max(0.0, self._next - self.now)
        self._timer = self._world.later(delay, self._turn) if self._homes else None  # whatever comes of this turn
        self._cursor = (self._cursor + 1) % _SLOTS
        if self._slots[self._cursor]:
            slot, beaten = self._cursor, self.now
            self._looks[slot] = self._world.later(self._patience, lambda: self._bury(slot, beaten))
            _beat(self._slots[slot])

    def _bury(self, slot: int, beaten: float) -> None:
        """Close whoever was not heard since the slot's beat."""
        del self._looks[slot]
        for attachment in [each for each in self._slots[slot] if each.heard < beaten]:
            attachment.close(Close.NO_ANSWER, "no answer to a ping")


def _beat(attachments: Iterable[Attachment]) -> None:
    groups: dict[tuple[Codec, Carrier], list[Any]] = {}
    for attachment in attachments:
        transport = attachment.transport
        groups.setdefault((attachment.codec, transport.carrier), []).append(transport.wire)
    for (codec, carrier), wires in groups.items():
        for payload in codec.encode(Beat()):
            carrier.send_many(wires, payload)
