"""What passes between an ASGI application and its WebSocket once that is open: `receive` and `send`, without a Future or a Task where none is needed."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from everywire.engine.inbox import READY, RECEIVING, Inbox, Next, Teller
from everywire.errors import Disconnected
from everywire.ws.connection import OPEN
from everywire.ws.link import Link

try:
    import cython
except ImportError:  # plain Python where no compiler is installed
    from everywire.ws import plain as cython  # noqa: F401

if TYPE_CHECKING:
    from everywire.engine.websocket import WebSocket
    from everywire.errors import ConnectionClosed

__all__ = ["ACCEPTED", "ASKED", "DENYING", "OVER", "TALKING", "Conversation", "failing"]

# phase    | what the application may say              | next
# ---------+-------------------------------------------+----------------------------
# ASKED    | accept; close; http.response.start        | ACCEPTED; OVER; DENYING
# ACCEPTED | send, close: these wait for the WebSocket  | TALKING when it is open
# TALKING  | send; close                               | -; OVER
# DENYING  | http.response.body                        | OVER with the last one
# OVER     | nothing: a RuntimeError                   | -
ASKED, ACCEPTED, TALKING, DENYING, OVER = range(5)


class Conversation(Teller):
    """The `receive` and `send` of one ASGI application and one WebSocket (WebSocket message format 2.5).

    `other` and `wait` are for the subclass, which answers the handshake.

    Invariants: `phase` only grows; `websocket` is set from TALKING on; the application is told once of the connection and once of its end.
    """

    def __init__(self, loop: AbstractEventLoop, read_limit: int) -> None:
        self.loop = loop
        self.websocket: Any = None  # a WebSocket
        self.phase = ASKED
        self.greeted = False
        self.parted = False
        self.inbox = Inbox(loop, Link(), read_limit)
        self.inbox.teller = self
        self.inbox.put("")  # stands for websocket.connect

    # Up

    def receive(self) -> Awaitable[dict[str, Any]]:
        """Await the next event: "websocket.connect", then "websocket.receive" with "text" or "bytes", at last "websocket.disconnect".

        RuntimeError where another one waits already, and after the end was told: who does not look for that would ask for ever.
        """
        return Next(self.inbox, RECEIVING)

    def told(self, message: str | bytes) -> Any:
        """Make an event of a message; of the first one, which nobody sent, that of the connection."""
        if not self.greeted:
            self.greeted = True
            return {"type": "websocket.connect"}
        if type(message) is str:
            return {"type": "websocket.receive", "text": message}
        return {"type": "websocket.receive", "bytes": message}

    def ended(self, error: ConnectionClosed) -> Any:
        """Make the last event."""
        if self.parted:
            raise RuntimeError("receive() after websocket.disconnect")
        self.parted = True
        websocket = self.websocket
        if error.code == 1006 and websocket is not None and websocket.refused:  # by us, for what the peer did
            return {"type": "websocket.disconnect", "code": websocket.sent_code, "reason": websocket.reason or ""}
        if error.code == 1006:
            return {"type": "websocket.disconnect", "code": 1006}
        return {"type": "websocket.disconnect", "code": error.code, "reason": error.reason}

    # Down

    def send(self, message: dict[str, Any]) -> Awaitable[None]:
        """Say one event; awaiting waits while the client reads slowly.

        Awaiting raises Disconnected, an OSError, where the client is gone; RuntimeError out of order, ValueError or TypeError for what cannot be sent.
        """
        try:
            return self._say(message)
        except Exception as error:
            return failing(error)

    def _say(self, message: dict[str, Any]) -> Awaitable[None]:
        if self.phase != TALKING or message["type"] != "websocket.send":
            return self.other(message)
        text = message.get("text")
        data = message.get("bytes")
        if (text is None) == (data is None):
            raise ValueError("a websocket.send has either text or bytes")
        websocket = self.websocket
        if websocket.state != OPEN:
            raise Disconnected("the client is gone")
        if websocket.below.queued() > websocket.manner.high:
            return self.wait(message)
        if text is None:
            if not isinstance(data, (bytes, bytearray, memoryview)):
                raise TypeError(f"the bytes of a websocket.send are {type(data).__name__}")
            websocket.send_message(data)
        elif isinstance(text, str):
            websocket.send_message(text)
        else:
            raise TypeError(f"the text of a websocket.send is {type(text).__name__}")
        return READY

    def opened(self, websocket: WebSocket) -> None:
        """Go on with the WebSocket, which is open now."""
        self.inbox.source = websocket
        websocket.inbox = self.inbox
        self.websocket = websocket
        self.phase = TALKING

    # For the subclass

    def other(self, message: dict[str, Any]) -> Awaitable[None]:
        """Take an event that is no message, or none of this phase."""
        raise NotImplementedError

    def wait(self, message: dict[str, Any]) -> Awaitable[None]:
        """Say `message` when there is room for it."""
        raise NotImplementedError


async def failing(error: Exception) -> None:
    """Raise where it is awaited: a caller that makes many tasks of many sends does not expect it before."""
    raise error
