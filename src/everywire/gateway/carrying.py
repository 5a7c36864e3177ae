"""A WebSocket that carries a line which was opened by a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from everywire.dialects.base import Carry
from everywire.hub.codes import Close
from everywire.transports.websocket import WebSocketTransport

if TYPE_CHECKING:
    from everywire.gateway.lines import HttpLine, Lines

__all__ = ["Carrying"]


class Carrying:
    """Such a WebSocket.

    Invariants: `_line` is the line while this carries it; it is None where there was none to be had, and once another WebSocket does.
    """

    __slots__ = ("_line", "_transport")

    def __init__(self, lines: Lines, transport: WebSocketTransport, intent: Carry) -> None:
        self._transport: Final = transport
        self._line: HttpLine | None = lines.carriable(intent.line)
        if self._line is None:
            transport.close(Close.POLICY, "no such line")
        else:
            self._line.carry(self, transport)

    def receive(self, data: str | bytes) -> None:
        """Take one payload."""
        if self._line is not None:
            self._line.line.receive(data)

    def lost(self, code: int) -> None:
        """Take notice that the WebSocket is gone."""
        line, self._line = self._line, None
        if line is not None:
            line.parted(code)

    def cut_off(self) -> None:
        """Carry nothing any more: another WebSocket does."""
        self._line = None
        self._transport.wire.close(
            Close.CONTINUED, "another WebSocket carries this line"
        )  # its client is not there to do so
