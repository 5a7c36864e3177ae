"""The client's end of HTTP/2: opens one WebSocket as a stream (RFC 8441)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from everywire.client.calling import Calling, NoTunnel
from everywire.engine.h2_trunk import H2Trunk
from everywire.http.h2 import Fields, Meter, connect_fields, connection, read_response
from everywire.http.head import HeadLimits
from everywire.ws.link import PlainLink

__all__ = ["H2Calling"]


class H2Calling(H2Trunk):
    """Sends the handshake of `calling` as an extended CONNECT, once the server's settings allow that; ends with its stream.

    `calling` gets the stream to stand on, and the answer.
    """

    def __init__(self, calling: Calling, limits: HeadLimits, clock: Callable[[], float]) -> None:
        super().__init__(connection(limits, client=True), Meter(), clock)
        self.calling = calling
        calling.request.version = "2"

    def configured(self) -> None:
        """Send the CONNECT, after the first settings (RFC 8441 3)."""
        if self.streams or self.leaving:
            return
        if not self.conn.remote_settings.enable_connect_protocol:
            self.calling.lost(NoTunnel("the server does not carry WebSocket over HTTP/2"))
            self.finish()
            return
        stream: Any = self.open(self.conn.get_next_available_stream_id())
        stream.put(_Waiting(self.calling))
        try:
            stream.head(connect_fields(self.calling.request))
        except ValueError as error:
            self.calling.lost(error)
            stream.abort()

    def answered(self, stream_id: int, fields: Fields) -> None:
        """Take the answer's head; what follows is the WebSocket's, or the text of a refusal."""
        stream: Any = self.streams.get(stream_id)
        if stream is None:
            return
        response = read_response(fields)
        opened = 200 <= response.status < 300
        if opened:
            self.calling.below = stream
        else:
            stream.put(self.calling)
        self.calling.answered(response, opened=opened)

    def emptied(self) -> None:
        """Close: there was one stream."""
        self.finish()

    def lost(self, reason: BaseException | None) -> None:
        """The connection is gone, perhaps before there was a stream."""
        super().lost(reason)
        if not self.calling.done.done():
            self.calling.lost(reason)


class _Waiting(PlainLink):
    """Stands on the stream until the WebSocket does; keeps what comes early."""

    __slots__ = ("calling",)

    above: Any
    below: Any

    def __init__(self, calling: Calling) -> None:
        self.above = None
        self.below = None
        self.calling = calling

    def feed(self, data: bytes) -> None:
        """Keep bytes for the WebSocket."""
        self.calling.reader.rest += data

    def ended(self) -> None:
        """The server ended the stream before it answered."""
        self.calling.ended()

    def lost(self, reason: BaseException | None) -> None:
        """The stream is gone."""
        self.calling.lost(reason)
