"""A WebSocket peer on a bare socket that can say anything: right, wrong, or byte by byte."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, RSV1 = 0x80, 0x40
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
MASK = b"\x37\xfa\x21\x3d"

Frame = tuple[int, bytes]  # the first byte (FIN, RSV and opcode) and the payload


def masked(payload: bytes, key: bytes = MASK) -> bytes:
    """XOR with the repeated key (RFC 6455 5.3)."""
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def frame(first: int, payload: bytes = b"", key: bytes | None = MASK) -> bytes:
    """One frame; masked unless the key is None."""
    bit = 0 if key is None else 0x80
    size = len(payload)
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 65536:
        head = bytes((first, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + size.to_bytes(8, "big")
    return head + payload if key is None else head + key + masked(payload, key)


def close_frame(code: int, reason: str = "", key: bytes | None = MASK) -> bytes:
    """A close frame."""
    return frame(FIN | CLOSE, code.to_bytes(2, "big") + reason.encode(), key)


def accept(key: str) -> str:
    """Sec-WebSocket-Accept for a key (RFC 6455 4.2.2)."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def request(*more: str, leave_out: Iterable[str] = (), target: str = "/", method: str = "GET") -> bytes:
    """A client's handshake with header lines added and, by name, left out."""
    lines = [
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
    ]
    kept = [line for line in lines if line.split(":")[0] not in set(leave_out)]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *kept, *more, "", ""]).encode("latin-1")


@dataclass
class Answer:
    """An HTTP response: its status and its header fields by lower-case name."""

    status: int
    fields: dict[str, str]

    @classmethod
    def read(cls, head: bytes) -> Answer:
        """Read the head of a response."""
        lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines[1:] if line)
        return cls(int(lines[0].split()[1]), {name.lower(): value.strip() for name, _, value in fields})


class Peer:
    """One end of a conversation, on a connected socket. Every wait ends after `patience` seconds with TimeoutError."""

    def __init__(self, sock: socket.socket, patience: float = 5) -> None:
        self.sock = sock
        self.sock.settimeout(patience)
        self.buffer = b""

    @classmethod
    def connect(cls, port: int, patience: float = 5, *, receive_buffer: int | None = None) -> Peer:
        """Connect to a port of the loopback interface; `receive_buffer` makes a slow reader's kernel buffer small."""
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(patience)
        sock.connect(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(sock, patience)

    @classmethod
    def open(cls, port: int, *headers: str, patience: float = 5, receive_buffer: int | None = None) -> Peer:
        """Connect and shake hands as a client."""
        peer = cls.connect(port, patience, receive_buffer=receive_buffer)
        peer.send(request(*headers))
        answer = peer.answer()
        assert answer.status == 101, answer
        return peer

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *failure: object) -> None:
        self.sock.close()

    def send(self, *data: bytes) -> None:
        """Send the pieces, each by itself. What the other end has already refused to read is not an error."""
        try:
            for piece in data:
                self.sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def reset(self) -> None:
        """End the connection by RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()

    def receive(self) -> bytes:
        """Some bytes; none at the end. A reset counts as the end."""
        try:
            return self.sock.recv(65536)
        except ConnectionResetError:
            return b""

    def until(self, end: bytes) -> bytes:
        """The bytes up to and with `end`; fewer where the stream ends before."""
        while end not in self.buffer:
            data = self.receive()
            if not data:
                break
            self.buffer += data
        head, found, self.buffer = self.buffer.partition(end)
        return head + found

    def answer(self) -> Answer:
        """The next HTTP response's head."""
        head = self.until(b"\r\n\r\n")
        assert head, "the connection ended without an answer"
        return Answer.read(head)

    def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        while data := self.receive():
            self.buffer += data
        everything, self.buffer = self.buffer, b""
        return everything

    def exactly(self, size: int) -> bytes | None:
        """This many bytes; None where the stream ends before."""
        while len(self.buffer) < size:
            data = self.receive()
            if not data:
                return None
            self.buffer += data
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def frame(self) -> Frame | None:
        """The next frame, unmasked; None at the end of the stream."""
        head = self.exactly(2)
        if head is None:
            return None
        size = head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(self.exactly(2 if size == 126 else 8) or b"", "big")
        key = self.exactly(4) if head[1] & 0x80 else None
        payload = self.exactly(size)
        if payload is None:
            return None
        return head[0], payload if key is None else masked(payload, key)

    def frames(self) -> Iterator[Frame]:
        """Every frame up to a close frame, or to the end of the stream."""
        while (found := self.frame()) is not None:
            yield found
            if found[0] == FIN | CLOSE:
                return

    def close_code(self) -> int:
        """Skip to the close frame and give its code: 1005 where it has none, 1006 where no close frame comes."""
        for first, payload in self.frames():
            if first == FIN | CLOSE:
                return int.from_bytes(payload[:2], "big") if payload else 1005
        return 1006


def offered_key(head: bytes) -> str:
    """The Sec-WebSocket-Key in a client's handshake."""
    found = re.search(rb"(?im)^sec-websocket-key: *(\S+)\r$", head)
    assert found, head
    return found[1].decode()
