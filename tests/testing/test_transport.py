"""A transport in memory."""

from everywire.payloads import Payload
from everywire.testing.transport import CARRIER, MemoryTransport


def test_what_is_sent_waits_until_it_is_taken():
    one, two = MemoryTransport(), MemoryTransport()
    CARRIER.send_many([one.wire, two.wire], Payload("a"))
    one.send([Payload("b"), Payload("c")])
    assert ([*one.outbox], [*two.outbox]) == (["a", "b", "c"], ["a"])


def test_a_closed_one_takes_nothing_and_stays_as_it_was_closed():
    one = MemoryTransport()
    one.close(1001, "gone")
    one.close(1000)
    one.send([Payload("a")])
    assert (one.closed, [*one.outbox]) == ((1001, "gone"), [])
