"""What dialects decide is data: it can be compared and has nothing to do."""

from everywire.dialects.base import Deliver, Leave, Open, Reply


def test_intents_are_values():
    assert Reply(404) == Reply(404, b"", ())
    assert Open(subprotocol="x") != Open()
    gone = Reply(404)
    assert Deliver("id", ("a",), Reply(200), gone) == Deliver("id", ("a",), Reply(200), gone)
    assert Leave("id", Reply(202), gone).unknown is gone
