"""Clients of Socket.IO that say anything, on real sockets: packets on a WebSocket, and bodies and polls of HTTP requests."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from conformance.processes import EchoServer
from tests.abuse.raw import BINARY, CLOSE, FIN, TEXT, Answer, Peer, frame, request
from tests.abuse.unharmed import measured

OPEN = "/socket.io/?EIO=4&transport="


class Packets:
    """A client on a WebSocket: text packets, and binary ones."""

    name = "websocket"

    def __init__(self, port: int, *fields: str) -> None:
        self.peer = Peer.connect(port)
        self.peer.send(request(*fields, target=OPEN + "websocket"))
        assert self.peer.answer().status == 101
        assert self.next().startswith("0{")

    def say(self, *packets: str | bytes) -> None:
        """Say packets, all at once."""
        self.peer.send(b"".join(_framed(packet) for packet in packets))

    def next(self) -> Any:
        """Give the next packet; None at the end."""
        found = self.peer.frame()
        if found is None or found[0] == FIN | CLOSE:
            return None
        return found[1].decode() if found[0] == FIN | TEXT else found[1]

    def over(self) -> bool:
        """Hear to the end, and say whether the server closed."""
        while (packet := self.next()) is not None:
            assert not packet.startswith("43"), packet
        self.peer.sock.close()
        return True

    def end(self) -> None:
        """Go, for good."""
        self.peer.send(frame(FIN | CLOSE, b"\x03\xe8"))
        self.peer.rest()
        self.peer.sock.close()


def _framed(packet: str | bytes) -> bytes:
    if isinstance(packet, bytes):
        return frame(FIN | BINARY, packet)
    return frame(FIN | TEXT, packet.encode())


class Polls:
    """A client that polls, each request on a connection of its own; `heard` are packets that came and were not looked at."""

    name = "polling"

    def __init__(self, port: int, *fields: str) -> None:
        self.port = port
        self.fields = fields
        answer, body = self.ask("GET", OPEN + "polling")
        assert answer.status == 200, body
        self.target = f"{OPEN}polling&sid={json.loads(body[1:])['sid']}"
        self.heard: list[str] = []

    def ask(self, method: str, target: str, body: bytes = b"", *fields: str) -> tuple[Answer, bytes]:
        """Give the answer to a request, and its body."""
        with Peer.connect(self.port) as peer:
            self.begin(peer, method, target, body, *fields)
            return self.read(peer)

    def begin(self, peer: Peer, method: str, target: str, body: bytes = b"", *fields: str) -> None:
        """Ask, and leave the answer for later."""
        length = [f"Content-Length: {len(body)}"] if body or method == "POST" else []
        head = [f"{method} {target} HTTP/1.1", "Host: localhost", *length, *self.fields, *fields]
        peer.send("\r\n".join([*head, "", ""]).encode() + body)

    def read(self, peer: Peer) -> tuple[Answer, bytes]:
        """Read one answer."""
        answer = peer.answer()
        return answer, peer.exactly(int(answer.fields.get("content-length", 0))) or b""

    def say(self, *packets: str | bytes) -> None:
        """Say packets, in one body."""
        said = (packet if isinstance(packet, str) else "b" + _base64(packet) for packet in packets)
        self.ask("POST", self.target, "\x1e".join(said).encode())

    def next(self) -> Any:
        """Give the next packet; None at the end."""
        while not self.heard:
            answer, body = self.ask("GET", self.target)
            if answer.status != 200:
                assert json.loads(body) == {"code": 1, "message": "Session ID unknown"}
                return None
            self.heard += body.decode().split("\x1e")
        return self.heard.pop(0)

    def over(self) -> bool:
        """Hear to the end, and say whether the server closed."""
        while (packet := self.next()) is not None:
            assert packet[:2] != "43", packet
        return True

    def end(self) -> None:
        """Go, for good."""
        self.say("1")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def connected(kind: str, port: int, *fields: str) -> Packets | Polls:
    """Give a client that is in the main namespace: "websocket" or "polling"."""
    client = (Packets if kind == "websocket" else Polls)(port, *fields)
    client.say("40")
    assert client.next().startswith('40{"sid":')
    return client


class Watcher:
    """A client that counts what is published in a channel: it misses nothing, and hears nothing twice."""

    def __init__(self, port: int) -> None:
        self.client = connected("websocket", port)
        self.count = 0
        self.client.say('420["everywire:subscribe",{"channel":"plain:a"}]')
        assert self.client.next().startswith("430")

    def works(self, word: bytes) -> None:
        """Publish the next number, and hear that and nothing else."""
        self.count += 1
        said = json.dumps({"channel": "plain:a", "data": [word.decode(), self.count]})
        self.client.say(f'421["everywire:publish",{said}]')
        told = sorted([self.client.next(), self.client.next()])
        assert json.loads(told[0][2:]) == ["plain:a", [word.decode(), self.count]], told
        assert told[1].startswith("431"), told


@contextmanager
def socketio_unharmed(
    server: EchoServer, *, lines: int | None, memory: float = 4, seconds: float = 1
) -> Iterator[Watcher]:
    """As `unharmed`; the other client is one of Socket.IO, which counts."""
    watcher = Watcher(server.port)
    with watcher.client.peer, measured(server, watcher.works, lines=lines, memory=memory, seconds=seconds):  # type: ignore[union-attr]
        yield watcher
