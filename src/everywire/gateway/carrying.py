"""How a line is carried whose client agrees on its codec: by a WebSocket, or in one way by requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from everywire.dialects.base import Carry, Deliver, Hear, Leave
from everywire.gateway.exchange import Exchange, remembered
from everywire.gateway.line import Rest
from everywire.http.request import Response
from everywire.hub.codes import Close, Code
from everywire.transports.websocket import WebSocketTransport

if TYPE_CHECKING:
    from everywire.gateway.lines import HttpLine, Lines

__all__ = ["Carrying", "settle"]


class Carrying:
    """A WebSocket that carries a line which was opened by a request.

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

    def receive(self, data: str | bytes) -> Rest:
        """Take one payload."""
        return None if self._line is None else self._line.line.receive(data)

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


def settle(lines: Lines, exchange: Exchange, line: HttpLine, intent: Deliver | Hear | Leave) -> Response | None:
    """Answer a request that does not fit the one way in which its line is carried, and the first one for payloads, which settles that."""
    line.line.attachment.heard = lines.hub.time  # who polls says nothing else while it has nothing to say
    if isinstance(intent, Deliver):
        allowed = line.way != "websocket"
        return None if allowed else exchange.deny(405, Code.BAD_REQUEST, "a WebSocket carries this line")
    if isinstance(intent, Leave):
        return None if line.way == "polling" else exchange.deny(400, Code.BAD_REQUEST, "no polls carry this line")
    way = "polling" if intent.form.one_shot else "sse"
    if line.way is not None:
        fits_it = line.way == way
        return None if fits_it else exchange.deny(400, Code.BAD_REQUEST, "this line is carried otherwise")
    line.settle(way, remembered(exchange.request))
    if not intent.at_first or line.transport.closed is not None:
        return None
    lines.rest(line)
    return exchange.whole(intent.form.content_type, intent.form.pack(()))
