"""A line on its way from HTTP requests to a WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from everywire.dialects.base import Move
from everywire.gateway.line import Rest
from everywire.hub.codes import Close
from everywire.hub.world import Timer
from everywire.payloads import Transport

if TYPE_CHECKING:
    from everywire.gateway.lines import HttpLine, Lines

__all__ = ["Moving"]


class Moving:
    """A WebSocket that carries a line on once its client has said so; until then requests carry it, and do so still if that never comes.

    Invariants: `_line` is there from the probe on; it is carried by the WebSocket from when `_moved` is true.
    """

    __slots__ = ("_intent", "_limit", "_line", "_lines", "_moved", "_nudging", "_transport")

    def __init__(self, lines: Lines, transport: Transport, intent: Move) -> None:
        self._lines: Final = lines
        self._transport: Final = transport
        self._intent: Final = intent
        self._line: HttpLine | None = None
        self._moved = False
        self._nudging: Timer | None = None
        self._limit = lines.hub.world.later(intent.patience, self._late)
        if lines.movable(intent.line) is None:
            transport.close(Close.POLICY, "another WebSocket has this line")

    def receive(self, data: str | bytes) -> Rest:
        """Take one payload: the probe, then the commitment, then what the line says."""
        if self._moved:
            assert self._line is not None
            return self._line.line.receive(data)
        if self._line is None and data == self._intent.probe:
            self._probe()
        elif self._line is not None and data == self._intent.commit:
            self._commit(self._line)
        else:
            self._transport.close(Close.POLICY, "that is no upgrade")
        return None

    def _probe(self) -> None:
        self._line = self._lines.movable(self._intent.line)
        if self._line is None:
            self._transport.close(Close.POLICY, "no such line")
            return
        self._line.moving = True
        self._transport.send((self._intent.answer,))
        self._nudge()

    def _nudge(self) -> None:
        """Have the request that fetches payloads answered: its client waits for that before it commits."""
        assert self._line is not None
        transport = self._line.transport
        if transport.heard:
            transport.send((self._intent.nudge,))
        self._nudging = self._lines.hub.world.later(self._intent.every, self._nudge)

    def _commit(self, line: HttpLine) -> None:
        self._stop()
        if line.transport.closed is not None:  # meanwhile: its last words are for this client, too
            self._transport.send(line.kept(self._intent.nudge))
            self._transport.close(*line.transport.closed)
            return
        self._moved = True
        line.move(self._transport, self._intent.nudge)

    def lost(self, code: int) -> None:
        """Take notice that the WebSocket is gone: before it carried the line, that goes on as before."""
        self._stop()
        if self._line is not None:
            self._line.moving = False
            if self._moved:
                self._line.lost(code)

    def _stop(self) -> None:
        self._limit.cancel()
        if self._nudging is not None:
            self._nudging.cancel()
            self._nudging = None

    def _late(self) -> None:
        self._transport.close(Close.POLICY, "the upgrade takes too long")
