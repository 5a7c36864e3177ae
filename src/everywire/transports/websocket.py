"""Sessions on WebSocket connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, Protocol

from everywire.engine import websocket as engine
from everywire.engine.inbox import READY
from everywire.payloads import Carrier, Payload

__all__ = ["CARRIER", "WebSocketCarrier", "WebSocketTransport"]

_PATIENCE = 5.0  # seconds for a client that was told of the end to close its WebSocket

broadcast: Callable[[Iterable[Any], str | bytes], None] = engine.broadcast
post: Callable[[Any, str | bytes], None] = engine.post


class _WebSocket(Protocol):
    below: Any

    @property
    def request(self) -> Any: ...

    def drain(self) -> Awaitable[None]: ...

    def close(self, code: int = 1000, reason: str = "") -> Any: ...

    def ended(self) -> None: ...


class WebSocketCarrier:
    """Writes one payload to many connections: framed once, compressed once per way of compressing.

    A connection whose queue is above its bound is closed by the engine; it recovers over its next one.
    """

    __slots__ = ()

    def send_many(self, wires: Iterable[Any], payload: Payload) -> None:
        """Queue `payload` on every connection; closed ones are passed over."""
        broadcast(wires, payload.data)


CARRIER: Final = WebSocketCarrier()
_ABRUPTLY = 1006  # RFC 6455 7.1.5: without a close frame


class WebSocketTransport:
    """One WebSocket connection as a transport; an `abrupt` one ends without a close frame.

    One with a `later`, which calls an action in so many seconds, is patient: its client closes it, or we do if it does not.
    """

    __slots__ = ("_abrupt", "_later", "wire")

    carrier: Carrier = CARRIER

    def __init__(
        self,
        websocket: _WebSocket,
        *,
        abrupt: bool = False,
        later: Callable[[float, Callable[[], None]], Any] | None = None,
    ) -> None:
        self.wire: Final[Any] = websocket
        self._abrupt = abrupt
        self._later = later

    def send(self, payloads: Sequence[Payload]) -> None:
        """Queue `payloads`, each as one message, under the same bound as what goes to many."""
        for payload in payloads:
            post(self.wire, payload.data)

    @property
    def crowded(self) -> bool:
        """Whether more than `write_high` bytes are queued."""
        return self.wire.drain() is not READY

    @property
    def queued(self) -> int:
        """Bytes that wait for the client."""
        below = self.wire.below
        return 0 if below is None else int(below.queued())

    def drain(self) -> Awaitable[None]:
        """Await room: at once, unless more than `write_high` bytes are queued."""
        room: Awaitable[None] = self.wire.drain()
        return room

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake; where the end is to be abrupt, as by code 1006, send what is queued and end the connection below."""
        if self._abrupt or code == _ABRUPTLY:
            self.wire.ended()
        elif self._later is not None:
            self._later(_PATIENCE, lambda: self.wire.close(code, reason))
        else:
            self.wire.close(code, reason)
