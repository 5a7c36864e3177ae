"""The Socket.IO dialect: Engine.IO 4 below, Socket.IO 5 above."""

from __future__ import annotations

from weakref import WeakValueDictionary

from everywire.dialects.base import Decoder, Heartbeat, Intent, NewId
from everywire.dialects.socketio import engine
from everywire.dialects.socketio.packets import MAIN
from everywire.dialects.socketio.reading import Codecs, Predicate, SocketIODecoder
from everywire.dialects.socketio.writing import NamespaceCodec
from everywire.errors import CloseCode, reconnectable
from everywire.http.request import Request
from everywire.payloads import Codec, Payload

__all__ = ["SocketIODialect"]


def _main_alone(namespace: str) -> bool:
    return namespace == MAIN


class SocketIODialect:
    """What socket.io-client speaks from version 3 on, by WebSocket and by polling, at `path` with or without a slash behind it.

    `namespaces` says which there are, the main one ("/") among them. `max_payload` is the bytes of a message, of a body, and of all that
    is attached to a packet; `max_namespaces`, which may be set anew, how many one transport may be in.
    `recoverable` clients, all or those of some namespaces, go on with their sessions when they come back, and are told one more argument with
    each event for that.

    Invariants: `_codecs` holds every codec that a transport still uses, so that all sessions of a namespace share one.
    """

    name = "socketio"

    def __init__(
        self,
        path: str = "/socket.io",
        heartbeat: Heartbeat | None = None,
        namespaces: Predicate = _main_alone,
        max_payload: int = 1_000_000,
        *,
        recoverable: bool | Predicate = False,
    ) -> None:
        self.path = path.rstrip("/")
        self.heartbeat = heartbeat or Heartbeat(every=25.0, patience=20.0)
        self.max_payload = max_payload
        self.max_namespaces = 64
        self._namespaces = namespaces
        self._recoverable: Predicate = recoverable if callable(recoverable) else lambda namespace: recoverable
        self._codecs: WeakValueDictionary[tuple[str, type[NamespaceCodec]], NamespaceCodec] = WeakValueDictionary()
        self._given: Codecs = self._codec  # one for all transports: each would otherwise bind its own

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Open, carry on or refuse a transport at the path."""
        return engine.accept(request, new_id, self) if request.path in (self.path, self.path + "/") else None

    def decoder(self) -> Decoder:
        """Give the reader of a new transport."""
        return SocketIODecoder(self._given, self._namespaces, self.max_payload, self.max_namespaces)

    def part(self, codec: Codec, code: int, reason: str) -> tuple[Payload, ...] | None:
        """End one namespace, whose client does not come back by itself then; None where it may: it does once the transport is gone.

        Who left by itself is told nothing.
        """
        if code == CloseCode.NORMAL:
            return ()
        if reconnectable(code) or not isinstance(codec, NamespaceCodec):
            return None
        return codec.parted()

    def _codec(self, namespace: str, kind: type[NamespaceCodec]) -> NamespaceCodec:
        codec = self._codecs.get((namespace, kind))
        if codec is None:
            codec = self._codecs[namespace, kind] = kind(namespace, recoverable=self._recoverable(namespace))
        return codec
