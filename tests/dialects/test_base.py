"""What dialects decide is data: it can be compared and has nothing to do."""

from everywire.dialects.base import Open, Reply
from everywire.dialects.native import NativeCodec, NativeDecoder

WORDS = NativeCodec(), NativeDecoder()


def test_intents_are_values():
    assert Reply(404) == Reply(404, b"", ())
    assert Open(*WORDS, subprotocol="x") == Open(*WORDS, subprotocol="x")
    assert Open(*WORDS, subprotocol="x") != Open(*WORDS)
