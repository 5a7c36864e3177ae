"""The trunk of an HTTP/2 connection: a storey on TLS that its streams stand on (RFC 9113 5)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from h2 import events
from h2.connection import H2Connection
from h2.exceptions import ProtocolError

from everywire.engine.h2_streams import H2Stream
from everywire.http.h2 import CONNECTION_WINDOW, Fields, Flood, Meter
from everywire.ws.link import PlainLink

__all__ = ["H2Trunk"]

log = logging.getLogger("everywire.h2")

_LEVEL = 1 << 16  # bytes queued below above which streams keep theirs: it can be dropped, and none starves others
_UNREAD = 1 << 20  # bytes queued below, by answers to control frames, above which the peer is cut off


class H2Trunk(PlainLink):
    """Owns the HTTP/2 connection `conn` and its streams; the roles are its subclasses.

    Invariants: while `conn`'s events are taken it is told nothing about streams, as its own are ahead of them: that waits for `settling`. After `over` nothing
    is sent or taken. `streams` holds those that are not buried.
    """

    above: Any
    below: Any

    def __init__(self, conn: H2Connection, meter: Meter, clock: Callable[[], float]) -> None:
        self.above = None
        self.below = None
        self.conn = conn
        self.meter = meter
        self.clock = clock
        self.streams: dict[int, H2Stream] = {}
        self.over = False
        self.leaving = False
        self._marked: dict[H2Stream, None] = {}
        self._held: dict[H2Stream, None] = {}
        self._dead: list[tuple[H2Stream, BaseException | None]] = []
        self._consumed = 0
        self.whole = False  # the request that begins has no body

    # For the subclass

    def requested(self, stream_id: int, fields: Fields) -> None:
        """Take a new stream of the peer's."""

    def answered(self, stream_id: int, fields: Fields) -> None:
        """Take the head of an answer."""

    def configured(self) -> None:
        """Learn that the peer's settings have come."""

    def emptied(self) -> None:
        """Learn that the last stream is gone."""

    def open(self, stream_id: int) -> H2Stream:
        """Make the storey of a stream."""
        stream = self.streams[stream_id] = H2Stream(self, stream_id)
        return stream

    # Up

    def feed(self, data: bytes) -> None:
        """Take bytes: tell the streams what they hold."""
        if self.over:
            return
        try:
            self.meter.feed(data, self.clock())
            found = self.conn.receive_data(data)
        except Flood as flood:
            self.conn.close_connection(flood.code)
            self.fail(flood.reason)
        except ProtocolError as error:  # its GOAWAY is queued already
            self.fail(f"{type(error).__name__}: {error}")
        else:
            self._take(found)
            self._send()
            if self.below.queued() > _UNREAD:
                self.below.abort()
        self._bury()  # at once: after an end there is no settling any more

    def _take(self, found: Iterable[events.Event]) -> None:
        reset = {event.stream_id for event in found if isinstance(event, events.StreamReset)}
        for event in found:
            match event:
                case events.RequestReceived():
                    if event.stream_id not in reset:  # a request that was taken back costs no more than its reading
                        self.whole = event.stream_ended is not None
                        self.requested(event.stream_id, event.headers)
                case events.ResponseReceived():
                    self.answered(event.stream_id, event.headers)
                case events.DataReceived():
                    self._data(event)
                case events.StreamEnded(stream_id=number) if number in self.streams:
                    self.streams[number].ended()
                case events.StreamReset():
                    self._reset(event)
                case events.WindowUpdated(stream_id=number) if number in self.streams:
                    self.mark(self.streams[number])
                case events.WindowUpdated(stream_id=0):
                    self._all()
                case events.RemoteSettingsChanged():
                    self.configured()
                    self._all()
                case events.ConnectionTerminated():
                    self._told_to_leave(event)

    def _data(self, event: events.DataReceived) -> None:
        self._consumed += event.flow_controlled_length
        if self._consumed * 2 > CONNECTION_WINDOW:
            self.below.wake()
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            stream.take(event.data, event.flow_controlled_length)

    def _reset(self, event: events.StreamReset) -> None:
        if not event.remote_reset:
            self.meter.reset()
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            self.bury(stream, ConnectionResetError(f"the stream was reset ({int(event.error_code or 0)})"))

    def _told_to_leave(self, event: events.ConnectionTerminated) -> None:
        if event.error_code:
            log.info("the peer gave up an HTTP/2 connection: %s", event.error_code)
            self.fail(None)
        else:
            self.leaving = True
            self.below.wake()

    def _all(self) -> None:
        self._marked.update(dict.fromkeys(self.streams.values()))
        self.below.wake()

    def fail(self, reason: str | None) -> None:
        """Give the connection up: its streams are lost; what was written goes out."""
        if reason is not None:
            log.info("an HTTP/2 connection is closed: %s", reason)
        self._send()
        self.over = True
        for stream in list(self.streams.values()):
            self.bury(stream, ConnectionResetError(reason or "the HTTP/2 connection was given up"))
        if self.below is not None:
            self.below.wake()
            self.below.finish()

    def ended(self) -> None:
        """The peer ended the connection under its streams: what they have to say goes out, then it is over."""
        for stream in list(self.streams.values()):
            stream.ended()
        self.leaving = True
        self._settle()
        if not self.over:
            self.fail(None)
            self._bury()

    def lost(self, reason: BaseException | None) -> None:
        """The connection is gone, and its streams with it."""
        self.over = True
        for stream in list(self.streams.values()):
            self.bury(stream, reason)
        self._bury()
        self.below = None  # after them: they may still ask for the peer's address

    def drained(self) -> None:
        """There is room below again."""
        self.settling()

    def settling(self) -> None:
        """Tell the connection what the streams have gathered, and write what that makes."""
        if self.below is not None:
            self._settle()

    def _settle(self) -> None:
        try:
            self._advance()
        except ProtocolError:
            log.exception("an HTTP/2 connection was told what it cannot do; it is closed")
            self.fail(None)
        self._bury()
        if self.over:
            return
        if self._consumed * 2 > CONNECTION_WINDOW:
            self.conn.increment_flow_control_window(self._consumed)
            self._consumed = 0
        self._send()
        if self.leaving and not self.streams:
            self.end()

    def _advance(self) -> None:
        """Let every stream that has something go on, a frame each in turn, while there is room below."""
        room = _LEVEL - self.below.queued()
        if room > 0 and self._held:
            self._marked.update(self._held)
            self._held.clear()
        while self._marked and not self.over:
            stream = next(iter(self._marked))
            del self._marked[stream]
            room -= stream.advance(room)
            self._bury()

    def _bury(self) -> None:
        if not self._dead:
            return
        while self._dead:
            dead, self._dead = self._dead, []
            for stream, reason in dead:
                stream.lost(reason)
        if not self.streams:
            self.emptied()

    def _send(self) -> None:
        data = self.conn.data_to_send()
        if data and self.below is not None and not self.over:
            self.below.write(data)

    def sweep(self, now: float) -> None:
        """Tell the streams the time."""
        for stream in list(self.streams.values()):
            stream.sweep(now)

    # For the streams

    def mark(self, stream: H2Stream) -> None:
        """Note that `stream` has something to say."""
        if self.below is not None and not stream.over:
            self._marked[stream] = None
            self.below.wake()

    def hold(self, stream: H2Stream) -> None:
        """Let `stream` wait until there is room below."""
        self._held[stream] = None

    def bury(self, stream: H2Stream, reason: BaseException | None) -> None:
        """Note that `stream` is gone; what stands on it learns that when nothing of it is running."""
        if self.streams.pop(stream.number, None) is not None:
            stream.over = True
            self._marked.pop(stream, None)
            self._held.pop(stream, None)
            self._dead.append((stream, reason))
            if self.below is not None:
                self.below.wake()

    # Down

    def finish(self) -> None:
        """Take no more streams; close when those that live are gone."""
        if self.over or self.below is None:
            return
        if not self.leaving:
            self.leaving = True
            self.conn.close_connection()
            self._send()
        if not self.streams:
            self.end()

    def end(self) -> None:
        """Close: no stream is left."""
        self.over = True
        self.below.finish()
