"""The native wire, version 1: `docs/protocol.md` in code."""

from everywire.dialects.native.dialect import NativeDialect, NativeSpeech
from everywire.dialects.native.reading import BAD_MESSAGE, MAX_BATCH, NativeDecoder, PackedDecoder
from everywire.dialects.native.writing import PACKED_SUBPROTOCOL, SUBPROTOCOL, NativeCodec, PackedCodec
from everywire.fitness import MAX_DEPTH

__all__ = [
    "BAD_MESSAGE",
    "MAX_BATCH",
    "MAX_DEPTH",
    "PACKED_SUBPROTOCOL",
    "SUBPROTOCOL",
    "NativeCodec",
    "NativeDecoder",
    "NativeDialect",
    "NativeSpeech",
    "PackedCodec",
    "PackedDecoder",
]
