"""What dialects decide is data: it can be compared and has nothing to do."""

from everywire.dialects.base import Open, Reply


def test_intents_are_values():
    assert Reply(404) == Reply(404, b"", ())
    assert Open(subprotocol="x") == Open(subprotocol="x")
    assert Open(subprotocol="x") != Open()
