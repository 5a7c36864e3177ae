# cython: nonecheck=True
"""Reading HTTP/1.1 requests within limits; the parsing itself is httptools' (llhttp)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httptools

from everywire.bounds import AMOUNT, COUNT, NUMBER, check
from everywire.http.aim import absolute, is_host, is_path
from everywire.http.incoming import Incoming
from everywire.http.request import Headers, Request

__all__ = ["BadRequest", "HeadLimits", "RequestReader", "ResponseReader", "splits"]

_NONE = Headers()
_BOUNDS = {"head": COUNT, "fields": COUNT, "body": AMOUNT, "rate": NUMBER}
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ /[^\r\n]* HTTP/1\.[01]\r\n")  # RFC 9110 5.6.2
_ENDS = {b" HTTP/1.1": "1.1", b" HTTP/1.0": "1.0"}  # of a request's first line


class BadRequest(Exception):
    """The bytes are no acceptable request; `status` is the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Bounds of one request: bytes of the head, number of header fields, bytes of the body.

    rate: bytes per second at which a body has to come at least, after the time that the head has. next_line: whether a field may hold a lone byte 0x85, which
    is text by RFC 9110 5.5, but the end of a line to some who read it as one of ISO 8859 (CVE-2026-44546); as a part of UTF-8 it always may.
    Raises `ValueError` for numbers that make no sense.
    """

    head: int = 16 * 1024
    fields: int = 64
    body: int = 1 << 20
    rate: int = 4096
    next_line: bool = True

    def __post_init__(self) -> None:
        check(self, _BOUNDS)

    def patience(self, given: float, body: int) -> float:
        """Give the seconds that a request has of which `body` bytes of the body are there, where a head has `given`."""
        return given + body / max(self.rate, 1)


class RequestReader:
    """Cuts one connection's bytes into requests.

    `feed(data)` gives a Request when one is complete, else None; `rest` holds what follows it. Nothing of a head is parsed before all of it is there, so that
    an endless one costs no more than `limits.head`. After `BadRequest` it must not be fed again. `expects` says that the client waits for a 100 before it
    sends the body; whoever answers that sets it back.

    Where bodies are `streamed`, a request is given as soon as its head is there, unless its body is, too: the rest is its `incoming`, which the reader's own is
    until it is complete. Who made the request then feeds on, gets None, and finds in `rest` what follows.
    """

    __slots__ = (
        "_blank",
        "_body",
        "_chunked",
        "_done",
        "_fields",
        "_headers",
        "_left",
        "_method",
        "_parser",
        "_size",
        "_taken",
        "_target",
        "_upgrades",
        "_used",
        "_version",
        "expects",
        "head",
        "incoming",
        "limits",
        "rest",
        "streamed",
    )

    def __init__(self, limits: HeadLimits, *, streamed: bool = False) -> None:
        self.limits = limits
        self.streamed = streamed
        self.incoming: Incoming | None = None
        self.rest = b""
        self.head = b""
        self.expects = False
        self._parser: httptools.HttpRequestParser | None = None
        self._used: httptools.HttpRequestParser | None = None  # one for heads: kept as long as it takes more of them
        self._fields: list[tuple[bytes, bytes]] = []
        self._headers = _NONE  # those of the head: trailers are none of them (RFC 9110 6.5.1)
        self._method = b""
        self._version = ""
        self._target = b""
        self._upgrades = False
        self._body = bytearray()
        self._chunked = False
        self._left = 0  # of a body whose length is known
        self._blank = 0
        self._taken = 0  # bytes of this body, with what chunks and trailers add
        self._size = 0  # without that
        self._done = False

    @property
    def begun(self) -> bool:
        """Whether a part of the next request is there."""
        return bool(self.rest) or self._parser is not None

    @property
    def came(self) -> int:
        """Bytes of an unfinished request's body."""
        return self._size if self._parser is not None else 0

    def feed(self, data: bytes) -> Request | None:
        """Add bytes; give the request that they complete."""
        if self._parser is not None:
            return self._more(data)
        buffer = self.rest + data if self.rest else data
        if buffer[:1] in (b"\r", b"\n"):
            buffer = self._without_blank_lines(buffer)
        end = buffer.find(b"\r\n\r\n")
        if (end + 4 if end >= 0 else len(buffer)) > self.limits.head:
            raise BadRequest(431, "request head too large")
        if end < 0:
            if (
                b"\n\n" in buffer or b"\n\r\n" in buffer or (buffer and not buffer[:1].isalpha())
            ):  # not even HTTP: TLS, for one
                raise BadRequest(400, "malformed request")
            self.rest = buffer
            return None
        self.head, self.rest = buffer[: end + 4], buffer[end + 4 :]
        return self._parse()

    def end(self) -> None:
        """Read nothing more: a parser knows whom it tells, so both would wait for the garbage collector."""
        self._parser = self._used = None

    def _without_blank_lines(self, buffer: bytes) -> bytes:
        """Pass over empty lines before a request (RFC 9112 2.2), but not over endless ones."""
        stripped = buffer.lstrip(b"\r\n")
        self._blank = 0 if stripped else self._blank + len(buffer)
        if self._blank > self.limits.head:
            raise BadRequest(400, "nothing but empty lines")
        return stripped

    def _parse(self) -> Request | None:
        self._fields = []
        self._target = b""
        self._done = self._upgrades = False
        parser = self._used
        if parser is None:
            parser = self._used = httptools.HttpRequestParser(self)
        self._feed(parser, self.head)
        self._method = parser.get_method()
        self._headers = Headers((), self._fields)
        self._check_line()
        headers = self._headers
        self._check(headers)
        if self._upgrades and ("content-length" in headers or "transfer-encoding" in headers):
            parser = self._without_upgrade(headers)  # llhttp reads no body behind that, but nobody has agreed yet
        if self._done:
            return self._request()
        self._parser, self._used, self._fields = parser, None, []  # what comes yet are trailers
        self._expect_body(headers)
        rest, self.rest = self.rest, b""
        request = self._more(rest)
        return self._begun() if request is None and self.streamed else request

    def _begun(self) -> Request:
        """Give a request whose body is still to come."""
        parser = self._parser
        request = self._request()
        self._parser = parser
        self.incoming = request.incoming = Incoming(_not_here)
        if request.body:
            self.incoming.put(request.body)
            request.body = b""
        return request

    def _check_line(self) -> None:
        """Refuse a first line that means nothing here, or not the same to everybody; make a target that names its host a path."""
        end = self.head.index(b"\r")
        version = _ENDS.get(self.head[max(end - 9, 0) : end])
        if version is None:
            raise BadRequest(505, "HTTP version not supported")
        self._version = version
        if self._method == b"CONNECT":
            raise BadRequest(501, "CONNECT is not for here")
        if self.head.count(b" ", 0, end) != 2:
            raise BadRequest(400, "malformed request")  # RFC 9112 3
        if not is_path(self._target, self._method):
            self._aim(self.head[end - 8 : end])

    def _aim(self, version: bytes) -> None:
        """Have a target that names its host be a path, and that host the one that counts (RFC 9112 3.2.2): nobody reads another one later."""
        found = absolute(self._target)
        if found is None:
            raise BadRequest(400, "malformed request target")
        host, self._target = found
        fields = [(name, host if name.lower() == b"host" else value) for name, value in self._fields]
        if self._version == "1.0" and "host" not in self._headers:
            fields.append((b"Host", host))
        self._headers = Headers((), fields)
        lines = [b"%b %b %b" % (self._method, self._target, version), *[b"%b: %b" % field for field in fields]]
        self.head = b"\r\n".join([*lines, b"\r\n"])

    def _check(self, headers: Headers) -> None:
        """Refuse fields that are well-formed, but mean nothing here, or not the same to everybody."""
        if self._version == "1.0" and "transfer-encoding" in headers:
            raise BadRequest(400, "HTTP/1.0 has no transfer codings")  # RFC 9112 6.1
        hosts = headers.get_all("host")
        if len(hosts) != 1 and (hosts or self._version == "1.1"):
            raise BadRequest(400, "a request has exactly one Host header")  # RFC 9112 3.2
        if hosts and not is_host(hosts[0].encode("latin-1")):
            raise BadRequest(400, "malformed Host header")
        if not self.limits.next_line and b"\x85" in self.head and splits(self.head):
            raise BadRequest(400, "malformed header field")

    def _without_upgrade(self, headers: Headers) -> httptools.HttpRequestParser:
        """Give a parser for the body of a request that asks for an upgrade, too: one that was told of nothing but the length."""
        lines, self._fields = [b"POST / HTTP/1.1"], []
        for name in ("content-length", "transfer-encoding"):
            lines += [f"{name}: {value}".encode("latin-1") for value in headers.get_all(name)]
        self._done, target = False, self._target
        parser = httptools.HttpRequestParser(self)
        self._feed(parser, b"\r\n".join(lines) + b"\r\n\r\n")
        self._target = target
        return parser

    def _expect_body(self, headers: Headers) -> None:
        codings = headers.get_all("transfer-encoding")
        self._chunked = bool(codings)
        if codings and codings[0].lower() != "chunked":  # of several, the parser takes none
            raise BadRequest(501, "no transfer coding but chunked is known")  # RFC 9112 6.1
        self._taken = self._size = 0
        announced = 0 if self._chunked else int(headers.get("content-length") or 0)
        if announced > self.limits.body:  # which may be more than a machine's number holds
            raise BadRequest(413, "request body too large")
        self._left = announced
        if not self._chunked and self._left == 0:
            raise BadRequest(400, "malformed request")
        self._expect_leave(headers.get("expect"))

    def _expect_leave(self, expectation: str | None) -> None:
        """Learn whether the client waits for leave to send the body (RFC 9110 10.1.1); one that sends it already does not."""
        if expectation is None or self._version == "1.0":
            return
        if expectation.lower() != "100-continue":
            raise BadRequest(417, "only 100-continue may be expected")
        self.expects = not self.rest

    def _feed(self, parser: httptools.HttpRequestParser, data: bytes) -> None:
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._done = self._upgrades = True
            self._used = None
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, BadRequest):
                raise error.__context__ from None
            if isinstance(error, httptools.HttpParserInvalidMethodError) and _METHOD.match(data):
                raise BadRequest(501, "no such method is known") from None  # RFC 9110 9.1
            raise BadRequest(400, "malformed request") from None

    def _more(self, data: bytes) -> Request | None:
        """Read a body. What follows it is the next request's."""
        parser = self._parser
        if parser is None:
            return None
        start = 0
        while start < len(data):
            end = self._end_of_step(data, start)
            self._left -= end - start
            self._taken += end - start
            if self._taken > self.limits.head + 8 * self._size + (end - start):
                raise BadRequest(400, "a request body with more framing than body")
            self._feed(parser, data[start:end])
            start = end
            if self._done:
                self.rest = data[start:]
                return self._complete()
        if self.incoming is not None:
            self.incoming.news()
        return None

    def _complete(self) -> Request | None:
        """Give the request, unless it was given before its body."""
        incoming, self.incoming = self.incoming, None
        if incoming is None:
            return self._request()
        self._parser = None
        incoming.end()
        return None

    def _end_of_step(self, data: bytes, start: int) -> int:
        """Give how far the parser may read at once: it does not say where a request ended, so no step goes beyond a possible end."""
        if not self._chunked:
            return min(len(data), start + self._left)
        if data.startswith((b"\n", b"\r\n"), start):  # of an end that was cut
            return data.index(b"\n", start) + 1
        end = data.find(b"\n\r\n", start)
        return len(data) if end < 0 else end + 3

    def _request(self) -> Request:
        body = b""
        if self._body:
            body = bytes(self._body)
            self._body.clear()  # an idle connection keeps none
        self._parser = None
        return Request(
            self._method.decode("latin-1"),
            self._target.decode("latin-1"),
            self._headers,
            version=self._version,
            body=body,
        )

    # httptools calls these

    def on_url(self, url: bytes) -> None:
        """Take (a part of) the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field."""
        if len(self._fields) >= self.limits.fields:
            raise BadRequest(431, "too many header fields")
        self._fields.append((name, value.rstrip(b" \t")))  # RFC 9112 5.1

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._size += len(body)
        if self._size > self.limits.body:
            raise BadRequest(413, "request body too large")
        if self.incoming is None:
            self._body += body
        else:
            self.incoming.put(body)

    def on_message_complete(self) -> None:
        """Learn that the request is complete."""
        self._done = True
        if self._used is not None and not self._used.should_keep_alive():
            self._used = None  # it takes nothing more


