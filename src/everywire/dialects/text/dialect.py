"""The text dialect: plain WebSocket clients of any kind, each of whose messages is a call."""

from __future__ import annotations

from everywire.dialects.base import Heartbeat, Intent, NewId, Open, Reply
from everywire.dialects.text.reading import TextDecoder
from everywire.dialects.text.writing import TextCodec
from everywire.http.request import Request
from everywire.messages import Connect

__all__ = ["TextDialect"]

_CODEC = TextCodec()


class TextDialect:
    """What a WebSocket at `path` says are calls of the handler called `name`; its client is a session from the first moment on.

    Where there is a word for it, as inside of SockJS, it is told a beat `every` so many seconds, which it does not answer.
    """

    name = "text"

    def __init__(self, path: str, name: str = "message", every: float = 25.0) -> None:
        self.path = path
        self.heartbeat = Heartbeat(every=every, who_asks="nobody")
        self.codec = _CODEC
        self.begins = Connect(0, lasting=False)
        self._name = name

    def decoder(self) -> TextDecoder:
        """Give the reader of a new client."""
        return TextDecoder(self._name)

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Open a transport for a WebSocket at the path; refuse everything else there."""
        if request.path != self.path:
            return None
        if "websocket" not in request.headers.tokens("upgrade"):
            headers = (("Upgrade", "websocket"), ("Connection", "Upgrade"))
            return Reply(426, b"This is a WebSocket endpoint.\n", headers)
        return Open(self.codec, self.decoder(), begins=self.begins, heartbeat=self.heartbeat)
