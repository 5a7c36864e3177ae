"""A connection of SignalR with no hub protocol above it: whatever a client says comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from everywire import messages as m
from everywire.dialects.base import Agreed, Intent, NewId, Open, OpenLine, Reply
from everywire.dialects.signalr import SignalRDialect
from everywire.http.request import Request
from everywire.payloads import Payload


class EchoCodec:
    """Says what comes back."""

    dialect = "echo"

    def encode(self, event: m.Event) -> tuple[Payload, ...]:
        """Give the text of a result; nothing else is told."""
        return (Payload(msgspec.json.decode(event.data)),) if isinstance(event, m.Result) else ()


class EchoDecoder:
    """Reads what a client says as calls. Invariants: `said` is how many there were; the session begins before the first."""

    def __init__(self, codec: EchoCodec) -> None:
        """The client reads `codec`."""
        self.codec = codec
        self.said = 0

    def decode(self, data: str | bytes) -> Iterator[m.Command | Agreed]:
        """Give the call for what came."""
        if not self.said:
            yield Agreed(self.codec)
            yield m.Connect("connect", lasting=False)
        self.said += 1
        text = data if isinstance(data, str) else bytes(data).decode()
        yield m.Call(self.said, "echo-back", m.Raw(msgspec.json.encode(text)))


class EchoDialect(SignalRDialect):
    """The transports of SignalR, for who brings the cookie that negotiate has set, where a page could have left it out.

    Any other is let in, and sent away at once. Invariants: `polled` has the lines whose clients polled without it.
    """

    def __init__(self, path: str) -> None:
        """Be met at `path`."""
        super().__init__(path)
        self.polled: set[str] = set()

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Have SignalR decide, and read and write what it does not."""
        intent = super().accept(request, new_id)
        if isinstance(intent, Open | OpenLine):
            return replace(intent, decoder=EchoDecoder(EchoCodec()))
        if intent is None or request.method != "GET" or request.headers.get("upgrade") is not None:
            return intent
        if "testCookie" in request.cookies:
            return intent
        if "text/event-stream" in (request.headers.get("accept") or ""):
            return Reply(200, b":\r\n\r\n", (("Content-Type", "text/event-stream"),))
        line = request.params.get("id", [""])[0]
        if line in self.polled:
            return Reply(204)
        self.polled.add(line)
        return intent  # the first poll, which is answered at once
