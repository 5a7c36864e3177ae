"""Lines whose clients say what they read only once they are there, and may go on over another WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from everywire.dialects.base import Acknowledged, Agreed, Counting, Numbering, Open, OpenLine
from everywire.errors import ProtocolError
from everywire.gateway.line import Line, begin
from everywire.hub.continuity.acknowledging import acknowledged
from everywire.hub.hub import Hub
from everywire.payloads import Transport
from everywire.transports.http import LineLimits
from everywire.transports.numbered import NumberedTransport
from everywire.transports.websocket import WebSocketTransport

if TYPE_CHECKING:
    from everywire.messages import Command

__all__ = ["AgreeingLine", "start"]

_EVERY = 1.0  # seconds between two acknowledgements at least
_SETTLED = 0.5  # seconds after which a client that says nothing counts what it is told all the same


class AgreeingLine(Line):
    """The line of a client that agrees on its codec while it is there.

    npm's client counts what it is told only once it has seen that it is connected, and then says something: what is numbered waits for that, as would
    otherwise come in the same breath and go uncounted.

    Invariants: `numbered` is the attachment's transport from the agreement on, where both sides count; `_told` is the number that the client was told last,
    on the WebSocket that there is.
    """

    __slots__ = ("_due", "_hub", "_limits", "_numbering", "_told", "listener", "numbered")

    def __init__(self, hub: Hub, attachment: Any, decoder: Any, limits: LineLimits) -> None:
        super().__init__(attachment, decoder)
        self._hub: Final = hub
        self._limits: Final = limits
        self._numbering: Numbering | None = None
        self._told = 0
        self._due = False
        self.listener: Any = None  # who looks after a line that outlives its WebSocket
        self.numbered: NumberedTransport | None = None

    def receive(self, data: str | bytes) -> None:
        """Take one payload; what it says is handled command by command, what it cannot say closes."""
        attachment = self.attachment
        if not attachment.pay(len(data)):
            return
        if self.numbered is not None:
            self.numbered.flow()
        try:
            for said in self.decoder.decode(data):
                if isinstance(said, Agreed):
                    self._agree(said)
                elif isinstance(said, Acknowledged):
                    self._acknowledge(said.number)
                else:
                    attachment.receive(cast("Command", said))
        except ProtocolError as fault:
            attachment.close(fault.code, fault.reason)
        if self.numbered is not None and not self._due and self._counting.received > self._told:
            self._due = True
            self._hub.world.later(_EVERY, self._tell)

    def _agree(self, agreed: Agreed) -> None:
        attachment = self.attachment
        below = attachment.transport
        if agreed.binary is not None and getattr(below, "kind", None) == "sse":
            raise ProtocolError(agreed.binary)
        attachment.codec = agreed.codec
        if agreed.numbering is not None and self.listener is not None and isinstance(below, WebSocketTransport):
            later = self._hub.world.later
            numbered = NumberedTransport(self._limits, later, self.listener, below)
            attachment.transport = self.numbered = numbered
            self._numbering = agreed.numbering
            later(_SETTLED, numbered.flow)

    @property
    def _counting(self) -> Counting:
        return cast("Counting", self.decoder)

    def _acknowledge(self, number: int) -> None:
        if self.numbered is not None:
            self.numbered.acknowledge(number)
            acknowledged(self._hub, self.attachment, number, self.numbered.last)

    def _tell(self) -> None:
        """Tell the client what was heard."""
        self._due = False
        assert self.numbered is not None
        assert self._numbering is not None
        if self.numbered.below is not None:
            self._told = self._counting.received
            self.numbered.below.send((self._numbering.acknowledgement(self._told),))

    def resume(self, transport: WebSocketTransport) -> None:
        """Go on over another WebSocket: both sides say where they begin, and say again what the other may not have."""
        assert self.numbered is not None
        assert self._numbering is not None
        self._counting.again()
        self._told = 0  # what is said again shows that the last word on it was lost
        self.numbered.resume(transport, self._numbering.sequence)


def start(hub: Hub, transport: Transport, request: object, intent: Open | OpenLine, limits: LineLimits) -> Line:
    """Make a transport a client's, as `intent` says."""
    if not intent.agrees:
        return begin(hub, transport, request, intent)
    attachment = hub.attach(transport, intent.codec, request, heartbeat=intent.heartbeat)
    return AgreeingLine(hub, attachment, intent.decoder, limits)
