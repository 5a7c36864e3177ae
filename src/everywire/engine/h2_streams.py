"""One stream of an HTTP/2 connection as a storey (RFC 9113 5)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from h2.connection import H2Connection
from h2.errors import ErrorCodes

from everywire.http.h2 import STREAM_WINDOW, Fields
from everywire.ws.link import PIECE, PlainLink

if TYPE_CHECKING:
    from everywire.engine.h2_trunk import H2Trunk

__all__ = ["H2Stream"]

_CROWDED = 1 << 14
_LINGER = 2.0  # seconds to wait for the peer's END_STREAM after ours: waiting costs no descriptor, and ends with the connection
_STALLED = 10.0  # seconds without any progress after which a stream that is finishing is reset, where nobody sets its `patience`


class H2Stream(PlainLink):
    """One stream, as the pipe of what stands on it: a request, or a WebSocket.

    `queued` counts what the windows, or a crowded connection, hold back here. Not promised: that what left it has left the machine.

    Invariants: `sent` counts bytes of the first piece in `outbox` that have gone; `size` the others. `half` and `eof` say that we, the peer, ended it.
    The trunk is its `below` while it lives, but knows it by number.
    """

    __slots__ = (
        *("code", "crowded", "ending", "eof", "fields", "finishing", "half", "hints", "moved", "number", "outbox"),
        *("over", "patience", "paused", "sent", "since", "size", "trailers", "trunk", "unread"),
    )

    above: Any
    below: Any

    def __init__(self, trunk: H2Trunk, number: int) -> None:
        self.above = None
        self.below = trunk
        self.trunk = trunk
        self.number = number
        self.outbox: deque[bytes] = deque()
        self.sent = 0
        self.size = 0
        self.hints: Sequence[Fields] = ()
        self.fields: Fields | None = None
        self.trailers: Fields | None = None
        self.ending = False
        self.code: ErrorCodes | None = None
        self.crowded = False
        self.paused = False
        self.finishing = self.half = self.eof = self.over = False
        self.unread = 0
        self.moved = False
        self.since = 0.0
        self.patience = _STALLED

    # Up

    def take(self, data: bytes, size: int) -> None:
        """Take bytes of the peer's, which cost `size` of the window."""
        self.unread += size
        if self.above is not None and not self.finishing:
            self.above.feed(data)
        if self._window_due():
            self.trunk.mark(self)

    def _window_due(self) -> bool:
        return self.unread * 2 >= STREAM_WINDOW and not (self.paused or self.finishing or self.eof)

    def ended(self) -> None:
        """The peer ended the stream."""
        if self.eof:
            return
        self.eof = True
        if self.above is not None and not self.finishing:
            self.above.ended()
        if self.half:
            self.trunk.bury(self, None)

    def lost(self, reason: BaseException | None) -> None:
        """The stream is gone."""
        self.over = True
        self.outbox.clear()
        self.size = 0
        above, self.above = self.above, None
        if above is not None:
            above.lost(reason)
            above.below = None
        self.below = None

    def sweep(self, now: float) -> None:
        """Look after a stream that is finishing; tell the time to what stands on others."""
        if not self.finishing:
            if self.above is not None:
                self.above.sweep(now)
        elif self.moved or self.since == 0.0:
            self.moved = False
            self.since = now
        elif now - self.since > (_LINGER if self.half else self.patience):
            self.refuse(ErrorCodes.NO_ERROR if self.half else ErrorCodes.CANCEL)

    # Down

    def head(self, fields: Fields, *, end: bool = False) -> None:
        """Queue the head of a request or response; `end` says that nothing follows it."""
        self.fields = fields
        self.ending = end
        self.finishing = self.finishing or end
        self.trunk.mark(self)

    def inform(self, fields: Fields) -> None:
        """Queue an informational head (RFC 9110 15.2), unless the final one comes first."""
        self.hints = [*self.hints, fields]
        self.trunk.mark(self)

    def write(self, data: bytes) -> None:
        """Queue bytes."""
        if self.finishing or self.over or not data:
            return
        self.outbox.append(data)
        self.size += len(data)
        if self.queued() > _CROWDED:
            self.crowded = True
        self.trunk.mark(self)

    def trail(self, fields: Fields) -> None:
        """Have trailers end the stream (RFC 9113 8.1)."""
        self.trailers = fields

    def wake(self) -> None:
        """Ask for a turn."""
        self.trunk.mark(self)

    def finish(self) -> None:
        """End the stream when all is written; reset it where the peer does not end it too."""
        if not self.finishing and not self.over:
            self.finishing = True
            self.trunk.mark(self)

    def leave(self) -> None:
        """End the stream: waiting for the peer's end costs nothing here, as no late byte can hurt."""
        self.finish()

    def abort(self) -> None:
        """Reset the stream (RFC 8441 5)."""
        if not self.over:
            self.refuse(ErrorCodes.CANCEL)

    def refuse(self, code: ErrorCodes) -> None:
        """Reset the stream with `code`."""
        self.code = code
        self.finishing = True
        self.outbox.clear()
        self.size = self.sent = 0
        self.trunk.mark(self)

    def discard(self) -> None:
        """Drop what is queued, but for a piece that has begun to leave."""
        if self.sent:
            first = self.outbox[0]
            self.outbox.clear()
            self.outbox.append(first)
            self.size = len(first) - self.sent
        else:
            self.outbox.clear()
            self.size = 0

    def reading(self, on: object) -> None:
        """Go on or stop giving the peer room: at most a window's worth still comes."""
        self.paused = not on
        if self._window_due():
            self.trunk.mark(self)

    def crowd(self, low: int) -> None:
        """Owe `drained`; `low` is not waited for where it is less than what a stream may hold anyhow."""
        self.crowded = True
        self.trunk.mark(self)

    def queued(self) -> int:
        """Count what is held back here."""
        return self.size + PIECE * max(0, len(self.outbox) - 1)

    # For the trunk

    def advance(self, room: int) -> int:
        """Tell the connection what has gathered, at most `room` bytes of it and one frame; give how many it was."""
        if self.above is not None:
            self.above.settling()
        conn = self.trunk.conn
        if self.code is not None:
            conn.reset_stream(self.number, self.code)
            self.trunk.bury(self, None)
            return 0
        if self.hints:
            for hint in self.hints if self.fields is None else ():
                conn.send_headers(self.number, hint)
            self.hints = ()
        if self.fields is not None:
            fields, self.fields = self.fields, None
            conn.send_headers(self.number, fields, end_stream=self.ending)
            self.half = self.ending
        if self._window_due():
            conn.increment_flow_control_window(self.unread, self.number)
            self.unread = 0
        count = self._data(conn, room)
        if self.half and self.eof:
            self.trunk.bury(self, None)
        elif self.crowded and self.queued() < _CROWDED:
            self.crowded = False
            if self.above is not None and not self.finishing:
                self.above.drained()
        return count

    def _data(self, conn: H2Connection, room: int) -> int:
        """Send one frame of what is queued, or the end."""
        if self.half:
            return 0
        if not self.outbox:
            if self.finishing:
                self.half = True
                self._end(conn)
            return 0
        most = min(conn.local_flow_control_window(self.number), conn.max_outbound_frame_size)
        if most <= 0:
            return 0
        if room <= 0:
            self.trunk.hold(self)
            return 0
        data = self._cut(most)
        self.half = self.finishing and not self.outbox and self.trailers is None
        conn.send_data(self.number, data, end_stream=self.half)
        self.moved = True
        if not self.half and (self.outbox or self.finishing):
            self.trunk.mark(self)
        return len(data)

    def _end(self, conn: H2Connection) -> None:
        if self.trailers is None:
            conn.end_stream(self.number)
        else:
            conn.send_headers(self.number, self.trailers, end_stream=True)

    def _cut(self, most: int) -> bytes:
        """Take at most `most` bytes off the queue."""
        pieces: list[bytes | memoryview] = []
        left = most
        while self.outbox and left:
            piece = memoryview(self.outbox[0])[self.sent : self.sent + left]
            pieces.append(piece)
            left -= len(piece)
            self.sent += len(piece)
            if self.sent == len(self.outbox[0]):
                self.outbox.popleft()
                self.sent = 0
        self.size -= most - left
        return b"".join(pieces)
