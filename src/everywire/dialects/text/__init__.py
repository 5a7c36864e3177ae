"""Plain texts: each that a client says is a call of one handler, and what it is told are texts."""

from everywire.dialects.text.dialect import TextDialect
from everywire.dialects.text.reading import TextDecoder
from everywire.dialects.text.writing import TextCodec

__all__ = ["TextCodec", "TextDecoder", "TextDialect"]
