"""The control line between the supervisor and one of its processes: short messages both ways over a socket pair.

Its end is news too: a process whose supervisor is gone ends as well, however that one ended.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TypeAlias, cast

import msgspec

__all__ = ["Adopt", "Control", "Drain", "Drained", "Message", "Ready", "Release"]


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """From a process: it serves now; a worker's clients at `path`, a page at / where there is one, and `beside` it those that it says."""

    path: str = ""
    page: bool = False
    beside: str = ""


class Drained(msgspec.Struct, frozen=True, tag="drained"):
    """From a worker: it has let go of its clients, `count` of them, and ends."""

    count: int = 0


class Drain(msgspec.Struct, frozen=True, tag="drain"):
    """To a worker: stop listening, let clients go, `pace` of them per second or all of them within `window` seconds, then end.

    What is under way for them has `finish` seconds to come to its end. Said again, it is what holds from then on.
    """

    window: float
    pace: float
    finish: float = 0.0


class Adopt(msgspec.Struct, frozen=True, tag="adopt"):
    """To a worker: accept on the sockets of another one too, which is not there."""

    slot: int


class Release(msgspec.Struct, frozen=True, tag="release"):
    """To a worker: that other one is back."""

    slot: int


Message: TypeAlias = Ready | Drained | Drain | Adopt | Release
_decode = msgspec.json.Decoder(Message).decode
_encode = msgspec.json.Encoder().encode
_LONGEST = 4096  # bytes of a message


class Control(asyncio.Protocol):
    """One end of a control line.

    Invariants: `over` is set once the other end is gone, or says what nobody understands.
    """

    def __init__(self, hear: Callable[[Message], None], gone: Callable[[], None]) -> None:
        self._hear = hear
        self._gone = gone
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def over(cls, sock: socket.socket, hear: Callable[[Message], None], gone: Callable[[], None]) -> Control:
        """Take over a connected socket: `hear` is told each message, `gone` the end."""
        _, control = await asyncio.get_running_loop().create_connection(lambda: cls(hear, gone), sock=sock)
        return control

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hear what is complete; end at what is no message."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for line in lines:
                self._hear(_decode(line))
        except msgspec.MsgspecError:
            self.close()
        if len(self._rest) > _LONGEST:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._transport = None
        self._gone()

    def say(self, message: Message) -> None:
        """Send a message; into the void where nobody is there."""
        if self._transport is not None:
            self._transport.write(_encode(message) + b"\n")

    def close(self) -> None:
        """End the line."""
        if self._transport is not None:
            self._transport.close()
