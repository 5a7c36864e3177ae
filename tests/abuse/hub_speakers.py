"""Clients of an application that say anything, on real sockets: WebSockets of either subprotocol, and a line of HTTP requests."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from conformance.processes import EchoServer, build_environment
from tests.abuse.raw import BINARY, CLOSE, FIN, TEXT, Peer, frame, request
from tests.abuse.unharmed import BUILD, measured

CONNECT = {"type": "connect", "id": 1}


class HubServer(EchoServer):
    """`hub_server.py` in a process of its own."""

    def __init__(self, engine: str) -> None:
        super().__init__()
        self.command = [sys.executable, str(Path(__file__).with_name("hub_server.py")), engine]
        self.environment = build_environment(BUILD)


class Speaker:
    """Says messages and hears events, the last of which may be {"type": "close", "code": …}."""

    name: str

    def say(self, said: Any) -> None:
        """Say a command or several, or bytes as they are."""
        raise NotImplementedError

    def next(self) -> dict[str, Any]:
        """Give the next event."""
        raise NotImplementedError

    def hear(self, ref: int | None = None, kind: str | None = None) -> dict[str, Any]:
        """Give the answer to the command `ref`, the next event of that kind, an error for nobody's command, or the close."""
        while True:
            event = self.next()
            if event["type"] == "close" or event.get("id") == 0:
                return event
            if (ref is not None and event.get("id") == ref) or event["type"] == kind:
                return event

    def connect(self, **fields: Any) -> dict[str, Any]:
        """Connect."""
        self.say(CONNECT | fields)
        return self.hear(1)


class WebSocket(Speaker):
    """A WebSocket: JSON text, or MessagePack where `packed`."""

    def __init__(self, port: int, *fields: str, packed: bool = False) -> None:
        self.packed = packed
        self.name = "packed" if packed else "json"
        self.peer = Peer.connect(port)
        self.peer.send(
            request(
                f"Sec-WebSocket-Protocol: everywire.v1.{'msgpack' if packed else 'json'}", *fields, target="/everywire"
            )
        )
        answer = self.peer.answer()
        assert answer.status == 101, answer

    def say(self, said: Any) -> None:
        data = said if isinstance(said, bytes) else (msgspec.msgpack if self.packed else msgspec.json).encode(said)
        self.peer.send(frame(FIN | (BINARY if self.packed else TEXT), data))

    def other_kind(self, said: Any) -> None:
        """Say it in a message of the other kind."""
        self.peer.send(frame(FIN | (TEXT if self.packed else BINARY), msgspec.json.encode(said)))

    def next(self) -> dict[str, Any]:
        found = self.peer.frame()
        if found is None:
            return {"type": "close", "code": 1006}
        first, payload = found
        if first == FIN | CLOSE:
            return {"type": "close", "code": int.from_bytes(payload[:2], "big"), "reason": payload[2:].decode()}
        event: dict[str, Any] = (msgspec.msgpack if self.packed else msgspec.json).decode(payload)
        return event

    def end(self) -> None:
        """Go, for good."""
        self.peer.send(frame(FIN | CLOSE, b"\x03\xe8"))
        self.peer.rest()
        self.peer.sock.close()


class Http:
    """Requests on one connection after another."""

    def __init__(self, port: int, *fields: str) -> None:
        self.port = port
        self.fields = fields

    def ask(self, method: str, target: str, body: bytes = b"", promised: int | None = None) -> tuple[int, Any]:
        """Give status and body of the answer; `promised` is another length than the body's."""
        with self.begin(method, target, body, promised) as peer:
            return self.read(peer)

    def begin(self, method: str, target: str, body: bytes = b"", promised: int | None = None) -> Peer:
        """Ask, and leave the answer for later."""
        peer = Peer.connect(self.port)
        length = len(body) if promised is None else promised
        head = [f"{method} /everywire/{target} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *self.fields]
        peer.send("\r\n".join([*head, "", ""]).encode() + body)
        return peer

    def read(self, peer: Peer) -> tuple[int, Any]:
        """Read one answer."""
        answer = peer.answer()
        body = peer.exactly(int(answer.fields.get("content-length", 0))) or b""
        try:
            return answer.status, json.loads(body)
        except ValueError:
            return answer.status, body


class Line(Speaker):
    """A line: one request for each message, short polls for events."""

    name = "line"

    def __init__(self, port: int, *fields: str) -> None:
        self.http = Http(port, *fields)
        status, said = self.http.ask("POST", "lines")
        assert status == 201, said
        self.target = f"lines/{said['line']}"
        self.number = 0
        self.after = 0
        self.kept: list[dict[str, Any]] = []

    def say(self, said: Any) -> None:
        self.number += 1
        data = said if isinstance(said, bytes) else msgspec.json.encode(said)
        self.http.ask("POST", f"{self.target}?seq={self.number}", data)

    def next(self) -> dict[str, Any]:
        while not self.kept:
            status, said = self.http.ask("GET", f"{self.target}/poll?after={self.after}&wait=3000")
            if status != 200:
                return {"type": "close", "code": said["code"], "status": status}
            assert said, "nothing came"
            self.kept += said
            self.after += len(said)
        return self.kept.pop(0)

    def end(self) -> None:
        """Go, for good."""
        self.http.ask("DELETE", self.target)


def speaker(kind: str, port: int, *fields: str) -> WebSocket | Line:
    """Give a speaker: "json", "packed" or "line"."""
    return Line(port, *fields) if kind == "line" else WebSocket(port, *fields, packed=kind == "packed")


@contextmanager
def hub_unharmed(server: EchoServer, *, lines: int, memory: float = 4, seconds: float = 1) -> Iterator[None]:
    """As `unharmed`; the other client publishes to the channel it hears, and must hear that and nothing else."""
    neighbour = WebSocket(server.port)

    def works(word: bytes) -> None:
        neighbour.say({"type": "publish", "id": 3, "channel": "plain:a", "data": word.decode()})
        told = [neighbour.next(), neighbour.next()]
        assert {event["type"] for event in told} == {"published", "publication"}, told
        assert [event["data"] for event in told if "data" in event] == [word.decode()]

    with neighbour.peer:
        neighbour.connect()
        neighbour.say({"type": "subscribe", "id": 2, "channel": "plain:a"})
        assert neighbour.hear(2)["type"] == "subscribed"
        with measured(server, works, lines=lines, memory=memory, seconds=seconds):
            yield
