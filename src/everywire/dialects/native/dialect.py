"""The native dialect: which requests are for it, and what becomes of them."""

from __future__ import annotations

from everywire.dialects.base import Decoder, Heartbeat, Intent, NewId, Open, Reply
from everywire.dialects.native import http
from everywire.dialects.native.reading import NativeDecoder, PackedDecoder
from everywire.dialects.native.writing import PACKED_SUBPROTOCOL, SUBPROTOCOL, NativeCodec, PackedCodec
from everywire.http.request import Request
from everywire.payloads import Codec

__all__ = ["NativeDialect", "NativeSpeech"]

# Stateless, and shared: a codec is the key of "encode once".
_WORDS: dict[str, tuple[Codec, Decoder]] = {
    SUBPROTOCOL: (NativeCodec(), NativeDecoder()),
    PACKED_SUBPROTOCOL: (PackedCodec(), PackedDecoder()),
}


class NativeSpeech:
    """The native wire in JSON, as it is spoken inside of another dialect: by the same codec as on everywire's own WebSockets."""

    codec = _WORDS[SUBPROTOCOL][0]
    begins = None
    heartbeat = None

    def decoder(self) -> Decoder:
        """Give a reader, which keeps nothing."""
        return _WORDS[SUBPROTOCOL][1]


class NativeDialect:
    """What everywire's own clients speak, over a WebSocket at `path` or over HTTP below it."""

    name = "native"

    def __init__(self, path: str = "/everywire", heartbeat: Heartbeat | None = None) -> None:
        self.path = path
        self.heartbeat = heartbeat or Heartbeat()

    def accept(self, request: Request, new_id: NewId) -> Intent | None:
        """Open a transport for a WebSocket that offers one of the subprotocols; refuse everything else here; see `http` for what is below."""
        path = request.path
        if path != self.path:
            below = path.removeprefix(self.path + "/")
            return None if below == path else http.accept(request, below, _WORDS[SUBPROTOCOL][0])
        if "websocket" not in request.headers.tokens("upgrade"):
            headers = (("Upgrade", "websocket"), ("Connection", "Upgrade"))
            return Reply(426, b"This is a WebSocket endpoint.\n", headers)
        offered = request.headers.tokens("sec-websocket-protocol")
        for subprotocol, words in _WORDS.items():  # in the order in which the server prefers them, too
            if subprotocol in offered:
                return Open(*words, subprotocol=subprotocol)
        return Reply(400, f"Offer the subprotocol {SUBPROTOCOL} or {PACKED_SUBPROTOCOL}.\n".encode())
