"""What is kept of connections: from their beginning to their end, and no longer."""

from tests.signalr.nets import hall

from everywire.signalr import Hub


class Empty(Hub):
    pass


def calls(running):
    return running.context.clients._sending and running.net.app._hosted[0]._calls


def test_connections_that_are_over_are_forgotten():
    with hall(Empty) as running:
        client = running.come()
        known = calls(running)._known
        assert [*known] == [client.session]
        client.send("leave")
        running.net.run(200)
        assert not known


def test_those_that_went_on_elsewhere_are_swept():
    with hall(Empty) as running:
        kept = calls(running)
        for number in range(300):
            kept.connection(f"elsewhere {number}")
        client = running.come()
        assert [*kept._known] == [client.session]


def test_nothing_is_known_of_a_connection_that_is_not_here():
    with hall(Empty) as running:
        kept = calls(running)
        assert kept.transport("nobody") is None
        kept.close("nobody")