def _not_here(on: object) -> None:
    """Neither stop nor start: whoever reads the connection says how."""


def splits(fields: bytes) -> bool:
    """Say whether there is a byte 0x85 that is no part of UTF-8: NEXT LINE to those who take it for ISO 8859."""
    if b"\x85" not in fields:
        return False
    text = fields.decode("utf-8", "surrogateescape")
    return "\udc85" in text or "\x85" in text


class ResponseReader:
    """Reads the one response to a handshake: `feed(data)` gives (status, reason, Headers) when its head is complete; `rest` is what follows."""

    __slots__ = ("_fields", "_limits", "_status", "body", "rest")

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        self._fields: list[tuple[str, str]] = []
        self._status = ""
        self.body = b""
        self.rest = b""

    def feed(self, data: bytes) -> tuple[int, str, Headers] | None:
        """Add bytes; give the head when it is complete."""
        buffer = self.rest + data
        end = buffer.find(b"\r\n\r\n")
        if (end + 4 if end >= 0 else len(buffer)) > self._limits.head:
            raise BadRequest(502, "the response head is too large")
        if end < 0:
            self.rest = buffer
            return None
        head, self.rest = buffer[: end + 4], buffer[end + 4 :]
        parser = httptools.HttpResponseParser(self)
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            raise BadRequest(502, f"malformed response: {error}") from None
        return parser.get_status_code(), self._status, Headers(self._fields)

    def on_status(self, status: bytes) -> None:
        """Take the reason phrase."""
        self._status += status.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field."""
        if len(self._fields) >= self._limits.fields * 2:
            raise BadRequest(502, "too many header fields in the response")
        self._fields.append((name.decode("latin-1"), value.decode("latin-1")))
