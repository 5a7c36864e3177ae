"""HTTP/2 without I/O: connections of the h2 library within our limits, requests and responses as its header lists (RFC 9113, RFC 8441)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from h2.config import H2Configuration
from h2.connection import ConnectionInputs, ConnectionState, H2Connection, H2ConnectionStateMachine
from h2.errors import ErrorCodes
from h2.settings import SettingCodes, Settings

from everywire.http.aim import is_host, is_path
from everywire.http.head import BadRequest, HeadLimits, splits
from everywire.http.request import Headers, Request, Response

__all__ = ["CONNECTION_WINDOW", "STREAMS", "STREAM_WINDOW", "Fields", "Flood", "Meter"]
__all__ += ["check_length", "connect_fields", "connection", "read_request", "read_response", "response_fields"]

Fields = list[tuple[bytes, bytes]]

STREAMS = 100  # that a peer may have open at a time
STREAM_WINDOW = 1 << 16  # bytes that a peer may send on a stream before we take them
CONNECTION_WINDOW = 1 << 20

_MAX_FRAME = 1 << 14  # RFC 9113 4.2
_MAX_BLOCK = 1 << 16  # bytes of one header block, compressed, and again once they are not
_MAX_PARTS = 16  # frames of one header block
_BUDGET = 1000  # a second's worth of frames that do nothing for anybody, by `_COSTS`

_HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = 0x1, 0x3, 0x4, 0x6, 0x7, 0x8, 0x9
_END_STREAM = 0x1
_COSTS = {
    _HEADERS: 0,
    _CONTINUATION: 0,
    _WINDOW_UPDATE: 0,
    _RST_STREAM: 10,
    _SETTINGS: 10,
    _GOAWAY: 10,
}  # others cost 1

_TARGET = re.compile(rb"[!-~\x80-\xff]+\Z")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*\Z")  # RFC 9110 5.5
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+\Z")
_OF_HTTP1 = frozenset(
    {b"connection", b"host", b"keep-alive", b"proxy-connection", b"sec-websocket-key", b"transfer-encoding", b"upgrade"}
)
_BODILESS = (204, 304)


class Flood(Exception):
    """The peer sends what costs us much and it little, or more than it may; `code` goes into our GOAWAY."""

    def __init__(self, code: ErrorCodes, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Machine(H2ConnectionStateMachine):
    """Lets streams live on after a GOAWAY of either side; h2 would end all of them (RFC 9113 6.8)."""

    _transitions = {
        **H2ConnectionStateMachine._transitions,
        **{
            (state, event): (None, state)
            for state in (ConnectionState.CLIENT_OPEN, ConnectionState.SERVER_OPEN)
            for event in (ConnectionInputs.RECV_GOAWAY, ConnectionInputs.SEND_GOAWAY)
        },
    }


class _Connection(H2Connection):
    """Keeps what is to be sent when a GOAWAY comes; h2 would drop it."""

    def clear_outbound_data_buffer(self) -> None:
        """Clear nothing."""


def connection(limits: HeadLimits, *, client: bool = False) -> H2Connection:
    """Make a connection of either role, with its first bytes ready to be sent.

    A server announces that it takes extended CONNECT (RFC 8441 3). A GOAWAY leaves the streams alone: who gets `ConnectionTerminated` decides.
    """
    made = _Connection(H2Configuration(client_side=client))
    made.state_machine = _Machine()
    values = {SettingCodes.MAX_HEADER_LIST_SIZE: limits.head, SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW}
    if client:
        values[SettingCodes.ENABLE_PUSH] = 0
    else:
        values[SettingCodes.MAX_CONCURRENT_STREAMS] = STREAMS
        values[SettingCodes.ENABLE_CONNECT_PROTOCOL] = 1  # only an initial value is announced by h2
    made.local_settings = Settings(client=client, initial_values=values)
    made.decoder.max_header_list_size = _MAX_BLOCK  # up to there it is answered by 431, above it costs the connection
    made.initiate_connection()
    made.increment_flow_control_window(CONNECTION_WINDOW - made.inbound_flow_control_window)
    return made


class Meter:
    """Reads the frame headers of what a peer sends as they pass, and refuses floods before anything is parsed (RFC 9113 10.5).

    Bounded are: a frame's size, a header block's size and number of frames, and in each second resets (100) and frames without effect (1000).
    """

    __slots__ = ("_block", "_partial", "_parts", "_since", "_skip", "_spent")

    def __init__(self, *, preface: int = 0) -> None:
        """`preface` bytes come before the first frame."""
        self._skip = preface
        self._partial = b""
        self._block = 0
        self._parts = 0
        self._since = -1.0
        self._spent = 0

    def feed(self, data: bytes, now: float) -> None:
        """Look at what follows in the stream of bytes, at `now` (seconds); raises `Flood`."""
        if self._since < 0:
            self._since = now
        if self._partial:
            data, self._partial = self._partial + data, b""
        at, size = self._skip, len(data)
        while at + 9 <= size:
            length = int.from_bytes(data[at : at + 3])
            self._frame(data[at + 3], data[at + 4], length)
            if self._spent > _BUDGET:
                self._renew(now)
            at += 9 + length
        self._skip = max(at - size, 0)
        self._partial = data[at:]

    def _frame(self, kind: int, flags: int, length: int) -> None:
        if length > _MAX_FRAME:
            raise Flood(ErrorCodes.FRAME_SIZE_ERROR, "frame too large")
        if kind == _HEADERS:
            self._block, self._parts = length, 1
        elif kind == _CONTINUATION:
            self._block += length
            self._parts += 1
        if self._block > _MAX_BLOCK or self._parts > _MAX_PARTS:
            raise Flood(ErrorCodes.ENHANCE_YOUR_CALM, "header block too large")
        if kind == 0x0 and (length or flags & _END_STREAM):
            return
        self._spent += _COSTS.get(kind, 1)

    def reset(self) -> None:
        """Count a reset that the peer brought about by other means than a RST_STREAM frame of its own."""
        self._spent += _COSTS[_RST_STREAM]

    def _renew(self, now: float) -> None:
        """Begin another second's budget; refuse where this one's is spent too early."""
        if now - self._since < 1.0:
            raise Flood(ErrorCodes.ENHANCE_YOUR_CALM, "too many resets or control frames")
        self._since = now
        self._spent = 0


def read_request(fields: Iterable[tuple[bytes, bytes]], limits: HeadLimits) -> Request:
    """Make a Request of a checked header list; `BadRequest` with the status to answer.

    An extended CONNECT for a WebSocket becomes what it is over HTTP/1.1: a GET with `Upgrade: websocket`, which no other request over HTTP/2 can hold.
    """
    named: dict[bytes, bytes] = {}
    headers: Fields = []
    size = 0
    for name, value in fields:
        size += len(name) + len(value) + 32  # RFC 9113 6.5.2
        if not _VALUE.match(value) or (not limits.next_line and splits(value)):
            raise BadRequest(400, "malformed header field")
        if name.startswith(b":"):
            named[name] = value
        elif name != b"host" or b":authority" not in named:
            headers.append((name, value))
    if size > limits.head or len(headers) > limits.fields:
        raise BadRequest(431, "request head too large")
    if b":authority" in named:
        headers.insert(0, (b"host", named[b":authority"]))
    method = named[b":method"]
    if method == b"CONNECT":
        if named.get(b":protocol", b"").lower() != b"websocket":  # RFC 9110 7.8
            raise BadRequest(501, "CONNECT is for WebSocket here")
        method = b"GET"
        headers += [(b"upgrade", b"websocket"), (b"connection", b"Upgrade")]
    path = named[b":path"]
    if not _TARGET.match(path) or not is_path(path, method):  # RFC 9113 8.3.1
        raise BadRequest(400, "malformed target")
    if not all(is_host(value) for name, value in headers if name == b"host"):
        raise BadRequest(400, "malformed host")
    return Request(method.decode("latin-1"), path.decode("latin-1"), _headers(headers), version="2")


def check_length(request: Request, limits: HeadLimits, *, whole: bool) -> None:
    """Raise `BadRequest` for a Content-Length that is none, or beyond the limit, or of a request that is `whole` without any body (RFC 9113 8.1.1)."""
    said = request.headers.get_all("content-length")
    if not said:
        return
    if len(said) > 1 or not (said[0].isascii() and said[0].isdigit()) or (whole and int(said[0])):
        raise BadRequest(400, "malformed Content-Length")
    if int(said[0]) > limits.body:
        raise BadRequest(413, "request body too large")


def _headers(fields: Iterable[tuple[bytes, bytes]]) -> Headers:
    return Headers(raw=list(fields))


def response_fields(response: Response, *, unsized: bool = False) -> Fields:
    """Make the header list of a response; `unsized`: without a length that it does not have itself. ValueError for a field that cannot be sent."""
    fields = [(b":status", b"%d" % response.status), *_checked(response.headers)]
    if not unsized and response.status not in _BODILESS and "content-length" not in response.headers:
        fields.append((b"content-length", b"%d" % len(response.body)))
    return fields


def connect_fields(request: Request) -> Fields:
    """Make the header list of an extended CONNECT of a WebSocket handshake as it is over HTTP/1.1 (RFC 8441 5)."""
    path, authority = request.target.encode("latin-1"), request.headers["host"].encode("latin-1")
    named = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"https")]
    return [*named, (b":path", path), (b":authority", authority), *_checked(request.headers)]


def _checked(headers: Headers) -> Fields:
    """Lower the names; leave out what is HTTP/1.1's own; refuse what would be malformed."""
    fields = [(name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]
    for name, value in fields:
        if not _NAME.match(name) or not _VALUE.match(value):
            raise ValueError(f"a header field that cannot be sent: {name!r}")
    return [field for field in fields if field[0] not in _OF_HTTP1 and (field[0] != b"te" or field[1] == b"trailers")]


def read_response(fields: Iterable[tuple[bytes, bytes]]) -> Response:
    """Make a Response, without its body, of a checked header list."""
    named = dict(fields)
    return Response(
        int(named[b":status"]), headers=_headers(field for field in fields if not field[0].startswith(b":"))
    )
