"""The lowest storey on a transport that somebody else made: another server's, on whatever loop it runs."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from everywire.ws.link import PIECE, Link

__all__ = ["Borrowed"]

log = logging.getLogger("everywire.engine")

# What counts as queued in a transport which says that it has enough, in bytes; what follows stays here, where it can still be dropped.
_FULL = (1 << 16) + 1
_STALLED = 5  # times `fin_timeout`: how long the last bytes may stand still


class Owner(Protocol):
    """Who borrowed the transport."""

    def leaving(self) -> None:
        """Learn that the peer has said its last word, and we ours."""

    def left(self) -> None:
        """Learn that the connection is gone."""


class Borrowed(Link):
    """A protocol for an asyncio transport, and the storey below a WebSocket: writes are gathered for each turn of the loop.

    `engine` is the portable one: its clock, and its sweeps. `owner` is told when nothing more will be written (`leaving`), and of the end (`left`).

    Invariants: while `_full` nothing is handed to the transport; `_waiting` counts the bytes in `_outbox`; after `over` nothing is called.
    """

    def __init__(self, engine: Any, fin_timeout: float, owner: Owner) -> None:
        Link.__init__(self)
        self.engine = engine
        self.owner = owner
        self.fin_timeout = fin_timeout
        self.transport: Any = None
        self.over = False
        self.finishing = False
        self._write: Any = None
        self._outbox: list[bytes] = []
        self._waiting = 0
        self._low = _FULL
        self._left = 0  # queued at the last sweep
        self._deadline = 0.0
        self._turning = False  # within data_received, which flushes at its end
        self._marked = False
        self._full = False
        self._crowded = False
        self._half = False
        self._eof = False
        self._clean = False

    # What asyncio calls

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self._write = transport.write
        self.engine.add(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes; then write what that led to."""
        above = self.above
        if above is None or self.finishing:
            return
        self._turning = True
        try:
            above.feed(data)
        except Exception:
            self._broken()
        finally:
            self._turning = False
        self.flush()

    def eof_received(self) -> bool:
        """Learn of the peer's half-close; ours is still to come."""
        self._eof = True
        if self._half or self.above is None:
            return False
        if not self.finishing:
            try:
                self.above.ended()
            except Exception:
                self._broken()
            self.flush()
        return not self.over

    def pause_writing(self) -> None:
        """Keep what follows here."""
        self._full = self._crowded = True

    def resume_writing(self) -> None:
        """Go on handing over."""
        self._full = False
        self._mark()

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        if self.over:
            return
        self.over = True
        self.engine.remove(self)
        self._outbox.clear()
        self._waiting = 0
        try:
            self.lost(error)
            self.owner.left()
        except Exception:
            self._broken()

    def _broken(self) -> None:
        log.exception("an error that nobody handled; the connection is closed")
        self.abort()

    # Down

    def write(self, data: bytes) -> None:
        """Queue bytes."""
        if self.over or self.finishing:
            return
        self._outbox.append(data)
        self._waiting += len(data)
        if self._full:
            self._crowded = True
        elif not self._turning:
            self._mark()

    def write_both(self, header: bytes, body: bytes | str) -> None:
        """Queue two pieces."""
        self.write(header)
        self.write(body.encode() if isinstance(body, str) else body)

    def _mark(self) -> None:
        if not self._marked:
            self._marked = True
            self.engine.loop.call_soon(self.flush)

    def wake(self) -> None:
        """Ask for a flush."""
        if not self._turning:
            self._mark()

    def leave(self) -> None:
        """Close when all is written, without waiting for the peer."""
        self._clean = True
        self.finish()
        self.owner.leaving()

    def finish(self) -> None:
        """Close when all is written."""
        if not self.finishing:
            self.finishing = True
            self._deadline = self.engine.clock() + self.fin_timeout
            self.wake()

    def abort(self) -> None:
        """Close at once."""
        if not self.over:
            self.transport.abort()

    def discard(self) -> None:
        """Drop what is queued here."""
        self._outbox.clear()
        self._waiting = 0

    def reading(self, on: bool) -> None:
        """Start or stop reading."""
        if not self.over and not self.transport.is_closing():
            (self.transport.resume_reading if on else self.transport.pause_reading)()

    def crowd(self, low: int) -> None:
        """Owe `drained`."""
        self._crowded = True
        self._low = min(self._low, low)
        self.wake()

    def queued(self) -> int:
        """Count what has not left, but for what a transport that is not full may hold."""
        held = _FULL if self._full else 0
        return held + (self._waiting + PIECE * (len(self._outbox) - 1) if self._outbox else 0)

    def surrender(self) -> bytes:
        """Give what is queued, and leave what is above to another storey."""
        held = b"".join(self._outbox)
        self.discard()
        self.above = None
        return held

    def extra(self, name: str) -> Any:
        """Ask the transport; the descriptor is not ours to give."""
        if name == "ground":
            return self
        return None if name == "fd" or self.transport is None else self.transport.get_extra_info(name)

    def push(self) -> None:
        """Hand over now."""
        self._flush()

    def flush(self) -> None:
        """Hand over what is queued."""
        self._marked = False
        try:
            self._flush()
        except Exception:
            self._broken()

    def _flush(self) -> None:
        if self.over:
            return
        if self.above is not None:
            self.above.settling()
        if self._outbox and not self._full:
            data = self._outbox[0] if len(self._outbox) == 1 else b"".join(self._outbox)
            self._outbox.clear()
            self._waiting = 0
            self._write(data)
        if self.finishing and not self._outbox and not self._half:
            self._half = True
            self._half_close()
        elif self._crowded and not self._full and self.queued() <= self._low and self.above is not None:
            self._crowded = False
            self._low = _FULL
            self.above.drained()

    def _half_close(self) -> None:
        transport = self.transport
        if self._eof or self._clean or not transport.can_write_eof():
            transport.close()
            return
        try:
            transport.write_eof()
            transport.resume_reading()
        except (OSError, RuntimeError):  # the peer has reset the connection meanwhile
            transport.abort()

    # What the engine calls

    def sweep(self, now: float) -> None:
        """End a closing that takes too long."""
        if self.finishing:
            before, self._left = self._left, self.transport.get_write_buffer_size() + self._waiting
            if self._left < before:
                self._deadline = now + self.fin_timeout  # it goes on, slowly
            elif now > self._deadline + ((_STALLED - 1) * self.fin_timeout if self._left or not self._half else 0):
                self.abort()
        elif self.above is not None:
            self.above.sweep(now)

    def guarded_sweep(self, now: float) -> None:
        """Sweep; an error ends this connection alone."""
        try:
            self.sweep(now)
        except Exception:
            self._broken()
