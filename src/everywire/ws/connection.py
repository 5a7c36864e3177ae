"""A WebSocket after its handshake: the state machine of both roles (RFC 6455 5 to 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from everywire.errors import CloseCode, ConnectionClosed, ProtocolError, closed
from everywire.ws.frames import (
    BINARY,
    CLIENT,
    CLOSE,
    FIN,
    PING,
    PONG,
    RSV1,
    TEXT,
    Control,
    Decoder,
    close_payload,
    encode,
    frame,
    header,
    masked_frame,
)
from everywire.ws.link import Link

try:
    import cython
except ImportError:  # plain Python where no compiler is installed
    from everywire.ws import plain as cython  # noqa: F401

__all__ = ["CLOSED", "CLOSING", "OPEN", "Connection", "Manner"]

if TYPE_CHECKING:
    from everywire.ws.deflate import Compressor, Inflation
    from everywire.ws.frames import Event, Limits

# state    | event                        | next    | what is written
# ---------+------------------------------+---------+----------------------------
# OPEN     | close()                      | CLOSING | close frame
# OPEN     | close frame comes            | CLOSED  | its echo, then FIN (once the application has read what preceded it)
# OPEN     | the peer errs                | CLOSING | close frame, then FIN
# CLOSING  | close frame comes            | CLOSED  | FIN
# any      | the pipe is lost             | CLOSED  | -
OPEN, CLOSING, CLOSED = 0, 1, 2

_UNCOPIED = 1 << 13  # bytes from which on a payload goes down beside its header instead of behind it
_PATIENCE = 1.0  # seconds that a peer's close frame waits for an application that has not read everything
_NOTHING = bytearray(1)
_LATE_PONGS = 1 << 14  # bytes waiting above which only the newest ping is answered


class Manner:
    """How connections of one server or client behave: shared by all of them, so that a connection stays small.

    Times in seconds, None for never. `clock() -> seconds`, `mask() -> 32 random bits` are handed in. Above `high` queued bytes `await send` waits.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float], mask: Callable[[], int] | None = None) -> None:
        self.limits = limits
        self.clock = clock
        self.mask = mask
        self.ping_interval: float | None = 20.0
        self.ping_timeout: float | None = 20.0
        self.close_timeout: float | None = 10.0
        self.high = 1 << 16
        self.write_limit = 1 << 20
        self.slow_code = 1008
        self.bare_code: int = CloseCode.NO_STATUS  # what answers a close frame that has no code
        self.read_limit = 1 << 18


