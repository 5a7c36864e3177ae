"""Beats for all attachments, each by the heartbeat of its language, and an eye on who lives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from everywire.hub.attachment import Attachment
from everywire.hub.codes import Close
from everywire.hub.world import Timer, World
from everywire.messages import Beat, Heartbeat
from everywire.payloads import Carrier, Codec

__all__ = ["Heartbeats"]

_SLOTS = 32  # a beat's time is exact to every / _SLOTS


class Heartbeats:
    """One wheel for each distinct `Heartbeat`; `heartbeat` is that of who has no other.

    Invariants: `now` is the time of the last turn of any wheel, good enough to note when somebody was heard.
    """

    def __init__(self, world: World, heartbeat: Heartbeat) -> None:
        self._world: Final = world
        self.now = world.now()
        self._wheels: Final = {heartbeat: Wheel(world, heartbeat, self)}

    def add(self, attachment: Attachment) -> None:
        """Beat `attachment` from now on, first in one interval; raises `ValueError` where its heartbeat makes no sense."""
        heartbeat = attachment.heartbeat
        wheel = self._wheels.get(heartbeat)
        if wheel is None:
            wheel = self._wheels[heartbeat] = Wheel(self._world, heartbeat, self)
        wheel.add(attachment)

    def discard(self, attachment: Attachment) -> None:
        """Beat it no longer."""
        if (wheel := self._wheels.get(attachment.heartbeat)) is not None:
            wheel.discard(attachment)

    def close(self) -> None:
        """Stop all wheels."""
        for wheel in self._wheels.values():
            wheel.close()


class Wheel:
    """A wheel of slots that turns once per `every` seconds.

    An attachment is beaten when the wheel comes to its slot. Where that asks for an answer, it is looked at `patience` later: one that was
    not heard since is closed with 4408. Where both sides beat unasked, one is closed that was silent for `every` and `patience` together; who may
    come to that before its next beat is looked at then. So ten thousand clients cost one timer, and no two slots are beaten in the same moment.

    Invariants: each attachment stands in exactly one slot; the timer runs while there is any; `_looks` are the timers of slots that were
    beaten and are looked at yet; `_silent` are those who are looked at when the wheel comes to a slot, and perhaps some that are gone.
    """

    def __init__(self, world: World, heartbeat: Heartbeat, clock: Heartbeats) -> None:
        heartbeat.agree()
        self._world = world
        self._clock = clock
        self._step = heartbeat.every / _SLOTS
        self._heartbeat = heartbeat
        self._slots: list[dict[Attachment, None]] = [{} for _ in range(_SLOTS)]
        self._looks: dict[int, Timer] = {}
        self._silent: dict[int, list[Attachment]] = {}
        self._homes: dict[Attachment, int] = {}
        self._cursor = 0
        self._timer: Timer | None = None
        self._next = 0.0

    def add(self, attachment: Attachment) -> None:
        """Beat `attachment` from now on, first in one interval."""
        now = self._world.now()
        if self._timer is None:
            self._clock.now = now
            self._next = now + self._step
            self._timer = self._world.later(self._step, self._turn)
        attachment.heard = now
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
        self._silent.clear()

    def _turn(self) -> None:
        now = self._clock.now = self._world.now()
        self._next = (
            max(self._next, now - self._step) + self._step
        )  # the intervals are exact, however late each turn is
        delay = max(0.0, self._next - now)
        self._timer = self._world.later(delay, self._turn) if self._homes else None  # whatever comes of this turn
        self._cursor = (self._cursor + 1) % _SLOTS
        self._look_again(self._silent.pop(self._cursor, ()), now)
        slot = self._slots[self._cursor]
        if slot:
            self._watch(self._cursor, slot, now)
            _beat(slot)
        if not self._homes:
            self._silent.clear()

    def _watch(self, cursor: int, slot: Iterable[Attachment], now: float) -> None:
        """See to it that the silent of a slot that is beaten now are found."""
        if self._heartbeat.who_asks == "server":
            self._looks[cursor] = self._world.later(self._heartbeat.patience, lambda: self._bury(cursor, now))
        elif self._heartbeat.who_asks == "both":
            for attachment in slot:
                left = attachment.heard + self._heartbeat.patience - now  # of the time until its next beat
                if left < 0:
                    ahead = max(0, int(_SLOTS + left / self._step)) + 1
                    self._silent.setdefault((cursor + ahead) % _SLOTS, []).append(attachment)

    def _bury(self, slot: int, beaten: float) -> None:
        """Close whoever was not heard since the slot's beat."""
        del self._looks[slot]
        for attachment in [each for each in self._slots[slot] if each.heard < beaten]:
            attachment.close(Close.NO_ANSWER, "no answer to a ping")

    def _look_again(self, attachments: Iterable[Attachment], now: float) -> None:
        """Close whoever has not been heard for too long."""
        limit = now - self._heartbeat.every - self._heartbeat.patience
        for attachment in attachments:
            if attachment.heard <= limit and attachment in self._homes:
                attachment.close(Close.NO_ANSWER, "nothing was heard for too long")


def _beat(attachments: Iterable[Attachment]) -> None:
    groups: dict[tuple[Codec, Carrier], list[Any]] = {}
    for attachment in attachments:
        transport = attachment.transport
        groups.setdefault((attachment.codec, transport.carrier), []).append(transport.wire)
    for (codec, carrier), wires in groups.items():
        for payload in codec.encode(Beat()):
            carrier.send_many(wires, payload)
