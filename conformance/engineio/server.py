"""What the Engine.IO suite wants of a server, by everywire's Engine.IO: every message goes back to where it came from.

    python conformance/engineio/server.py --engine native --settings '{"ping_interval": 0.3, "ping_timeout": 0.2, "max_payload": 1000000}'

There are no Socket.IO packets in this suite. So the messages of a client are read by a decoder of this server's own, as calls of `echo`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app_server import arguments, beating, meet

from everywire import Everywire
from everywire import messages as m
from everywire.dialects.base import Heartbeat, Intent, NewId, Within
from everywire.dialects.socketio import engine
from everywire.errors import ProtocolError
from everywire.http.request import Request
from everywire.payloads import Codec, Payload

CONNECT = "connect"


class EchoCodec:
    """Says what `echo` gave."""

    dialect = "echo"

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give a message for a result; nothing else is told."""
        if not isinstance(event, m.Result):
            return ()
        if isinstance(event.data, m.Packed):
            return (Payload(msgspec.msgpack.decode(event.data)),)
        return (Payload("4" + msgspec.json.decode(event.data)),)


class EchoDecoder:
    """Reads messages as calls. Invariants: `said` is how many there were; the session begins before the first."""

    def __init__(self, codec: Codec) -> None:
        """The session reads `codec`."""
        self.codec = codec
        self.said = 0

    def decode(self, data: str | bytes) -> Iterator[m.Command | Within]:
        """Give the commands in one packet."""
        match data[:1]:
            case "3":
                yield m.Pong()
            case "1":
                yield m.Leave()
            case "4":
                yield from self.message(m.Raw(msgspec.json.encode(data[1:])))
            case bytes():
                yield from self.message(m.Packed(msgspec.msgpack.encode(data)))
            case _:
                raise ProtocolError("no packet of Engine.IO")

    def message(self, data: m.Data) -> Iterator[Within]:
        """Give the call for one message."""
        if not self.said:
            yield Within(self.codec, m.Connect(CONNECT))
        self.said += 1
        yield Within(self.codec, m.Call(self.said, "echo", data))


class EchoDialect:
    """Engine.IO at /engine.io, with nothing above it."""

    name = "echo"

    def __init__(self, beat: Heartbeat, max_payload: int) -> None:
        """What every client is told of both."""
        self.heartbeat = beat
        self.max_payload = max_payload
        self.codec = EchoCodec()

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Have Engine.IO decide."""
        return engine.accept(request, new_id, self) if request.path.rstrip("/") == "/engine.io" else None

    def decoder(self) -> EchoDecoder:
        """Give the reader of a new transport."""
        return EchoDecoder(self.codec)

    def part(self, codec: Codec, code: int, reason: str) -> None:
        """Close the transport with its only session."""


def application(settings: dict[str, Any]) -> Everywire:
    """What answers the calls."""
    app = beating(settings)
    app.speak(lambda heartbeat: EchoDialect(heartbeat, settings["max_payload"]))

    @app.on("echo", inline=True)
    def echo(data: Any) -> Any:
        return data

    return app


if __name__ == "__main__":
    given = arguments(__doc__)
    asyncio.run(meet(application(given.settings), given.engine))
