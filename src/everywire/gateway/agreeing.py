"""Lines whose clients say what they read only once they are there, and may go on over another WebSocket."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from functools import partial
from typing import Any, Final, cast

from everywire.dialects.base import Acknowledged, Agreed, Counting, Numbering, Open, OpenLine
from everywire.errors import ProtocolError
from everywire.gateway.line import Line, Rest, begin
from everywire.hub.attachment import Attachment
from everywire.hub.calling.holding import held
from everywire.hub.continuity.acknowledging import acknowledged
from everywire.hub.continuity.keyed import heard
from everywire.hub.hub import Hub
from everywire.hub.world import Timer
from everywire.payloads import Transport
from everywire.transports.http import LineLimits
from everywire.transports.numbered import NumberedTransport
from everywire.transports.websocket import WebSocketTransport

__all__ = ["AgreeingLine", "start"]

_PATIENCE = 1.0  # seconds without any, after which the rest is taken all the same: what is waited for may be among it
_EVERY = 1.0  # seconds between two acknowledgements at least
_SETTLED = 0.5  # seconds after which a client that says nothing counts what it is told all the same


class AgreeingLine(Line):
    """The line of a client that agrees on its codec while it is there.

    npm's client counts what it is told only once it has seen that it is connected, and then says something: what is numbered waits for that, as would
    otherwise come in the same breath and go uncounted.

    A client says as much at once as it likes, and after a loss all of it again: of commands that wait for an earlier one no more are read than may wait.

    Invariants: `numbered` is the attachment's transport from the agreement on, where both sides count; `_told` is the number that the client was told last,
    on the WebSocket that there is, the `_carrier`th. `_turn` is there while payloads wait to be read on, and kept once the last of them is.
    """

    __slots__ = (
        *("_carrier", "_due", "_hub", "_known", "_limits", "_most", "_numbering", "_told", "_turn"),
        *("listener", "numbered"),
    )

    def __init__(self, hub: Hub, attachment: Any, decoder: Any, limits: LineLimits, most: int) -> None:
        """`most` commands may wait before no more are read."""
        super().__init__(attachment, decoder)
        self._hub: Final = hub
        self._limits: Final = limits
        self._numbering: Numbering | None = None
        self._told = 0
        self._due = False
        self._carrier = 0
        self._most: Final = most
        self._turn: asyncio.Future[None] | None = None
        self._known = False  # its client has said something since it was told that it is connected
        self.listener: Any = None  # who looks after a line that outlives its WebSocket
        self.numbered: NumberedTransport | None = None

    def receive(self, data: str | bytes) -> Rest:
        """Take one payload; what it says is handled command by command, what it cannot say closes."""
        attachment = self.attachment
        if not (attachment.open and attachment.pay(len(data))):  # who was told of the end may go on for a while
            return None
        if self.numbered is not None:
            self.numbered.flow()
        self._known = self._known or heard(self._hub, attachment)
        said = iter(self.decoder.decode(data))
        if self._turn is None and self._take(said, self._most):
            return held(self._hub, attachment)
        before, self._turn = self._turn, self._hub.world.promise()
        return _until(self._hub.world.start(self._go_on(said, before, self._turn)))

    def _take(self, said: Iterator[Any], most: float) -> bool:
        """Handle what was said until `most` commands wait; say whether that was all."""
        attachment = self.attachment
        try:
            for each in said:
                if isinstance(each, Agreed):
                    self._agree(each)
                elif isinstance(each, Acknowledged):
                    self._acknowledge(each.number)
                else:
                    attachment.receive(each)
                    if len(attachment.inbox) >= most:
                        return False
        except ProtocolError as fault:
            attachment.close(fault.code, fault.reason)
        if self.numbered is not None and not self._due and self._counting.received > self._told:
            self._due = True
            self._hub.world.later(_EVERY, self._tell)
        return True

    async def _go_on(
        self, said: Iterator[Any], before: asyncio.Future[None] | None, turn: asyncio.Future[None]
    ) -> None:
        carrier = self._carrier
        try:
            if before is not None:
                await asyncio.shield(before)
            over = False
            while not over:
                most = self._most if await self._room() else math.inf
                over = not self.attachment.open or carrier != self._carrier or self._take(said, most)
            if (rest := held(self._hub, self.attachment)) is not None:
                await rest
        finally:
            turn.set_result(None)
            if self._turn is turn:
                self._turn = None

    async def _room(self) -> bool:
        """Wait until half of what may wait does; false where nothing of it is handled for a while, or what was told waits for the client itself."""
        room = _Room(self._hub, self.attachment, self._most)
        try:
            return await room.found
        finally:
            room.end()

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
        self._carrier += 1
        self._told = 0  # what is said again shows that the last word on it was lost
        self.numbered.resume(transport, self._numbering.sequence, self._numbering.nothing())


class _Room:
    """What is `found` of the room in an inbox, as its commands are handled: true once less than half of `most` wait, and where its client is gone.

    False as soon as what was told waits for the client to read, or nothing was handled for a while. Is among `hub.moved` until its end.
    """

    __slots__ = ("_attachment", "_hub", "_most", "_timer", "found")

    def __init__(self, hub: Hub, attachment: Attachment, most: int) -> None:
        self._hub: Final = hub
        self._attachment: Final = attachment
        self._most: Final = most
        self._timer: Timer | None = None
        self.found: Final[asyncio.Future[bool]] = hub.world.promise()
        hub.moved[attachment] = self.learn
        self.learn()

    def learn(self) -> None:
        """Look at what waits now."""
        attachment = self._attachment
        attachment.heard = self._hub.time  # it has more to say
        self._pause()
        if len(attachment.inbox) < self._most / 2 or not attachment.open:
            self._settle(room=True)
        elif attachment.transport.crowded:
            self._settle(room=False)

    def _pause(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._hub.world.later(_PATIENCE, partial(self._settle, room=False))

    def _settle(self, *, room: bool) -> None:
        if not self.found.done():
            self.found.set_result(room)

    def end(self) -> None:
        """Learn no more."""
        if self._timer is not None:
            self._timer.cancel()
        del self._hub.moved[self._attachment]


async def _until(read: asyncio.Future[None]) -> None:
    """Wait until the rest is read; who gives that up, or never begins, does not keep it from being read."""
    await asyncio.shield(read)


def start(hub: Hub, transport: Transport, request: object, intent: Open | OpenLine, limits: LineLimits) -> Line:
    """Make a transport a client's, as `intent` says."""
    if not intent.agrees:
        return begin(hub, transport, request, intent)
    attachment = hub.attach(transport, intent.codec, request, heartbeat=intent.heartbeat)
    return AgreeingLine(hub, attachment, intent.decoder, limits, hub.settings.max_waiting // 2)