class Connection(Link):
    """One WebSocket: frames go down by `send_frame`, messages come up by `deliver`.

    `deliver(message)` and `finished(reason)` are for the subclass. Times are told by `sweep`; nothing here reads a clock by itself.

    Invariants: `state` only grows; the close frame is written once; after `state` is CLOSED nothing is delivered.
    """

    def __init__(
        self,
        role: int,
        manner: Manner,
        compressor: Compressor | None = None,
        inflation: Inflation | None = None,
    ) -> None:
        self.above = None
        self.below = None
        self.manner = manner
        self.decoder = Decoder(role, manner.limits, inflation)
        self.compressor = compressor
        self.client = role == CLIENT
        self.state = OPEN
        self.heard = False
        self.refused = False  # the peer erred, or was cut off: what it still sends is not looked at
        self.since = 0.0  # when the state changed, the peer was last heard, or a ping went out
        self.pinged = False
        self.decoding = False
        self.more = False  # bytes wait in the decoder until the application keeps up
        self.bidden = False  # the end is due, and waits until the application has read what preceded it
        self.verdict: ProtocolError | None = None  # the error that ends it; None where a close frame does
        self.peer_code = 0  # as the peer sent it; 0 until then
        self.sent_code = 0
        self.reason: str | None = None
        self.late_pong: bytes | None = None

    # Up

    def receive(self, data: bytearray, size: int) -> int:
        """Take bytes: decode all of them, then deliver what they complete (the buffer is not looked at any more while handlers run)."""
        if self.refused or self.state == CLOSED:
            return 0
        self.heard = True
        self._decode(data, size)
        return 0

    def _decode(self, data: bytearray, size: int) -> int:
        """Decode and deliver, in several steps where few bytes inflate to many, and only as long as the application keeps up."""
        self.more = True
        self.decoding = True
        while self.more:
            events: list[Event] = []
            self.more = self.decoder.decode(data, size, events) != 0
            self._deliver_all(events)
            size = 0
            if self.refused or self.full():
                break
        self.decoding = False
        return 0

    def go_on(self) -> None:
        """Decode what was left because the application had not kept up."""
        if (
            self.more and self.state != CLOSED and not self.refused and not self.decoding
        ):  # a handler may ask in the middle of a delivery
            self._decode(_NOTHING, 0)

    def _deliver_all(self, events: list[Event]) -> int:
        for event in events:
            if type(event) is str or type(event) is bytes:
                if self.state == OPEN:
                    self.deliver(event)
            elif type(event) is Control:
                self._control(event)
            elif isinstance(event, ProtocolError):
                self._end_when_read(event)
        if events:
            self.delivered()
        return 0

    def _control(self, control: Control) -> None:
        if control.opcode == PING:
            self._answer(control.data)
        elif control.opcode == PONG:
            self.ponged(control.data)
        elif self.state != CLOSED and self.peer_code == 0:
            self.peer_code = control.code
            self.reason = control.reason
            self._end_when_read(None)

    def _end_when_read(self, error: ProtocolError | None) -> None:
        """Come to the end that the peer's close frame, or its `error`, calls for; but let the application read and answer first what preceded it."""
        self.refused = True
        self.verdict = error
        self.delivered()
        if self.state == OPEN and self.unread():
            self.since = self.manner.clock()
            self.bidden = True
        else:
            self.end_now()

    def end_now(self) -> None:
        """Answer the peer's close frame with its own code, if it has one, or fail the connection (RFC 6455 5.5.1, 7.1.7)."""
        self.bidden = False
        error, self.verdict = self.verdict, None
        if error is not None:
            self.faulted(error.code, error.reason)
            self.fail(error.code, error.reason)
            return
        if self.state == OPEN:
            bare = self.peer_code == CloseCode.NO_STATUS
            self._write_close(self.manner.bare_code if bare else self.peer_code, "")
        if self.state != CLOSED:
            self._end()

    def _answer(self, data: bytes) -> None:
        """Answer a ping; where the peer does not read, only the newest one (RFC 6455 5.5.3)."""
        if self.state != OPEN:
            return
        if self.below is not None and self.below.queued() > _LATE_PONGS:
            self.late_pong = data
        else:
            self.send_frame(FIN | PONG, data)

    def _end(self) -> None:
        """The closing handshake is done."""
        self.state = CLOSED
        if self.below is not None:
            self.since = self.manner.clock()
            if self.client:
                self.below.finish()  # the server closes first. RFC 6455 7.1.1
            else:
                self.below.leave()

    def fail(self, code: int, reason: str) -> None:
        """Fail the connection: say why in a close frame, look at nothing more (RFC 6455 7.1.7)."""
        if self.state == OPEN:
            self._write_close(code, reason)
        self.refused = True
        if self.state != CLOSED and self.below is not None:
            if self.peer_code and not self.client:
                self.below.leave()  # the peer has said its last word already
            else:
                self.below.finish()

    def ended(self) -> None:
        """The peer half-closed without a closing handshake: what we still have to say goes out, then it is over."""
        if self.state == OPEN:
            self.sent_code = self.sent_code or CloseCode.ABNORMAL
        self.state = CLOSED
        if self.below is not None:
            self.below.finish()

    def lost(self, reason: BaseException | None) -> None:
        """The pipe is gone."""
        self.state = CLOSED
        self.above = None
        self.late_pong = None
        self.decoder.inflation = None
        self.finished(reason)

    def drained(self) -> None:
        """The queue is short again: answer the last ping of those that had to wait."""
        if self.late_pong is not None:
            data, self.late_pong = self.late_pong, None
            self._answer(data)

    def sweep(self, now: float) -> None:
        """Look after the timeouts of keepalive and closing (RFC 6455 5.5.2, 7.1.1)."""
        if self.full():
            self.heard = True  # we do not read, and cannot know
        if not self.bidden and (self.heard or self.since == 0):
            self.heard = False
            self.pinged = False
            if self.state == OPEN:
                self.since = now
                return
        manner = self.manner
        silent = now - self.since
        if self.bidden:
            if silent > _PATIENCE:
                self.end_now()
            return
        if self.state != OPEN:
            if manner.close_timeout is not None and silent > manner.close_timeout and self.below is not None:
                self.below.abort()
        elif self.pinged:
            if manner.ping_timeout is not None and silent > manner.ping_timeout:
                stuck = self.queued() > 0
                self.faulted(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
                self.fail(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
                if stuck:
                    self.abort()  # a peer that reads nothing gets no close frame either
        elif manner.ping_interval is not None and silent >= manner.ping_interval:
            self.pinged = True
            self.since = now
            self.keepalive()

    # For the subclass

    def deliver(self, message: str | bytes) -> None:
        """Take a message (str or bytes) that the peer sent."""

    def delivered(self) -> None:
        """Learn that all messages of this turn have been delivered."""

    def full(self) -> bool:
        """Say whether the application has more than enough to read."""
        return False

    def unread(self) -> bool:
        """Say whether the application has messages left to read: the peer's close frame is answered after them."""
        return False

    def ponged(self, data: bytes) -> None:
        """Take a pong."""

    def keepalive(self) -> None:
        """Ask the peer for a sign of life."""
        self.send_frame(FIN | PING, b"")

    def faulted(self, code: int, reason: str) -> None:
        """Learn that the connection is failed by the peer's fault."""

    def finished(self, reason: BaseException | None) -> None:
        """Learn that it is over; `outcome` says how."""

    # Down

    def send_frame(self, first: int, payload: bytes) -> None:
        """Write one frame; `first` is its first byte, `payload` bytes."""
        if self.below is not None:
            if self.client and self.manner.mask is not None:
                self.below.write(masked_frame(first, payload, self.manner.mask()))
            else:
                self.below.write(frame(first, payload))

    def send_message(self, message: str | bytes | bytearray | memoryview) -> None:
        """Write one whole message: str as text, bytes-like as binary; compressed where that was agreed on and pays."""
        if self.compressor is None and not self.client:
            if self.below is None:
                return
            if type(message) is bytes and len(message) >= _UNCOPIED:
                self.below.write_both(header(FIN | BINARY, len(message)), message)
            elif type(message) is str and len(message) >= _UNCOPIED and message.isascii():
                self.below.write_both(header(FIN | TEXT, len(message)), message)
            else:
                self.below.write(encode(message))
            return
        if isinstance(message, str):
            self._send_data(TEXT, message.encode())
        else:
            self._send_data(BINARY, bytes(message))

    def _send_data(self, opcode: int, data: bytes) -> None:
        if self.compressor is not None and len(data) >= self.compressor.threshold:
            self.send_frame(FIN | RSV1 | opcode, self.compressor.deflate(data))
        else:
            self.send_frame(FIN | opcode, data)

    def send_fragment(self, opcode: int, data: bytes, end: bool) -> None:
        """Write one fragment of a message: the first with its opcode, the others with 0; never compressed (RFC 6455 5.4)."""
        self.send_frame((FIN if end else 0) | opcode, data)

    def start_close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; does nothing when it has begun."""
        if self.bidden:
            self.end_now()
        elif self.state == OPEN:
            self._write_close(code, reason)

    def _write_close(self, code: int, reason: str) -> None:
        payload = close_payload(code, reason)
        self.sent_code = code
        if self.reason is None:
            self.reason = reason
        self.state = CLOSING
        self.since = self.manner.clock()
        self.heard = False
        self.send_frame(FIN | CLOSE, payload)

    def outcome(self) -> ConnectionClosed:
        """Give the exception that says how it ended: the peer's code and reason, 1006 where its close frame never came."""
        if self.peer_code:
            return closed(self.peer_code, self.reason or "")
        return closed(CloseCode.ABNORMAL, self.reason or "")
