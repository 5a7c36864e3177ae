"""What dialects decide is data: it can be compared and has nothing to do."""

from everywire.dialects.base import Carry, Deliver, Leave, Open, Renew, Reply
from everywire.dialects.native import NativeCodec, NativeDecoder

WORDS = NativeCodec(), NativeDecoder()


def test_intents_are_values():
    assert Reply(404) == Reply(404, b"", ())
    assert Open(*WORDS, subprotocol="x") == Open(*WORDS, subprotocol="x")
    assert Open(*WORDS, subprotocol="x") != Open(*WORDS)


def test_what_a_request_shows_is_in_no_repr():
    shown = [
        Carry("n.s", token="secret"),
        Deliver("n.s", None, (), Reply(200), token="secret"),
        Leave("n.s", Reply(202), token="secret"),
        Renew("n.s", "secret", lambda *told: Reply(200)),
    ]
    assert "secret" not in repr(shown)
