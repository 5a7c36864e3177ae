"""Bad requests: each gets one clear answer, and the end of the connection."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from conformance.processes import EchoServer
from tests.abuse.raw import Peer, request
from tests.abuse.unharmed import unharmed

UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"


@dataclass(frozen=True)
class Bad:
    """What is sent, the status that answers it, and header fields that the answer has."""

    name: str
    wire: bytes
    status: int
    fields: dict[str, str] = field(default_factory=dict)


def changed(name: str, line: str) -> bytes:
    """A good handshake with one header line in place of the usual one."""
    return request(line, leave_out=[name])


def raw(text: str) -> bytes:
    """A handshake that begins with this text."""
    return (text + UPGRADE + "\r\n").encode("latin-1")


KEY, VERSION = "Sec-WebSocket-Key", "Sec-WebSocket-Version"
HANDSHAKES = (
    Bad("no upgrade", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 426, {"upgrade": "websocket"}),
    Bad("another upgrade", changed("Upgrade", "Upgrade: h2c"), 426, {"upgrade": "websocket"}),
    Bad("no Connection", request(leave_out=["Connection"]), 426),
    Bad("version 8", changed(VERSION, f"{VERSION}: 8"), 426, {"sec-websocket-version": "13"}),
    Bad("no version", request(leave_out=[VERSION]), 426, {"sec-websocket-version": "13"}),
    Bad("version 013", changed(VERSION, f"{VERSION}: 013"), 426, {"sec-websocket-version": "13"}),
    Bad("no key", request(leave_out=[KEY]), 400),
    Bad("empty key", changed(KEY, f"{KEY}:"), 400),
    Bad("short key", changed(KEY, f"{KEY}: dGhlIHNhbXBsZQ=="), 400),
    Bad("long key", changed(KEY, f"{KEY}: dGhlIHNhbXBsZSBub25jZSBsb25n"), 400),
    Bad("key is not base64", changed(KEY, f"{KEY}: !!!!!!!!!!!!!!!!!!!!!!=="), 400),
    Bad(
        "key of other letters",
        changed(
            KEY, f"{KEY}: \xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9=="
        ),
        400,
    ),
    Bad("two keys", request(f"{KEY}: dGhlIHNhbXBsZSBub25jZQ=="), 400),
    Bad("Origin of somebody else, with cookies", request("Origin: https://evil.example", "Cookie: sid=1"), 403),
    Bad("Origin null, with cookies", request("Origin: null", "Cookie: sid=1"), 403),
    Bad("Origin of another port, with cookies", request("Origin: http://localhost:1", "Cookie: sid=1"), 403),
    Bad("two Origins", request("Origin: http://localhost", "Origin: https://evil.example", "Cookie: a=b"), 403),
    Bad("two Hosts", request("Host: other"), 400),
    Bad("no Host", request(leave_out=["Host"]), 400),
    Bad("a body", request("Content-Length: 5") + b"hello", 400),
    Bad("a chunked body", request("Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n", 400),
    Bad("both lengths", request("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    Bad("POST", request(method="POST"), 405, {"allow": "GET"}),
    Bad("HTTP/1.0", raw("GET / HTTP/1.0\r\nHost: localhost\r\n"), 505),
    Bad("malformed extension", request("Sec-WebSocket-Extensions: permessage-deflate; =1"), 400),
    Bad("empty extension", request("Sec-WebSocket-Extensions: ;"), 400),
    Bad("extension in other letters", request("Sec-WebSocket-Extensions: \x80\xff"), 400),
    Bad("subprotocol in other letters", request("Sec-WebSocket-Protocol: \x80\xff"), 400),
    Bad("subprotocol with spaces", request("Sec-WebSocket-Protocol: a b"), 400),
)
MALFORMED = (
    Bad("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    Bad("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    Bad("unknown method", raw("FOO / HTTP/1.1\r\nHost: localhost\r\n"), 501),  # RFC 9110 9.1
    Bad("NUL in a value", raw("GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n"), 400),
    Bad("CR in a value", raw("GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n"), 400),
    Bad("bare LF", raw("GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n"), 400),
    Bad("bare LF everywhere", b"GET / HTTP/1.1\nHost: localhost\n\n", 400),
    Bad("a control character", raw("GET / HTTP/1.1\r\nHost: localhost\r\nX: \x01\r\n"), 400),
    Bad("a folded line", raw("GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n"), 400),
    Bad("space before the colon", raw("GET / HTTP/1.1\r\nHost : localhost\r\n"), 400),
    Bad("no name", raw("GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n"), 400),
    Bad("other letters in a name", raw("GET / HTTP/1.1\r\nHost: localhost\r\nX\x80: y\r\n"), 400),
    Bad("two lengths", request("Content-Length: 0", "Content-Length: 5"), 400),
    Bad("a length with a sign", request("Content-Length: +5"), 400),
    Bad("20 kB in one field", request("X: " + "a" * 20_000), 431),
    Bad("20 kB of target", request(target="/" + "a" * 20_000), 431),
    Bad("100 fields", request(*(f"X{i}: y" for i in range(100))), 431),
)


@pytest.mark.parametrize("bad", HANDSHAKES + MALFORMED, ids=lambda bad: bad.name)
def test_answered_once_then_closed(server: EchoServer, bad: Bad) -> None:
    """What follows a refused request is not parsed: there is one answer, although a good handshake comes behind it."""
    with unharmed(server), Peer.connect(server.port) as peer:
        peer.send(bad.wire)
        answer = peer.answer()
        assert answer.status == bad.status
        assert bad.fields.items() <= answer.fields.items()
        peer.send(request())
        assert b"HTTP/1.1 101" not in peer.rest()


GOOD = (
    ("cookies and the same Origin", ["Origin: http://localhost", "Cookie: a=b"]),
    ("somebody else's Origin without cookies", ["Origin: https://evil.example"]),
    ("an unknown extension", ["Sec-WebSocket-Extensions: constructor, __proto__; a=b"]),
    ("a window that cannot be", ["Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99"]),
    (
        "the same parameter twice",
        ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; client_max_window_bits"],
    ),
    ("an unknown subprotocol", ["Sec-WebSocket-Protocol: null, constructor"]),
    ("other letters in a value", ["X: a\x85X-Forged: b\xff"]),
)


@pytest.mark.parametrize("headers", [headers for _, headers in GOOD], ids=[name for name, _ in GOOD])
def test_strange_but_allowed(server: EchoServer, headers: list[str]) -> None:
    """Nothing of what is strange here is agreed on, and nothing of it fails."""
    with unharmed(server, lines=0), Peer.connect(server.port) as peer:
        peer.send(request(*headers))
        answer = peer.answer()
        assert answer.status == 101
        assert not {"sec-websocket-extensions", "sec-websocket-protocol"} & set(answer.fields)


ENDLESS = (
    ("header line", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a" * 4096),
    ("header lines", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n" * 512),
    ("request line", b"GET /", b"a" * 4096),
    ("header line after empty lines", b"\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a" * 4096),
    ("empty lines", b"", b"\r\n" * 2048),
    (
        "body",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1000\r\n" + b"a" * 4096 + b"\r\n",
    ),
    ("chunk extension", b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 4096),
    ("trailer", b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a" * 4096),
    ("trailers", b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 512),
)


@pytest.mark.parametrize(("begin", "more"), [case[1:] for case in ENDLESS], ids=[case[0] for case in ENDLESS])
def test_endless(server: EchoServer, begin: bytes, more: bytes) -> None:
    """Something without an end is refused for its size long before the time is up, having cost little memory."""
    with unharmed(server), Peer.connect(server.port) as peer:
        peer.send(begin)
        sent = pour(peer, more, limit=8 << 20)
        assert sent < 8 << 20, "took 8 MB without an answer"
        answer = peer.answer()
        assert answer.status in (400, 413, 431)


def pour(peer: Peer, piece: bytes, limit: int) -> int:
    """Send the piece again and again until an answer comes, or nothing goes out any more; gives the bytes sent."""
    sent = 0
    peer.sock.setblocking(False)
    try:
        while sent < limit:
            try:
                sent += peer.sock.send(piece)
            except BlockingIOError:
                peer.sock.setblocking(True)
                peer.sock.settimeout(5)
                return sent
            try:
                data = peer.sock.recv(65536)
            except BlockingIOError:
                continue
            peer.buffer += data
            return sent
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        peer.sock.settimeout(5)
    return sent


SLOW = (
    ("silence", b"", b""),
    ("half a request line", b"GET / HT", b""),
    ("a header now and then", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n"),
    ("a letter now and then", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a"),
    ("a body now and then", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", b"a"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("begin", "more"), [case[1:] for case in SLOW], ids=[case[0] for case in SLOW])
def test_slow_loris(server: EchoServer, begin: bytes, more: bytes) -> None:
    """A handshake that does not come to its end is ended after `open_timeout` (0.4 s here), however busy it looks."""
    with unharmed(server), Peer.connect(server.port, patience=0.05) as peer:
        peer.send(begin)
        for _ in range(60):  # of 50 ms
            try:
                data = peer.receive()
            except TimeoutError:
                peer.send(more)
                continue
            assert data.startswith(b"HTTP/1.1 408 ")
            return
        pytest.fail("still waiting after 3 s")


def test_pipelined_requests(server: EchoServer) -> None:
    """Ten thousand requests at once: answered in order, or cut off after the first; never kept in memory."""
    with unharmed(server, lines=None), Peer.connect(server.port) as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10_000)
        assert peer.rest().startswith(b"HTTP/1.1 426")
