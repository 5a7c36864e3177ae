"""A transport in memory."""

from everywire.payloads import Payload
from everywire.testing.clock import VirtualLoop
from everywire.testing.transport import CARRIER, CrowdedTransport, MemoryTransport


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


def test_a_crowded_one_has_room_again_when_enough_was_taken_or_it_is_closed():
    loop = VirtualLoop()
    for make_room in (CrowdedTransport.take, lambda one: one.close(1001)):
        one = CrowdedTransport(1, loop)
        one.send([Payload("a"), Payload("b"), Payload("c")])
        assert one.take() == "a"
        waiting = [loop.create_task(one.drain()) for _ in range(2)]
        loop.run(1)
        assert [each.done() for each in waiting] == [False, False]
        make_room(one)
        loop.run(1)
        assert [each.done() for each in waiting] == [True, True]
    loop.close()


def test_what_waits_is_counted():
    transport = MemoryTransport()
    transport.send((Payload("abc"), Payload(b"de")))
    assert transport.queued == 5
    transport.take()
    assert transport.queued == 2
